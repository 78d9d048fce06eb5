"""Rows of checkpoints."""

from typing import Any

from app.store import checkpoints
from app.store.database import Store


def add(store: Store, run: int, name: str, step: int, **other: Any) -> None:
    facts = {"id": name, "step": step, "kind": "auto", "size_bytes": 10, "files": {"a": "hash"}, **other}
    store.writer.do(lambda connection: checkpoints.add(connection, run, attempt=1, checkpoint=facts))


def test_the_last_written_is_the_one_to_resume_from_even_at_a_smaller_step(store: Store, run: int) -> None:
    add(store, run, "500-auto-1", 500)
    add(store, run, "400-auto-2", 400)
    with store.read() as connection:
        last = checkpoints.last(connection, run)
    assert last is not None
    assert (last["id"], last["files"]) == ("400-auto-2", {"a": "hash"})


def test_the_list_is_in_the_order_of_steps(store: Store, run: int) -> None:
    add(store, run, "500-auto-1", 500)
    add(store, run, "400-auto-2", 400)
    with store.read() as connection:
        assert [row["step"] for row in checkpoints.list_(connection, run)] == [400, 500]


def test_a_checkpoint_written_again_replaces_its_row(store: Store, run: int) -> None:
    add(store, run, "500-auto-1", 500)
    add(store, run, "500-auto-1", 500, size_bytes=20)
    with store.read() as connection:
        assert [row["size_bytes"] for row in checkpoints.list_(connection, run)] == [20]


def test_removed_checkpoints_are_forgotten(store: Store, run: int) -> None:
    add(store, run, "a", 1)
    add(store, run, "b", 2)
    assert store.writer.do(lambda connection: checkpoints.remove(connection, run, ["a", "unknown"])) == 1
    with store.read() as connection:
        assert checkpoints.get(connection, run, "a") is None
        assert checkpoints.get(connection, run, "b") is not None
