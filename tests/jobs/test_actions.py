"""What users ask meets the run's state: app/jobs/actions.py and app/jobs/launching.py over fake workers."""

import pytest

from app.core.errors import InvalidInput, Refused
from tests.jobs.fakes import Floor


@pytest.fixture
def floor(tmp_path):
    floor = Floor(tmp_path).start()
    yield floor
    floor.close()


def started(floor, **values):
    run = floor.insert(**values)
    worker = floor.engine.worker(len(floor.engine.workers))
    worker.state("running")
    floor.wait_for(run, "running")
    return run, worker


def test_a_queued_run_is_paused_and_resumed_without_a_process(floor):
    busy, _ = started(floor)
    run = floor.insert()
    floor.supervisor.pause(run)
    assert floor.row(run).state == "paused"
    floor.supervisor.resume(run)
    assert floor.row(run).state == "queued"
    assert floor.supervisor.queue_position(run) == 1
    assert len(floor.engine.workers) == 1
    assert floor.row(busy).state == "running"


def test_a_pause_while_it_starts_is_not_undone_by_a_late_running(floor):
    run = floor.insert()
    worker = floor.engine.worker(0)
    floor.wait_for(run, "starting")
    floor.supervisor.pause(run)
    worker.state("running")
    worker.wait_for("ack")
    assert floor.row(run).state == "pausing"
    worker.state("paused", 3)
    floor.wait_for(run, "paused")


def test_a_paused_run_frees_its_slot_and_resumes_through_the_queue_when_there_is_none(floor):
    run, worker = started(floor)
    floor.supervisor.pause(run)
    waiting = floor.insert()
    worker.state("paused", 3)
    floor.wait_for(waiting, "starting")
    floor.supervisor.resume(run)
    assert floor.row(run).state == "queued"
    assert worker.is_dead
    second = floor.engine.worker(1)
    second.state("finished", 1000)
    floor.wait_for(run, "starting", attempt=2)


def test_a_paused_run_resumes_in_its_process_when_there_is_a_slot(floor):
    run, worker = started(floor)
    floor.supervisor.pause(run)
    worker.state("paused", 3)
    floor.wait_for(run, "paused")
    floor.supervisor.set_speed(run, None)
    floor.supervisor.resume(run)
    assert floor.row(run).state == "running"
    assert worker.commands() == ["pause", "speed", "resume"]


def test_a_paused_run_without_a_process_is_started_paused_and_told_to_step(floor):
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("paused", 40)
    floor.wait_for(run, "paused")
    worker.die(-9)
    floor.supervisor.step(run, "update", 2)
    again = floor.engine.worker(1)
    assert (again.job["paused"], again.job["reached"]) == (True, 40)
    assert again.wait_for("command").header == {"type": "command", "name": "step", "unit": "update", "count": 2}


@pytest.mark.parametrize(("unit", "count"), [("sweep", 1), ("step", 0), ("step", 10**7)])
def test_a_step_out_of_bounds_is_refused(floor, unit, count):
    with pytest.raises(InvalidInput):
        floor.supervisor.step(1, unit, count)


def test_a_stop_is_acknowledged_by_the_worker_and_ends_with_the_process(floor):
    run, worker = started(floor)
    floor.supervisor.stop(run)
    assert floor.row(run).state == "stopping"
    worker.say({"type": "taken", "name": "stop", "id": None})
    floor.pass_time(5)  # the final checkpoint may take its time once the stop was taken
    with pytest.raises(Refused, match="stopping"):
        floor.supervisor.pause(run)
    assert not worker.is_dead
    worker.state("stopped", 7)
    row = floor.wait_for(run, "stopped")
    worker.die(0)
    with floor.changed:
        assert floor.changed.wait_for(lambda: floor.row(run).receipt["process_gone"], 20)
    assert row.receipt["asked"]


def test_a_stop_that_is_not_taken_ends_the_process_after_a_second(floor):
    run, worker = started(floor)
    floor.supervisor.stop(run)
    floor.pass_time(1.1)
    row = floor.wait_for(run, "stopped")
    assert worker.is_dead
    assert (row.receipt["acknowledged"], bool(row.receipt["process_gone"])) == (None, True)


def test_an_edit_is_committed_before_it_is_sent_and_sent_once(floor):
    run, worker = started(floor, config={})
    answer = floor.supervisor.edit(run, {"alpha": 0.25})
    assert (answer["effective"], answer["step"]) == ("step", None)
    assert floor.row(run).config_now["alpha"] == 0.25
    assert worker.wait_for("command").header == {
        "type": "command", "name": "edit", "id": answer["id"], "config": {"alpha": 0.25}, "kind": "config",
    }  # fmt: skip


def test_an_edit_of_a_waiting_run_travels_with_its_job(floor):
    _, worker = started(floor)
    run = floor.insert(config={})
    answer = floor.supervisor.edit(run, {"alpha": 0.25})
    worker.state("finished", 1000)
    second = floor.engine.worker(1)
    assert second.job["edits"] == [{"id": answer["id"], "step": None, "config": {"alpha": 0.25}, "kind": "config"}]
    floor.wait_for(run, "starting")
    assert second.commands() == []


def test_a_stale_worker_is_fenced(floor):
    run, worker = started(floor)
    worker.die(-9)
    floor.wait_for(run, "starting", attempt=2)
    worker.record("event", event="evaluation", step=1)
    worker.wait_for("fenced")


def test_watching_tells_the_worker_the_union_of_what_is_looked_at(floor):
    run, worker = started(floor)
    grid, plane = {"panel": "grid_values", "options": {}}, {"panel": "plane_values", "options": {"x": "speed"}}
    floor.supervisor.watch(run, "one", [grid])
    floor.supervisor.watch(run, "two", [grid, plane])
    assert worker.wait_for("command", 2).header["panels"] == [grid, plane]
    floor.supervisor.unwatch("two")
    assert worker.wait_for("command", 3).header["panels"] == [grid]


def test_no_process_can_be_started_fails_the_run_with_the_reason(floor):
    floor.engine.is_broken = True
    run = floor.insert()
    assert "no more processes" in floor.wait_for(run, "failed").reason


def test_after_the_end_of_the_supervisor_actions_are_refused_at_once(floor):
    run, _ = started(floor)
    floor.supervisor.close()
    with pytest.raises(Refused):
        floor.supervisor.pause(run)
    assert floor.row(run).state == "running", "the next server goes on with it"


def paused(floor, **values):
    run, worker = started(floor, **values)
    floor.supervisor.pause(run)
    worker.state("paused", 40)
    floor.wait_for(run, "paused")
    return run, worker


def test_a_resume_while_pausing_cancels_the_pause(floor):
    run, worker = started(floor)
    floor.supervisor.pause(run)
    assert floor.row(run).state == "pausing"
    floor.supervisor.resume(run)
    assert floor.row(run).state == "running"
    assert worker.commands() == ["pause", "resume"]
    worker.state("paused", 3)  # it obeyed both, one after the other
    worker.state("running", 3)
    worker.wait_for("ack", 3)
    floor.supervisor.set_speed(run, None)  # after both were taken note of
    assert floor.row(run).state == "running"
    assert floor.supervisor.status()["running"] == 1


def test_a_stepping_run_has_a_slot_and_its_process_until_it_is_done(floor):
    run, worker = paused(floor)
    floor.supervisor.step(run, "step", 5)
    floor.supervisor.step(run, "step", 5)
    waiting = floor.insert()
    worker.record("state", state="paused", reason="", step=45, stepped=1)
    worker.wait_for("ack", 3)
    floor.pass_time(floor.settings.paused_keep_s + 1)
    floor.supervisor.set_speed(run, None)
    assert floor.supervisor.status()["running"] == 1
    assert (worker.is_dead, floor.row(waiting).state) == (False, "queued")
    worker.record("state", state="paused", reason="", step=50, stepped=1)
    floor.wait_for(waiting, "starting")
    assert not worker.is_dead


def test_one_run_may_be_stepped_beside_full_slots_and_no_second_one(floor):
    run, worker = paused(floor)
    second, other = paused(floor)
    training = floor.insert()
    floor.wait_for(training, "starting")
    floor.supervisor.step(run, "step", 1)
    assert worker.commands()[-1] == "step"
    with pytest.raises(Refused, match="all 1 places are taken, and another run is being stepped"):
        floor.supervisor.step(second, "step", 1)
    assert floor.row(second).state == "paused"
    assert "step" not in other.commands()


def test_a_run_on_its_way_back_to_its_pause_can_be_resumed(floor):
    run, worker = paused(floor)
    worker.die(-9)
    floor.supervisor.set_speed(run, None)  # after the end of the process was noticed
    floor.supervisor.step(run, "step", 1)
    again = floor.engine.worker(1)
    again.state("running", 10)
    again.wait_for("ack")
    assert (floor.row(run).state, floor.row(run).step) == ("pausing", 40)
    floor.supervisor.resume(run)
    assert floor.row(run).state == "running"
    assert again.commands() == ["step", "resume"]


@pytest.mark.parametrize("ends", ["worker", "server"])
def test_a_run_on_its_way_back_to_its_pause_stays_paused_whatever_dies(floor, ends):
    run, worker = paused(floor)
    worker.die(-9)
    floor.supervisor.set_speed(run, None)
    floor.supervisor.step(run, "step", 1)
    again = floor.engine.worker(1)
    again.state("running", 10)
    again.wait_for("ack")
    if ends == "worker":
        again.die(-9)
    else:
        floor.restart()
    row = floor.wait_for(run, "paused")
    assert row.step == 40


def test_a_pause_for_the_storage_keeps_the_slot(floor):
    run, worker = started(floor)
    waiting = floor.insert()
    worker.record("state", state="paused", reason="storage behind", step=9, is_short=True)
    worker.wait_for("ack", 2)
    assert floor.row(run).state == "paused"
    floor.pass_time(floor.settings.paused_keep_s + 1)
    floor.supervisor.set_speed(run, None)
    assert floor.supervisor.status()["running"] == 1
    assert (worker.is_dead, floor.row(waiting).state) == (False, "queued")
    worker.state("running", 9)
    floor.wait_for(run, "running")


def test_a_new_attempt_is_told_how_far_the_records_reach(floor):
    _, worker = started(floor)
    worker.record("event", event="started", step=700, text="", data={})
    worker.wait_for("ack", 2)
    worker.die(-9)
    second = floor.engine.worker(1)
    second.state("running", 100)
    second.wait_for("ack")
    second.die(-9)
    third = floor.engine.worker(2)
    assert (third.job["reached"], third.job["paused"]) == (700, False)
