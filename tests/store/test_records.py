"""A record becomes rows under its attempt, or nothing at all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.store import checkpoints, edits, episodes, events, frames, records, runs, series
from app.store.changes import Change
from app.store.database import Store
from app.store.records import Fenced, Record

Send = Callable[..., str]
MakePoints = Callable[..., Record]


def get(store: Store, run: int) -> runs.RunRow:
    with store.read() as connection:
        row = runs.get(connection, run)
    assert row is not None
    return row


def state(name: str, **other: Any) -> Record:
    return Record("state", {"state": name, "reason": "", "step": 5, **other})


def test_a_worker_moves_its_run_to_the_end(store: Store, run: int, send: Send) -> None:
    assert send(run, state("running", step=0)) == "committed"
    assert send(run, state("finished", step=900, reason="done")) == "committed"
    row = get(store, run)
    assert (row.state, row.step, row.reason) == ("finished", 900, "done")


def test_a_stale_attempt_writes_nothing(store: Store, run: int, send: Send, make_points: MakePoints) -> None:
    store.writer.do(lambda c: runs.transition(c, run, to="queued", expected=runs.ACTIVE))
    store.writer.do(lambda c: runs.claim(c, run))
    assert send(run, make_points([1.0]), attempt=1) == "fenced"
    assert send(run, make_points([2.0]), attempt=2) == "committed"
    with store.read() as connection:
        assert series.read(connection, run)["train/loss"].values.tolist() == [2.0]


def test_an_ended_or_absent_run_takes_nothing(store: Store, run: int, send: Send, make_points: MakePoints) -> None:
    send(run, state("finished"))
    assert send(run, make_points([1.0])) == "fenced"
    assert send(run, state("running")) == "fenced"
    assert send(run + 1, make_points([1.0])) == "fenced"
    assert get(store, run).state == "finished"


def test_what_follows_the_end_in_the_same_hand_over_is_stored(store: Store, run: int, send: Send) -> None:
    assert send(run, state("finished"), Record("event", {"step": 5, "event": "finished"})) == "committed"
    with store.read() as connection:
        assert [event["event"] for event in events.list_(connection, run)] == ["finished"]


def test_a_late_running_does_not_undo_a_stop(store: Store, run: int, send: Send) -> None:
    store.writer.do(lambda c: runs.transition(c, run, to="stopping", expected=runs.ACTIVE))
    assert send(run, state("running")) == "committed"
    assert get(store, run).state == "stopping"
    send(run, state("stopped", receipt={"checkpoint": "c"}))
    assert (get(store, run).state, get(store, run).receipt) == ("stopped", {"checkpoint": "c"})


def test_one_bad_record_takes_its_hand_over_with_it(
    store: Store, run: int, send: Send, make_points: MakePoints
) -> None:
    answer = send(run, make_points([1.0]), Record("nonsense", {}))
    assert answer.startswith("failed: 'nonsense'")
    with store.read() as connection:
        assert series.read(connection, run) == {}


def test_a_worker_cannot_report_a_state_that_is_not_its_own(run: int, send: Send) -> None:
    assert send(run, state("queued")).startswith("failed: 'queued'")


def test_every_kind_reaches_its_table(store: Store, run: int, send: Send, make_points: MakePoints) -> None:
    episode = {"number": 1, "step": 5, "kind": "evaluation", "return": 1.0, "length": 1, "terminated": True,
               "truncated": False, "evaluation": 1, "place": "median", "lane": 0}  # fmt: skip
    arrays = {"states": np.zeros((2, 1)), "actions": np.zeros(1, np.int32), "rewards": np.zeros(1)}
    sent = [
        make_points([1.0]),
        Record("event", {"step": 5, "event": "started", "text": "", "data": {}}),
        Record("frame", {"panel": "p", "step": 5, "meta": {}}, {"v": np.zeros(2, np.float32)}),
        Record("weights", {"step": 5}, {"weights": np.zeros(3, np.float32)}),
        Record("episode", episode, arrays),
        Record("checkpoint", {"id": "c", "step": 5, "kind": "auto", "size_bytes": 1, "files": {}, "removed": []}),
        Record("progress", {"step": 6, "clock_s": 0.25, "fps": 100.0}),
    ]
    assert send(run, *sent) == "committed"
    with store.read() as connection:
        assert series.names(connection, run) == ["train/loss"]
        assert len(events.list_(connection, run)) == 1
        assert frames.list_(connection, run) == {"p": [5]}
        assert frames.weight_steps(connection, run) == [5]
        assert [row["number"] for row in episodes.list_(connection, run)] == [1]
        assert [row["id"] for row in checkpoints.list_(connection, run)] == ["c"]
    assert (get(store, run).step, get(store, run).clock_s) == (6, 0.25)


def test_removed_checkpoints_leave_with_the_record_that_says_so(store: Store, run: int, send: Send) -> None:
    for name, removed in (("a", []), ("b", ["a"])):
        header = {"id": name, "step": 5, "kind": "auto", "size_bytes": 1, "files": {}, "removed": removed}
        send(run, Record("checkpoint", header))
    with store.read() as connection:
        assert [row["id"] for row in checkpoints.list_(connection, run)] == ["b"]


def test_a_new_edit_cuts_off_the_future_that_is_gone(
    store: Store, run: int, send: Send, make_points: MakePoints
) -> None:
    """Attempt 1 came to step 90 and died; attempt 2 resumes at 40 and is edited at 50: the old 60 to 90 never happen."""
    send(run, make_points(range(10)))
    store.writer.do(lambda c: runs.transition(c, run, to="queued", expected=runs.ACTIVE))
    store.writer.do(lambda c: runs.claim(c, run))
    edit = store.writer.do(lambda c: edits.add(c, run, {"alpha": 0.1}))
    send(run, Record("edit", {"id": edit, "step": 50, "config": {"alpha": 0.1}}), attempt=2)
    send(run, make_points([60.0, 70.0], first_seq=6), attempt=2)
    with store.read() as connection:
        assert series.read(connection, run)["train/loss"].values.tolist() == [0, 1, 2, 3, 4, 5, 60, 70]
    assert get(store, run).flags == {}
    assert get(store, run).config_now == {"alpha": 0.1}


def test_an_edit_met_again_by_a_resume_cuts_nothing(
    store: Store, run: int, send: Send, make_points: MakePoints
) -> None:
    edit = store.writer.do(lambda c: edits.add(c, run, {"alpha": 0.1}))
    record = Record("edit", {"id": edit, "step": 50, "config": {"alpha": 0.1}})
    send(run, record)
    send(run, make_points(range(10)))
    send(run, record)
    with store.read() as connection:
        assert len(series.read(connection, run)["train/loss"]) == 10


def test_apply_returns_what_changed(store: Store, run: int) -> None:
    event = Record("event", {"step": 1, "event": "started"})
    changes: list[Change] = store.writer.do(lambda c: records.apply(c, run, 1, event))
    assert [(change.run, change.kind) for change in changes] == [(run, "event")]
    with pytest.raises(Fenced):
        store.writer.do(lambda c: records.apply(c, run, 2, event))
