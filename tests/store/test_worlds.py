"""Worlds under a name: saved, replaced, listed, forgotten."""

from app.store import worlds
from app.store.database import Store


def test_a_world_is_kept_under_its_name_until_it_is_removed(store: Store) -> None:
    do = store.writer.do
    do(lambda connection: worlds.save(connection, "gridworld", "b", {"layout": "SG"}))
    do(lambda connection: worlds.save(connection, "gridworld", "a", {"layout": "S.G"}))
    do(lambda connection: worlds.save(connection, "gridworld", "b", {"layout": "S..G"}))
    do(lambda connection: worlds.save(connection, "other", "b", {}))
    with store.read() as connection:
        assert [item["name"] for item in worlds.list_(connection, "gridworld")] == ["a", "b"]
        found = worlds.get(connection, "gridworld", "b")
        assert found is not None
        assert found["config"] == {"layout": "S..G"}
        assert worlds.count(connection) == 3
    assert do(lambda connection: worlds.remove(connection, "gridworld", "b"))
    assert not do(lambda connection: worlds.remove(connection, "gridworld", "b"))
    with store.read() as connection:
        assert worlds.get(connection, "gridworld", "b") is None


def test_a_key_is_remembered_with_the_world_it_saved_until_that_is_removed(store: Store) -> None:
    do = store.writer.do
    do(lambda connection: worlds.save(connection, "gridworld", "a", {"layout": "S.G"}))
    do(lambda connection: worlds.remember_save(connection, "key", "hash", "gridworld", "a"))
    with store.read() as connection:
        assert worlds.recall_save(connection, "key") == ("hash", "gridworld", "a")
        assert worlds.recall_save(connection, "other") is None
        assert worlds.size_chars(connection) == len('{"layout":"S.G"}')
    do(lambda connection: worlds.remove(connection, "gridworld", "a"))
    with store.read() as connection:
        assert worlds.recall_save(connection, "key") is None
        assert worlds.size_chars(connection) == 0
