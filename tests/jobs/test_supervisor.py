"""Runs in real worker processes: they finish, pause, step, stop, and come back exactly after a kill."""

import os
import signal
import time

import pytest

from app.core.errors import InvalidInput, Missing, Refused
from app.store import runs
from tests.jobs.playground import Playground, uninterrupted

SLOW = 5_000.0  # steps a second, so that a run of 100,000 steps can be caught in the middle


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    playground = Playground(tmp_path_factory.mktemp("data"), max_running=2)
    yield playground
    playground.close()


def worker_of(playground, run):
    return playground.supervisor._floor.attempts[run].worker


def running(playground, **wanted):
    """Return a run that trains slowly and has points."""
    run = playground.create(speed=wanted.pop("speed", SLOW), total_steps=100_000, **wanted)
    playground.wait(run, lambda row: row.state == "running" and row.step > 0)
    return run


def test_a_run_finishes_and_its_curve_is_that_of_a_training_without_processes(playground, tmp_path):
    run = playground.create(total_steps=50_000, seed=3)
    row = playground.wait_for(run, "finished")
    assert (row.step, row.attempt, row.reason) == (50_000, 1, "")
    assert playground.curve(run) == uninterrupted(row, [], tmp_path)
    assert playground.events(run)[0]["event"] == "started"


def test_a_killed_worker_is_replaced_and_the_curve_is_the_same(playground, tmp_path):
    run = running(playground, seed=4)
    playground.supervisor.checkpoint(run)
    playground.wait(run, lambda row: row.step > 5_000)
    os.kill(worker_of(playground, run).pid, signal.SIGKILL)
    row = playground.wait(run, lambda row: row.attempt == 2)
    assert row.state in ("starting", "running")
    playground.supervisor.set_speed(run, None)
    row = playground.wait_for(run, "finished")
    assert playground.curve(run) == uninterrupted(row, [], tmp_path)
    assert not row.flags
    said = [event["text"] for event in playground.events(run) if event["event"] == "interrupted"]
    assert len(said) == 1
    assert "signal 9" in said[0]
    assert "checkpoint" in said[0]


def test_an_edit_is_repeated_at_its_step_after_a_kill(playground, tmp_path):
    run = running(playground, seed=5)
    answer = playground.supervisor.edit(run, {"alpha": 0.05})
    assert answer["effective"] == "step"
    playground.wait(run, lambda row: bool(playground.edits(run)[0]["step"]))
    step = playground.edits(run)[0]["step"]
    playground.wait(run, lambda row: row.step > step)
    os.kill(worker_of(playground, run).pid, signal.SIGKILL)
    playground.wait(run, lambda row: row.attempt == 2)
    playground.supervisor.set_speed(run, None)
    row = playground.wait_for(run, "finished")
    assert row.config_now["alpha"] == 0.05
    assert row.config["alpha"] != 0.05
    assert playground.curve(run) == uninterrupted(row, playground.edits(run), tmp_path)
    assert not row.flags


def test_a_paused_run_steps_and_resumes_in_the_same_process(playground):
    run = running(playground)
    playground.supervisor.pause(run)
    row = playground.wait_for(run, "paused")
    playground.wait(run, lambda row: any(event["event"] == "paused" for event in playground.events(run)))
    step = playground.row(run).step
    playground.supervisor.step(run, "step", 3)
    playground.wait(run, lambda row: row.step == step + 3)
    assert playground.row(run).state == "paused"
    playground.supervisor.set_speed(run, None)
    playground.supervisor.resume(run)
    row = playground.wait_for(run, "finished")
    assert row.attempt == 1


def test_a_paused_run_whose_process_is_gone_steps_and_resumes_from_its_checkpoint(playground, tmp_path):
    run = running(playground, seed=6)
    playground.supervisor.pause(run)
    playground.wait(run, lambda row: row.state == "paused" and bool(playground.checkpoints(run)))
    worker = worker_of(playground, run)
    os.kill(worker.pid, signal.SIGKILL)
    gone = lambda row: worker.pid not in playground.supervisor.status()["workers"]  # noqa: E731
    playground.wait(run, gone)
    row = playground.row(run)
    assert row.state == "paused"
    playground.supervisor.step(run, "step", 2)
    after = playground.wait(run, lambda now: now.state == "paused" and now.step == row.step + 2)
    assert after.attempt == 2
    playground.supervisor.set_speed(run, None)
    playground.supervisor.resume(run)
    row = playground.wait_for(run, "finished")
    assert playground.curve(run) == uninterrupted(row, [], tmp_path)


def test_a_stop_leaves_a_receipt_and_a_checkpoint(playground):
    run = running(playground)
    worker = worker_of(playground, run)
    playground.supervisor.stop(run)
    row = playground.wait(run, lambda row: row.state == "stopped" and bool(row.receipt["process_gone"]))
    assert row.receipt["asked"] <= row.receipt["process_gone"]
    assert row.receipt["acknowledged"]
    assert row.receipt["checkpoint"] in {item["id"] for item in playground.checkpoints(run)}
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)


def test_a_worker_that_does_not_answer_a_stop_is_killed(playground):
    run = running(playground)
    worker = worker_of(playground, run)
    os.kill(worker.pid, signal.SIGSTOP)
    playground.supervisor.stop(run)
    row = playground.wait(run, lambda row: row.state == "stopped" and bool(row.receipt["process_gone"]))
    assert row.receipt["acknowledged"] is None


def test_a_run_beyond_the_limit_waits_says_where_and_stops_at_once(playground):
    first, second = running(playground, speed=500.0), running(playground, speed=500.0)
    third, fourth = playground.create(), playground.create()
    assert playground.supervisor.queue_position(third) == 1
    assert playground.supervisor.queue_position(fourth) == 2
    assert playground.supervisor.queue_position(first) is None
    playground.supervisor.stop(third)
    assert playground.row(third).state == "stopped"
    assert playground.row(third).receipt["process_gone"]
    assert playground.supervisor.queue_position(fourth) == 1
    playground.supervisor.pause(first)
    assert playground.wait_for(fourth, "running", "finished").attempt == 1
    playground.wait_for(fourth, "finished")
    for run in (first, second):
        playground.supervisor.stop(run)
        playground.wait_for(run, "stopped")


def test_what_a_state_does_not_allow_is_refused_with_the_way_out(playground):
    run = playground.create(total_steps=1_000)
    playground.wait_for(run, "finished")
    for action in ("pause", "resume", "stop", "checkpoint"):
        with pytest.raises(Refused, match=r"finished.*Fork it"):
            getattr(playground.supervisor, action)(run)
    with pytest.raises(Refused, match="finished"):
        playground.supervisor.edit(run, {"alpha": 0.1})
    with pytest.raises(Missing, match="no such run"):
        playground.supervisor.stop(10**6)


def test_an_edit_of_what_cannot_change_is_refused_and_stores_nothing(playground):
    run = running(playground)
    with pytest.raises(InvalidInput, match="unknown name"):
        playground.supervisor.edit(run, {"nonsense": 1})
    with pytest.raises(InvalidInput, match="must be ≤ 1"):
        playground.supervisor.edit(run, {"alpha": 7.0})
    with pytest.raises(InvalidInput, match="nothing to change"):
        playground.supervisor.edit(run, {})
    assert playground.edits(run) == []
    playground.supervisor.stop(run)
    playground.wait_for(run, "stopped")


def test_a_fork_continues_from_the_checkpoint_also_when_the_parent_is_deleted(playground):
    parent = playground.create(total_steps=2_000)
    row = playground.wait_for(parent, "finished")
    checkpoint = playground.checkpoints(parent)[-1]
    new = runs.RunNew(
        algorithm=row.algorithm,
        environment=row.environment,
        environment_config=row.environment_config,
        config=row.config | {"alpha": 0.05},
        seed=row.seed,
        total_steps=5_000,
        parent_run=parent,
        parent_checkpoint=checkpoint["id"],
    )
    child = playground.fork(new)
    finished = playground.wait_for(child, "finished", "failed")
    assert (finished.state, finished.step, finished.reason) == ("finished", 5_000, "")
    assert playground.curve(child)["rollout/episode_return"][0][0] >= checkpoint["step"]
    with pytest.raises(Missing, match="no such checkpoint"):
        playground.fork(runs.RunNew(**{**vars(new), "parent_checkpoint": "1-auto-1"}))


def test_a_server_that_stops_loses_no_step_and_the_curve_is_the_same(tmp_path):
    first = Playground(tmp_path / "data", max_running=2, keep_spare=True)
    run = running(first, seed=8)
    paused = running(first, seed=9)
    first.supervisor.pause(paused)
    first.wait_for(paused, "paused")
    first.supervisor.step(paused, "step", 5)
    at = first.row(paused).step
    begun = time.monotonic()
    first.close()
    assert time.monotonic() - begun < 3.0
    second = Playground(tmp_path / "data", max_running=2)
    try:
        saved = max(second.checkpoints(run), key=lambda item: item["step"])
        left = second.row(run)
        assert saved["step"] >= left.step > 0
        row = second.wait(run, lambda row: row.attempt == 2 and row.state == "running")
        assert row.step >= saved["step"]
        assert (second.row(paused).state, second.row(paused).step) == ("paused", max(at, second.row(paused).step))
        second.supervisor.set_speed(run, None)
        row = second.wait_for(run, "finished")
        assert second.curve(run) == uninterrupted(row, [], tmp_path / "reference")
        assert not row.flags
    finally:
        second.close()
