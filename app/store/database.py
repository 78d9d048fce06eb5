"""Opening the database: drivers, pragmas, migrations, the writer and short readers.

One SQLite file in the data folder, on a local disk. The writer owns the only connection that writes or checkpoints; every
other connection is a reader that cannot write (`query_only`) and lives for one short transaction.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from app.store.disk import refuse_network_folder
from app.store.migrations.run import migrate
from app.store.writer import BUSY_TIMEOUT_MS, Writer

__all__ = [
    "Connection",
    "Store",
    "private_folder",
    "sqlite_module",
]  # whoever writes a work names its Connection from here

FILE_NAME = "playground.db"
SQLITE_FLOOR = (3, 51, 3)  # before it, two connections can meet in a WAL-reset race
JOURNAL_LIMIT_BYTES = 64 << 20

_log = logging.getLogger(__name__)


class Store:
    """The database of one data folder.

    Attributes:
        writer: the only way to write.
        folder: the data folder; a run's own files lie in `run_folder`.
    """

    def __init__(self, folder: Path, *, group_commit_s: float = 0.1) -> None:
        """Open the folder, create it with mode 0700 where it is missing, and migrate its database.

        Raises:
            InvalidInput: the folder lies on a network file system.
        """
        self.folder = private_folder(folder)
        refuse_network_folder(self.folder)
        self.path = self.folder / FILE_NAME
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        module = sqlite_module()
        self._writing = _engine(self.path, module, writes=True)
        self._reading = _engine(self.path, module, writes=False)
        with self._writing.begin() as connection:
            migrate(connection)
        self.writer = Writer(self._writing.connect, wal=Path(f"{self.path}-wal"), group_commit_s=group_commit_s)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one consistent snapshot and cannot write. Keep it short."""
        with self._reading.connect() as connection, connection.begin():
            yield connection

    def run_folder(self, run: int) -> Path:
        """Return the folder of a run's files (checkpoints, log), which may not exist yet."""
        return self.folder / "runs" / str(run)

    def close(self) -> None:
        """Commit what was handed in, checkpoint, and release every connection."""
        self.writer.close()
        self._writing.dispose()
        self._reading.dispose()


def private_folder(folder: Path) -> Path:
    """Create a folder that only its owner may enter, and return its absolute path."""
    folder = folder.expanduser().absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix" and folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)
    return folder


def sqlite_module() -> ModuleType:
    """Return the newest SQLite driver at hand; a version below the floor is used with a warning."""
    try:
        from pysqlite3 import dbapi2 as module
    except ImportError:
        import sqlite3 as module
    if module.sqlite_version_info < SQLITE_FLOOR:
        floor = ".".join(map(str, SQLITE_FLOOR))
        _log.warning(
            "SQLite %s is older than %s, which mended a rare corruption of its log. Install pysqlite3 or a newer Python.",
            module.sqlite_version,
            floor,
        )
    found: ModuleType = module
    return found


def _engine(path: Path, module: ModuleType, *, writes: bool) -> Engine:
    options: dict[str, Any] = {"poolclass": NullPool} if writes else {"poolclass": QueuePool, "max_overflow": 40}
    engine = create_engine(
        f"sqlite:///{path}",
        module=module,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000, "cached_statements": 256},
        json_serializer=_to_json,
        **options,
    )
    event.listen(engine, "connect", _prepare_writer if writes else _prepare_reader)
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _prepare_writer(connection: Any, _record: Any) -> None:
    pragmas = {
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "foreign_keys": "ON",
        "journal_size_limit": JOURNAL_LIMIT_BYTES,
        "wal_autocheckpoint": 1_000,
        "cache_size": -16_000,
    }
    if sys.platform == "darwin":
        pragmas |= {"fullfsync": "ON", "checkpoint_fullfsync": "ON"}
    _prepare(connection, pragmas)


def _prepare_reader(connection: Any, _record: Any) -> None:
    _prepare(connection, {"query_only": "ON", "wal_autocheckpoint": 0, "cache_size": -8_000})


def _prepare(connection: Any, pragmas: dict[str, Any]) -> None:
    connection.isolation_level = None  # transactions are begun by us, never guessed by the driver
    cursor = connection.cursor()
    for name, value in pragmas.items():
        cursor.execute(f"PRAGMA {name}={value}")
    cursor.close()


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
