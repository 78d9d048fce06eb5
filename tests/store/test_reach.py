"""What was recorded stays the mark of how far a run came, also while a later attempt starts again from behind."""

from collections.abc import Callable

import pytest

from app.store import runs
from app.store.database import Store
from app.store.reach import reached
from app.store.records import Record

Send = Callable[..., str]
MakePoints = Callable[..., Record]


def reach(store: Store, run: int) -> int:
    with store.read() as connection:
        return reached(connection, run)


def test_an_attempt_that_starts_again_from_behind_lowers_the_row_and_not_the_reach(
    store: Store, run: int, send: Send, make_points: MakePoints
) -> None:
    assert reach(store, run) == 0
    send(run, make_points(range(10)))
    store.writer.do(lambda c: runs.transition(c, run, to="queued", expected=runs.ACTIVE))
    store.writer.do(lambda c: runs.claim(c, run))
    send(run, Record("state", {"state": "running", "step": 40}), attempt=2)
    with store.read() as connection:
        assert runs.get(connection, run).step == 40  # type: ignore[union-attr]
    assert reach(store, run) == 90


@pytest.mark.parametrize(
    "record",
    [
        Record("event", {"step": 70, "event": "started", "text": "", "data": {}}),
        Record("progress", {"step": 70, "clock_s": 0.5, "fps": 1.0}),
    ],
    ids=lambda record: record.kind,
)
def test_every_record_counts(store: Store, run: int, send: Send, record: Record) -> None:
    assert send(run, record) == "committed"
    assert reach(store, run) == 70
