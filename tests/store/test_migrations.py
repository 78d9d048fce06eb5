"""The revisions build exactly the tables that app/store/tables.py declares."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from app.store.database import Store
from app.store.migrations.run import VERSION_TABLE, migrate
from app.store.tables import METADATA


def test_migrated_tables_equal_the_declared_ones() -> None:
    with create_engine("sqlite://").begin() as connection:
        migrate(connection)
        options = {"version_table": VERSION_TABLE, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


def test_the_version_table_has_a_name_of_our_own() -> None:
    with create_engine("sqlite://").begin() as connection:
        migrate(connection)
        tables = inspect(connection).get_table_names()
        assert "playground_version" in tables
        assert "alembic_version" not in tables


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        Store(tmp_path).close()
    reopened = Store(tmp_path)
    with reopened.read() as connection:
        assert connection.execute(text("SELECT version_num FROM playground_version")).scalars().all() == ["0006"]
    reopened.close()


def test_a_failed_migration_leaves_the_database_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_connection: object) -> None:
        raise RuntimeError("stopped in the middle")

    from app.store import database

    with monkeypatch.context() as patched:

        def half(connection: object) -> None:
            migrate(connection)  # type: ignore[arg-type]
            fail(connection)

        patched.setattr(database, "migrate", half)
        with pytest.raises(RuntimeError, match="middle"):
            Store(tmp_path)
    Store(tmp_path).close()
