"""Labels of pairs: kept in order, once per key, forgotten one by one, all together, and with their run."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.store import preferences, runs
from app.store.database import Store
from tests.store.conftest import Create


def a_label(choice: str = "left", **more: Any) -> dict[str, Any]:
    return {"left": {"number": 1}, "right": {"number": 2}, "choice": choice, "rater": "person", **more}


def test_labels_are_kept_in_order_and_read_from_any_place(store: Store, create: Create) -> None:
    run = create()
    ids = store.writer.do(lambda connection: preferences.add(connection, run, [a_label(), a_label("tie")]))
    with store.read() as connection:
        found = preferences.list_(connection, run)
        assert [(one["id"], one["choice"], one["left"]) for one in found] == [
            (ids[0], "left", {"number": 1}),
            (ids[1], "tie", {"number": 1}),
        ]
        assert [one["id"] for one in preferences.list_(connection, run, after=ids[0])] == ids[1:]
        assert preferences.count(connection, run) == 2
        assert preferences.count(connection, run + 1) == 0


def test_a_key_is_stored_once_in_a_run(store: Store, create: Create) -> None:
    run = create()
    store.writer.do(lambda connection: preferences.add(connection, run, [a_label(key="k")]))
    with pytest.raises(IntegrityError):
        store.writer.do(lambda connection: preferences.add(connection, run, [a_label(key="k")]))
    with store.read() as connection:
        kept = preferences.of_key(connection, run, "k")
        assert kept is not None
        assert kept["choice"] == "left"
        assert preferences.of_key(connection, run, "other") is None


def test_labels_are_forgotten_singly_together_and_with_their_run(store: Store, create: Create) -> None:
    run = create()
    ids = store.writer.do(lambda connection: preferences.add(connection, run, [a_label() for _ in range(3)]))
    assert store.writer.do(lambda connection: preferences.remove(connection, run, ids[1])) == 1
    assert store.writer.do(lambda connection: preferences.remove(connection, run, ids[1])) == 0
    assert store.writer.do(lambda connection: preferences.remove(connection, run)) == 2
    store.writer.do(lambda connection: preferences.add(connection, run, [a_label()]))

    def end_and_delete(connection: Any) -> None:
        runs.transition(connection, run, to="stopped", expected=("queued",))
        assert runs.delete(connection, run)

    store.writer.do(end_and_delete)
    with store.read() as connection:
        assert preferences.count(connection, run) == 0
