"""The log of a run."""

from app.store import events
from app.store.database import Store


def add(store: Store, run: int, **event: object) -> int | None:
    return store.writer.do(lambda connection: events.add(connection, run, attempt=1, event=event))


def test_events_are_read_after_a_cursor(store: Store, run: int) -> None:
    numbers = [add(store, run, step=step, event="evaluation", text=f"at {step}") for step in range(5)]
    with store.read() as connection:
        found = events.list_(connection, run, after=numbers[1] or 0, limit=2)
    assert [event["text"] for event in found] == ["at 2", "at 3"]


def test_a_repeated_event_is_logged_once(store: Store, run: int) -> None:
    assert add(store, run, step=5, event="evaluation", key="evaluation:1") is not None
    assert add(store, run, step=5, event="evaluation", key="evaluation:1") is None


def test_events_without_a_key_are_all_logged(store: Store, run: int) -> None:
    for _ in range(2):
        assert add(store, run, step=5, event="resumed") is not None


def test_a_cut_removes_what_will_happen_again(store: Store, run: int) -> None:
    add(store, run, step=5, event="evaluation", key="evaluation:1")
    add(store, run, step=9, event="evaluation", key="evaluation:2")
    add(store, run, step=9, event="paused")
    store.writer.do(lambda connection: events.truncate(connection, run, after_step=5))
    with store.read() as connection:
        found = events.list_(connection, run)
    assert [(event["step"], event["event"]) for event in found] == [(5, "evaluation"), (9, "paused")]
