"""Whatever dies, the row becomes what it should be: app/jobs/repair.py, app/jobs/floor.py and app/jobs/supervisor.py without processes."""

import threading

import pytest

from app.jobs import repair
from app.store import checkpoints, events
from tests.jobs.fakes import Floor


@pytest.fixture
def floor(tmp_path):
    floor = Floor(tmp_path)
    yield floor
    floor.close()


@pytest.mark.parametrize(
    ("left_as", "becomes"),
    [
        ("starting", "starting"),
        ("running", "starting"),
        ("pausing", "paused"),
        ("paused", "paused"),
        ("stopping", "stopped"),
    ],
)
def test_a_new_server_mends_what_the_last_one_left(floor, left_as, becomes):
    run = floor.insert(left_as)
    floor.start()
    row = floor.wait_for(run, becomes, attempt=2 if becomes == "starting" else 1)
    if becomes == "stopped":
        assert row.receipt["process_gone"]
        assert row.receipt["acknowledged"] is None
    with floor.store.read() as connection:
        said = [event["text"] for event in events.list_(connection, run)]
    assert said == (["The server was restarted; it continues from the start."] if becomes == "starting" else [])


def test_a_terminal_row_is_never_mended(floor):
    run = floor.insert("finished")
    floor.start()
    floor.pass_time(10)
    other = floor.insert()
    floor.wait_for(other, "starting")
    assert floor.row(run).state == "finished"


def test_three_deaths_without_a_new_checkpoint_fail_the_run_with_the_end_of_its_log(floor):
    floor.start()
    run = floor.insert()
    for number in range(3):
        worker = floor.engine.worker(number)
        worker.state("running")
        folder = floor.store.run_folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "worker.log").write_text("first line\nterminate called\nout of luck\n")
        worker.die(-11)
        floor.wait_for(run, "failed" if number == 2 else "starting", attempt=min(number + 2, 3))
    row = floor.row(run)
    assert row.reason.startswith(
        "The worker process was ended by signal 11, 3 times in a row without a new checkpoint."
    )
    assert row.reason.endswith("first line / terminate called / out of luck")


def test_a_new_checkpoint_forgives_earlier_deaths(floor):
    floor.start()
    run = floor.insert()
    for number in range(6):
        worker = floor.engine.worker(number)
        worker.state("running")
        if number % 2:
            worker.checkpoint(number * 10)
            worker.wait_for("ack", 2)
        worker.die(-9)
        floor.wait_for(run, "starting", attempt=number + 2)


def test_a_worker_that_dies_while_pausing_leaves_a_paused_run(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("running")
    floor.wait_for(run, "running")
    floor.supervisor.pause(run)
    assert worker.wait_for("command").header["name"] == "pause"
    worker.die(-9)
    floor.wait_for(run, "paused")
    floor.supervisor.resume(run)
    floor.wait_for(run, "starting", attempt=2)


def test_a_worker_that_dies_after_its_last_word_has_finished(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("running")
    worker.state("finished", 1000)
    worker.die(1)
    assert floor.wait_for(run, "finished").reason == ""


def test_a_silent_worker_is_shown_as_stalled_and_not_killed(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("running")
    worker.wait_for("ack")
    floor.supervisor.set_speed(run, None)  # answered in the supervisor's thread, after the record was told to it
    floor.pass_time(repair.STALLED_S + 1)
    with floor.changed:
        assert floor.changed.wait_for(lambda: "stalled" in floor.row(run).reason, 20)
    assert not worker.is_dead
    worker.say({"type": "live", "run": run, "header": {"type": "progress", "step": 5, "fps": 1.0}})
    floor.supervisor.set_speed(run, 2.0)
    floor.pass_time(3)
    with floor.changed:
        assert floor.changed.wait_for(lambda: floor.row(run).reason == "", 20)


def test_a_full_disk_starts_nothing_and_pauses_what_runs(tmp_path, monkeypatch):
    free = [10**12]
    monkeypatch.setattr(repair, "free_bytes", lambda folder: free[0])
    floor = Floor(tmp_path, refuse_below_free_mb=500, pause_below_free_mb=200, max_running=2).start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("running")
    floor.wait_for(run, "running")
    free[0] = 100 * 2**20
    floor.pass_time(10)
    worker.wait_for("command", name="pause")
    assert "100 MB left" in floor.row(run).reason
    waiting = floor.insert()
    floor.supervisor.set_speed(waiting, 1.0)
    assert floor.row(waiting).state == "queued"
    free[0] = 10**12
    floor.pass_time(10)
    floor.wait_for(waiting, "starting")
    floor.close()


def test_a_record_that_cannot_be_stored_sends_the_run_back_to_its_checkpoint(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("running")
    worker.record("nonsense")
    floor.wait_for(run, "starting", attempt=2)
    assert worker.is_dead


def test_an_end_after_a_record_that_was_lost_is_not_believed(floor):
    """A run that says it finished over a hole in its curve is started again from its checkpoint."""
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("running")
    worker.record("points", series=[{"name": "train/loss", "first_seq": 7, "count": 1}], step=7)
    worker.state("finished", 1000)
    floor.wait_for(run, "starting", attempt=2)
    assert worker.is_dead
    floor.engine.worker(1).state("finished", 1000)
    floor.wait_for(run, "finished")


def test_a_paused_run_keeps_its_process_for_a_while(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("paused", 10)
    worker.checkpoint(10)
    worker.wait_for("ack", 2)
    floor.supervisor.set_speed(run, 1.0)
    floor.pass_time(floor.settings.paused_keep_s - 1)
    floor.supervisor.set_speed(run, 2.0)
    assert not worker.is_dead
    floor.pass_time(2)
    floor.supervisor.set_speed(run, 3.0)
    assert worker.is_dead
    assert floor.row(run).state == "paused"


def test_the_resumed_attempt_starts_from_the_newest_announced_checkpoint_on_the_disk(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("running")
    folder = floor.store.run_folder(run) / "checkpoints"
    for number, name in enumerate(("10-auto-1", "90-auto-2", "50-best-3", "70-auto-4")):
        worker.checkpoint(int(name.split("-")[0]), name.split("-")[1], number + 1)
        if number != 1:
            (folder / name).mkdir(parents=True)
    (folder / "99-auto-9").mkdir()
    worker.wait_for("ack", 5)
    worker.die(-9)
    floor.wait_for(run, "starting", attempt=2)
    start = floor.engine.worker(1).wait_for("start").header
    assert start["job"]["checkpoint"] == "70-auto-4"
    assert start["fallbacks"] == ["50-best-3", "10-auto-1", None]
    with floor.store.read() as connection:
        assert len(checkpoints.list_(connection, run)) == 4


def test_a_server_that_stops_lets_its_workers_save_their_state(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.state("running")
    floor.wait_for(run, "running")
    worker.stands_at = 77
    floor.restart()
    assert floor.wait_for(run, "starting", attempt=2).reason == ""
    with floor.store.read() as connection:
        assert [item["id"] for item in checkpoints.list_(connection, run)] == ["77-auto-99"]
        said = [event["text"] for event in events.list_(connection, run)]
    assert said == ["The server was restarted; it continues from checkpoint 77-auto-99."]


def test_a_worker_that_has_not_begun_is_not_waited_for(floor):
    floor.start()
    floor.insert()
    worker = floor.engine.worker(0)
    worker.record("state", state="starting", reason="Compiling", step=None)
    worker.is_obedient = False
    floor.restart()
    assert "leave" not in worker.commands()
    assert worker.is_dead


def test_a_worker_that_does_not_leave_in_time_is_ended(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.is_obedient = False
    worker.state("running")
    floor.wait_for(run, "running")
    closing = threading.Thread(target=floor.supervisor.close)
    closing.start()
    worker.wait_for("command", name="leave")
    assert not worker.is_dead
    floor.clock.now += 1.6
    closing.join(20)
    assert worker.is_dead
    assert floor.row(run).state == "running"


def test_what_a_run_waits_for_before_it_begins_is_its_reason(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.record("state", state="starting", reason="Compiling", step=None)
    with floor.changed:
        assert floor.changed.wait_for(lambda: floor.row(run).reason == "Compiling", 20)
    worker.state("running")
    assert floor.wait_for(run, "running").reason == ""


def test_a_worker_that_dies_while_it_waits_for_the_storage_is_replaced(floor):
    floor.start()
    run = floor.insert()
    worker = floor.engine.worker(0)
    worker.record("state", state="running", reason="storage behind", step=5, is_short=True)
    with floor.changed:
        assert floor.changed.wait_for(lambda: floor.row(run).reason == "storage behind", 20)
    worker.die(-9)
    floor.wait_for(run, "starting", attempt=2)
