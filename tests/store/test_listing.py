"""Pages neither skip nor repeat, in every order; what comes from outside is checked."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from app.core.errors import InvalidInput
from app.store import listing, runs
from app.store.database import Store
from app.store.listing import SORTS, RunFilter
from app.store.tables import RUNS

Create = Callable[..., int]


def ids(store: Store, **filters: object) -> list[int]:
    with store.read() as connection:
        rows, _cursor = listing.page(connection, RunFilter(**filters), limit=100)  # type: ignore[arg-type]
        assert listing.count(connection, RunFilter(**filters)) == len(rows)  # type: ignore[arg-type]
    return [row.id for row in rows]


@pytest.mark.parametrize("sort", SORTS)
def test_pages_hold_every_run_once_in_order(store: Store, create: Create, sort: str) -> None:
    for number in range(23):
        create(name=f"run {number % 5}", algorithm=["dqn", "ppo"][number % 2], environment=f"e{number % 3}")
    store.writer.do(lambda connection: connection.execute(update(RUNS).values(step=RUNS.c.id % 4)) and None)
    seen: list[runs.RunRow] = []
    cursor: str | None = None
    while True:
        with store.read() as connection:
            rows, cursor = listing.page(connection, RunFilter(sort=sort), 4, cursor)
        seen += rows
        if cursor is None:
            break
    key, falling = SORTS[sort]
    expected = sorted(seen, key=lambda row: (getattr(row, key), row.id), reverse=falling)
    assert len({row.id for row in seen}) == 23
    assert [row.id for row in seen] == [row.id for row in expected]


def test_the_default_order_is_newest_first(store: Store, create: Create) -> None:
    made = [create() for _ in range(3)]
    assert ids(store) == made[::-1]


def test_a_run_that_arrives_does_not_shift_the_next_page(store: Store, create: Create) -> None:
    made = [create() for _ in range(4)]
    with store.read() as connection:
        _rows, cursor = listing.page(connection, RunFilter(), 2)
    create()
    with store.read() as connection:
        rows, end = listing.page(connection, RunFilter(), 2, cursor)
    assert [row.id for row in rows] == [made[1], made[0]]
    assert end is None


def test_filters_combine(store: Store, create: Create) -> None:
    a = create(name="Lake one", algorithm="dqn", environment="CartPole-v1", tags=["x", "y"], experiment=3)
    b = create(name="lake two", algorithm="ppo", environment="CartPole-v1", tags=["y"])
    store.writer.do(lambda connection: runs.claim(connection, b))
    assert ids(store, algorithm="dqn") == [a]
    assert ids(store, environment="CartPole-v1", tag="y") == [b, a]
    assert ids(store, tag="x") == [a]
    assert ids(store, state=("starting", "running")) == [b]
    assert ids(store, experiment=3) == [a]
    assert ids(store, q="LAKE", algorithm="ppo") == [b]
    assert ids(store, tag="nothing") == []


def test_q_finds_by_id_and_takes_wildcards_literally(store: Store, create: Create) -> None:
    a, b = create(name="50% off"), create(name="five_zero")
    assert ids(store, q=str(a)) == [a]
    assert ids(store, q=f"#{b}") == [b]
    assert ids(store, q="%") == [a]
    assert ids(store, q="_") == [b]
    assert ids(store, q="9" * 30) == []


def test_changed_tags_are_found_and_old_ones_not(store: Store, create: Create) -> None:
    run = create(tags=["old"])
    store.writer.do(lambda connection: runs.patch(connection, run, tags=["new", "new"]))
    assert ids(store, tag="old") == []
    assert ids(store, tag="new") == [run]
    with store.read() as connection:
        assert listing.tags(connection) == ["new"]


@pytest.mark.parametrize(
    "cursor",
    ["x", "!!", "W10", "bnVsbA", "WyItY3JlYXRlZCIsMSwxXQ", "WyItY3JlYXRlZCIsImEiLDFlNDAwXQ", "é", "=" * 5, "W" * 5_000],
)
def test_a_made_up_cursor_is_refused_with_the_way_out(store: Store, cursor: str) -> None:
    with store.read() as connection, pytest.raises(InvalidInput, match="Start without a cursor"):
        listing.page(connection, RunFilter(), 10, cursor)


def test_a_cursor_of_another_order_is_refused(store: Store, create: Create) -> None:
    create()
    create()
    with store.read() as connection:
        _rows, cursor = listing.page(connection, RunFilter(sort="name"), 1)
        with pytest.raises(InvalidInput, match="cursor"):
            listing.page(connection, RunFilter(), 1, cursor)


def test_an_unknown_order_is_refused_with_the_known_ones(store: Store) -> None:
    with store.read() as connection, pytest.raises(InvalidInput, match="-created"):
        listing.page(connection, RunFilter(sort="id; DROP TABLE runs"), 1)


def test_the_limit_is_kept_in_bounds(store: Store, create: Create) -> None:
    create()
    with store.read() as connection:
        assert len(listing.page(connection, RunFilter(), 0)[0]) == 1
        assert len(listing.page(connection, RunFilter(), 10**9)[0]) == 1
