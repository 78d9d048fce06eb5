"""The pragmas that the promises rest on, readers that cannot write, and a private folder."""

import logging
import stat
import types
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.store import database, runs
from app.store.database import Store


def pragma(connection: object, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()  # type: ignore[attr-defined]


def test_the_writer_is_durable_and_keeps_references(store: Store) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "journal_size_limit")
    found = store.writer.do(lambda connection: {name: pragma(connection, name) for name in names})
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "journal_size_limit": 64 << 20}


def test_readers_neither_write_nor_checkpoint(store: Store) -> None:
    with store.read() as connection:
        assert pragma(connection, "wal_autocheckpoint") == 0
        assert pragma(connection, "busy_timeout") == 5_000
        with pytest.raises(OperationalError, match="readonly"):
            connection.execute(text("DELETE FROM runs"))


def test_a_reader_sees_one_snapshot(store: Store, create) -> None:
    with store.read() as connection:
        assert runs.counts_by_state(connection)["queued"] == 0
        create()
        assert runs.counts_by_state(connection)["queued"] == 0
    with store.read() as connection:
        assert runs.counts_by_state(connection)["queued"] == 1


def test_folder_and_file_are_private(store: Store) -> None:
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    first = Store(tmp_path)
    new = runs.RunNew(algorithm="a", environment="b", config={}, seed=1, total_steps=2, name="kept")
    number = first.writer.do(lambda connection: runs.create(connection, new))
    first.close()
    second = Store(tmp_path)
    with second.read() as connection:
        row = runs.get(connection, number)
    assert row is not None
    assert row.name == "kept"
    second.close()


def test_closing_empties_the_log(tmp_path: Path) -> None:
    opened = Store(tmp_path)
    opened.writer.do(lambda connection: None)
    opened.close()
    log = tmp_path / "playground.db-wal"
    assert not log.exists() or log.stat().st_size == 0


def test_an_old_sqlite_is_named_in_the_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    old = types.ModuleType("dbapi2")
    old.sqlite_version, old.sqlite_version_info = "3.40.1", (3, 40, 1)  # type: ignore[attr-defined]
    package = types.ModuleType("pysqlite3")
    package.dbapi2 = old  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "pysqlite3", package)
    with caplog.at_level(logging.WARNING):
        assert database.sqlite_module() is old
    assert "3.40.1" in caplog.text
    assert "3.51.3" in caplog.text


def test_runs_have_folders_of_their_own(store: Store) -> None:
    assert store.run_folder(7) == store.folder / "runs" / "7"
