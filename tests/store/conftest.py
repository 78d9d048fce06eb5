"""A fresh store for each test, a run in it, and ways to write that wait for the commit."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.store import runs
from app.store.database import Store
from app.store.records import Record

Create = Callable[..., int]
Send = Callable[..., str]
MakePoints = Callable[..., Record]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data", group_commit_s=0.0)
    yield opened
    opened.close()


@pytest.fixture
def create(store: Store) -> Create:
    """Create a run; keyword arguments replace the defaults."""

    def make(**fields: Any) -> int:
        base = {"algorithm": "q_learning", "environment": "gridworld", "config": {"alpha": 0.5}, "seed": 1}
        new = runs.RunNew(**{"total_steps": 1_000, **base, **fields})
        return store.writer.do(lambda connection: runs.create(connection, new))

    return make


@pytest.fixture
def run(store: Store, create: Create) -> int:
    """A claimed run: attempt 1, starting."""
    number = create()
    assert store.writer.do(lambda connection: runs.claim(connection, number)) == 1
    return number


@pytest.fixture
def send(store: Store) -> Send:
    """Hand in records and wait for what the writer says."""

    def submit(run: int, *records: Record, attempt: int = 1) -> str:
        answer: Future[str] = Future()
        store.writer.submit(run, attempt, records, answer.set_result)
        return answer.result(timeout=30)

    return submit


@pytest.fixture
def make_points() -> MakePoints:
    """Build a `points` record of one series whose seq n lies at step 10 n."""

    def make(
        values: Sequence[float], *, name: str = "train/loss", first_seq: int = 0, reproducible: bool = True
    ) -> Record:
        array = np.asarray(values, np.float64)
        steps = 10 * np.arange(first_seq, first_seq + len(array), dtype=np.int64)
        item = {"name": name, "first_seq": first_seq, "count": len(array), "reproducible": reproducible}
        arrays = {"steps": steps, "values": array, "lows": array - 1, "highs": array + 1}
        return Record("points", {"series": [item], "step": int(steps[-1])}, arrays)

    return make
