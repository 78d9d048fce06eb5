"""Rows move by the table, once, under the right attempt; ended rows never change."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from app.store import checkpoints, edits, events, frames, runs, series
from app.store.changes import Change
from app.store.database import Store
from app.store.records import Record
from app.store.tables import METADATA


def get(store: Store, run: int) -> runs.RunRow:
    with store.read() as connection:
        row = runs.get(connection, run)
    assert row is not None
    return row


def move(store: Store, run: int, to: str, *expected: str, **other: Any) -> bool:
    return store.writer.do(lambda c: runs.transition(c, run, to=to, expected=expected or runs.STATES, **other))


def test_a_new_run_waits_in_the_queue_with_its_configuration(store: Store, create: Callable[..., int]) -> None:
    row = get(store, create(name="first", tags=["a", "b"], environment_config={"slip": 0.1}, speed=5.0))
    assert (row.state, row.attempt, row.step, row.started) == ("queued", 0, 0, None)
    assert (row.name, row.tags, row.speed) == ("first", ["a", "b"], 5.0)
    assert row.config == row.config_now == {"alpha": 0.5}
    assert row.created.endswith("Z")


def test_absent_runs_are_none(store: Store) -> None:
    with store.read() as connection:
        assert runs.get(connection, 12) is None
        assert runs.get_many(connection, [1, 2]) == []


def test_claiming_makes_a_new_attempt_once(store: Store, create: Callable[..., int]) -> None:
    run = create()
    claim: Callable[[Connection], int] = lambda connection: runs.claim(connection, run)  # noqa: E731
    assert store.writer.do(claim) == 1
    assert store.writer.do(claim) == 0
    assert move(store, run, "queued")
    assert store.writer.do(claim) == 2


def test_the_queue_is_in_order_of_creation(store: Store, create: Callable[..., int]) -> None:
    first, second, third = create(), create(), create()
    store.writer.do(lambda connection: runs.claim(connection, second))
    with store.read() as connection:
        assert runs.queued(connection) == [first, third]
        assert [row.id for row in runs.active(connection)] == [second]
        assert runs.queue_position(connection, third) == 2
        assert runs.queue_position(connection, second) is None
        counts = runs.counts_by_state(connection)
    assert (counts["queued"], counts["starting"], counts["failed"]) == (2, 1, 0)


def test_times_of_start_and_end_are_written_once(store: Store, run: int) -> None:
    move(store, run, "running")
    started = get(store, run).started
    assert started is not None
    move(store, run, "paused")
    move(store, run, "running")
    assert get(store, run).started == started
    move(store, run, "finished")
    assert (get(store, run).ended or "") >= started


def test_an_unexpected_state_changes_nothing(store: Store, run: int) -> None:
    assert not move(store, run, "paused", "running", "pausing")
    assert get(store, run).state == "starting"


def test_a_stale_attempt_changes_nothing(store: Store, run: int) -> None:
    move(store, run, "queued")
    store.writer.do(lambda connection: runs.claim(connection, run))
    assert not move(store, run, "finished", attempt=1)
    assert move(store, run, "finished", attempt=2)


def snapshot(row: runs.RunRow) -> tuple[Any, ...]:
    return (row.state, row.reason, row.attempt, row.step, row.config_now, row.speed, row.ended, row.flags)


ACTIONS = st.one_of(
    st.tuples(st.just("move"), st.sampled_from(runs.STATES), st.sampled_from([None, 0, 1, 2, 3])),
    st.tuples(st.just("claim"), st.none(), st.none()),
    st.tuples(st.just("progress"), st.integers(0, 100), st.none()),
    st.tuples(st.just("speed"), st.sampled_from([None, 1.0]), st.none()),
    st.tuples(st.just("edit"), st.floats(0, 1), st.none()),
    st.tuples(st.just("flag"), st.none(), st.none()),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTIONS, max_size=25))
def test_no_sequence_leaves_a_terminal_state(
    store: Store, create: Callable[..., int], actions: list[tuple[str, Any, Any]]
) -> None:
    run = create()

    def act(connection: Connection, name: str, value: Any, attempt: int | None) -> None:
        if name == "move":
            before = runs.get(connection, run)
            moved = runs.transition(connection, run, to=value, expected=runs.STATES, attempt=attempt)
            assert before is not None
            if moved:
                assert value in runs.TRANSITIONS[before.state]
                assert attempt in (None, before.attempt)
        elif name == "claim":
            runs.claim(connection, run)
        elif name == "progress":
            runs.set_progress(connection, run, step=value)
        elif name == "speed":
            runs.set_speed(connection, run, value)
        elif name == "edit":
            runs.edit_config(connection, run, {"alpha": value})
        else:
            runs.flag(connection, run, "odd", {})

    def all_of_them(connection: Connection) -> None:
        ended: tuple[Any, ...] | None = None
        for action in actions:
            act(connection, *action)
            row = runs.get(connection, run)
            assert row is not None
            assert ended is None or snapshot(row) == ended
            if row.is_terminal:
                ended = snapshot(row)

    store.writer.do(all_of_them)


def test_labels_and_receipt_may_be_completed_after_the_end(store: Store, run: int) -> None:
    store.writer.do(lambda connection: runs.set_receipt(connection, run, asked="then"))
    move(store, run, "stopped")
    assert store.writer.do(lambda connection: runs.patch(connection, run, name="new", tags=["x"]))
    assert store.writer.do(lambda connection: runs.set_receipt(connection, run, process_gone="now"))
    row = get(store, run)
    assert (row.name, row.tags, row.receipt) == ("new", ["x"], {"asked": "then", "process_gone": "now"})
    assert not store.writer.do(lambda connection: runs.set_speed(connection, run, 2.0))


def test_patching_nothing_says_whether_the_run_exists(store: Store, run: int) -> None:
    assert store.writer.do(lambda connection: runs.patch(connection, run))
    assert not store.writer.do(lambda connection: runs.patch(connection, run + 1, name="x"))
    assert not store.writer.do(lambda connection: runs.set_receipt(connection, run + 1, asked=""))


def test_only_an_ended_run_is_deleted(store: Store, run: int) -> None:
    delete: Callable[[Connection], bool] = lambda connection: runs.delete(connection, run)  # noqa: E731
    assert not store.writer.do(delete)
    move(store, run, "stopped")
    assert store.writer.do(delete)
    assert not store.writer.do(delete)


def test_deleting_leaves_no_row_behind_and_never_reuses_the_id(
    store: Store, create: Callable[..., int], make_points: Callable[..., Record]
) -> None:
    run = create(tags=["a"])

    def fill(connection: Connection) -> None:
        record = make_points([1.0])
        series.append(connection, run, record.header, record.arrays)
        events.add(connection, run, attempt=1, event={"event": "started"})
        edits.add(connection, run, {})
        frames.put(connection, run, panel="p", step=1, meta={}, arrays={})
        frames.put_weights(connection, run, step=1, weights=record.arrays["values"])
        about = {"id": "c", "step": 1, "kind": "auto", "size_bytes": 1}
        checkpoints.add(connection, run, attempt=1, checkpoint=about)
        runs.remember_request(connection, "key", "hash", run)

    store.writer.do(fill)
    move(store, run, "stopped")
    store.writer.do(lambda connection: runs.delete(connection, run))
    with store.read() as connection:
        counts = {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                  for table in METADATA.sorted_tables}  # fmt: skip
    assert set(counts.values()) == {0}, counts
    assert create() > run


@pytest.mark.parametrize("speed", [None, 1.0])
def test_speed_and_progress_are_stored(store: Store, run: int, speed: float | None) -> None:
    store.writer.do(lambda connection: runs.set_speed(connection, run, speed))
    store.writer.do(lambda connection: runs.set_progress(connection, run, step=7, clock_s=0.5))
    assert (get(store, run).speed, get(store, run).step, get(store, run).clock_s) == (speed, 7, 0.5)


def test_an_edit_lies_over_the_configuration_as_started(store: Store, run: int) -> None:
    store.writer.do(lambda connection: runs.edit_config(connection, run, {"alpha": 0.1}))
    assert (get(store, run).config, get(store, run).config_now) == ({"alpha": 0.5}, {"alpha": 0.1})


def test_a_paused_run_is_claimed_as_pausing_and_does_not_fall_back(store: Store, run: int) -> None:
    """Whatever ends its process on the way back leaves it paused where it was."""
    assert store.writer.do(lambda c: runs.claim(c, run, paused=True)) == 0
    store.writer.do(lambda c: runs.set_progress(c, run, step=90))
    store.writer.do(lambda c: runs.transition(c, run, to="paused", expected=runs.ACTIVE))
    assert store.writer.do(lambda c: runs.claim(c, run, paused=True)) == 2
    store.writer.do(lambda c: runs.set_progress(c, run, step=40))
    with store.read() as connection:
        row = runs.get(connection, run)
    assert row is not None
    assert (row.state, row.attempt, row.step) == ("pausing", 2, 90)


@pytest.mark.parametrize("leaves", ["claim", "stop", "pause"])
def test_those_who_wait_are_told_their_new_places(store: Store, create: Callable[..., int], leaves: str) -> None:
    first, second, third = create(), create(), create()
    told: dict[int, int] = {}

    def listen(changes: list[Change]) -> None:
        told.update((c.run, c.data["queue_position"]) for c in changes if "queue_position" in c.data)

    store.writer.subscribe(listen)
    if leaves == "claim":
        store.writer.do(lambda c: runs.claim(c, first))
    else:
        to = {"stop": "stopped", "pause": "paused"}[leaves]
        store.writer.do(lambda c: runs.transition(c, first, to=to, expected=("queued",)))
    store.writer.do(lambda c: None)
    assert told == {second: 1, third: 2}
    if leaves == "pause":
        store.writer.do(lambda c: runs.transition(c, first, to="queued", expected=("paused",)))
        store.writer.do(lambda c: None)
        assert told == {first: 1, second: 2, third: 3}
