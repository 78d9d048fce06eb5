"""Changes are noted on the connection and taken once."""

from sqlalchemy import create_engine

from app.store.changes import Change, note, take


def test_noted_changes_are_taken_once_and_in_order() -> None:
    with create_engine("sqlite://").connect() as connection:
        note(connection, Change(1, "run", {"step": 1}))
        note(connection, Change(2, "deleted", {}))
        assert [change.run for change in take(connection)] == [1, 2]
        assert take(connection) == []
