"""How fast the store writes points, reads a long curve, and lists many runs (DESIGN §7)."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pytest

from app.store import listing, runs, series
from app.store.database import Store
from app.store.listing import RunFilter
from app.store.records import Record

pytestmark = pytest.mark.bench

POINTS = 1_000_000
RUNS = 5_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def new_run(store: Store, **other: object) -> int:
    new = runs.RunNew(algorithm="q_learning", environment="gridworld", config={}, seed=1, total_steps=9, **other)  # type: ignore[arg-type]
    run = store.writer.do(lambda connection: runs.create(connection, new))
    store.writer.do(lambda connection: runs.claim(connection, run))
    return run


def points(first_seq: int, count: int, names: tuple[str, ...]) -> Record:
    parts = [{"name": name, "first_seq": first_seq, "count": count, "reproducible": True} for name in names]
    steps = np.tile(np.arange(first_seq, first_seq + count), len(names))
    values = np.random.default_rng(first_seq).normal(size=len(steps))
    return Record("points", {"series": parts, "step": first_seq}, {"steps": steps, "values": values})


def write(store: Store, run: int, records: list[Record]) -> float:
    """Hand the records in and return the seconds until the last one is committed."""
    answers: list[Future[str]] = [Future() for _ in records]
    start = perf_counter()
    for record, answer in zip(records, answers, strict=True):
        store.writer.submit(run, 1, [record], answer.set_result)
    assert {answer.result(60) for answer in answers} == {"committed"}
    return perf_counter() - start


def milliseconds(work: Callable[[], object], times: int = 60) -> tuple[float, float]:
    """Return (median, 99th percentile) of the duration of `work`."""
    taken = []
    for _ in range(times):
        start = perf_counter()
        work()
        taken.append(1e3 * (perf_counter() - start))
    return median(taken), float(np.percentile(taken, 99))


@pytest.mark.parametrize(("names", "count"), [(1, 1_000), (10, 1_000), (2, 10_000)])
def test_a_million_points_a_second_go_through_the_writer(store: Store, names: int, count: int) -> None:
    named = tuple(f"train/{number}" for number in range(names))
    made = [points(first, count, named) for first in range(0, POINTS // names, count)]
    rates = sorted(POINTS / write(store, new_run(store), made) for _ in range(3))
    print(f"\n{names} series, {count} points each a record: {rates[1] / 1e6:.2f} M points/s ({rates})")  # noqa: T201
    assert rates[1] >= 1e6


def test_a_long_curve_is_read_within_five_milliseconds(store: Store) -> None:
    run = new_run(store)
    write(store, run, [points(first, 500, ("rollout/episode_return",)) for first in range(0, 100_000, 500)])

    def read() -> None:
        with store.read() as connection:
            assert len(series.read(connection, run, ["rollout/episode_return"])["rollout/episode_return"]) == 2_000

    p50, p99 = milliseconds(read)
    print(f"\n100k points in 2,000 buckets: p50 {p50:.2f} ms, p99 {p99:.2f} ms")  # noqa: T201
    assert p50 <= 5


def test_a_page_of_five_thousand_runs_comes_within_twenty_milliseconds(store: Store) -> None:
    names = ("q_learning", "dqn", "ppo")

    def fill(connection: object) -> None:
        for number in range(RUNS):
            new = runs.RunNew(algorithm=names[number % 3], environment=f"e{number % 5}", config={"alpha": 0.1}, seed=number,
                              total_steps=9, name=f"run {number:05d}", tags=[f"t{number % 50}"])  # fmt: skip
            runs.create(connection, new)  # type: ignore[arg-type]

    store.writer.do(fill)
    filters = [RunFilter(sort=sort) for sort in listing.SORTS]
    filters += [RunFilter(q="run 0421"), RunFilter(q="nothing"), RunFilter(tag="t7"), RunFilter(algorithm="dqn", sort="name"),
                RunFilter(state=("queued", "running"), environment="e3")]  # fmt: skip
    for chosen in filters:
        with store.read() as connection:
            _rows, cursor = listing.page(connection, chosen, 50)

        def page(chosen: RunFilter = chosen, cursor: str | None = cursor) -> None:
            with store.read() as connection:
                listing.page(connection, chosen, 50, cursor)

        p50, p99 = milliseconds(page, 20)
        print(f"\n{chosen}: p50 {p50:.2f} ms, p99 {p99:.2f} ms")  # noqa: T201
        assert p50 <= 20
