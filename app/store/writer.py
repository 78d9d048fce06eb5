"""The one thread that writes.

Works are gathered for a tenth of a second and committed together; a work that someone waits for, a state and a run's first
points are committed at once. Each work has a savepoint of its own, so that one failure never takes the others with it.
An acknowledgement means COMMIT, never less. The thread survives everything: when the disk is full, each work of the
commit is told so, and the next one is tried on a fresh connection. An attempt whose record could not be stored is fenced from
then on: what it says next rests on what is missing.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import Connection

from app.core.errors import PlaygroundError
from app.core.text import _
from app.store.changes import Change, take
from app.store.records import Fenced, Record, apply_all

__all__ = ["Change", "Record", "StoreClosed", "Writer"]

T = TypeVar("T")
Outcome = tuple[Any, BaseException | None]
Listener = Callable[[list[Change]], None]

BUSY_TIMEOUT_MS = 5_000
LONG_WAL_BYTES = 64 << 20

_log = logging.getLogger(__name__)


class StoreClosed(PlaygroundError):
    """The store was closed before the work could be done."""


@dataclass(frozen=True)
class _Item:
    """One work, and who is told of its outcome (result, error) after COMMIT."""

    work: Callable[[Connection], Any]
    settle: Callable[[Any, BaseException | None], None]
    run_with_points: int | None = None
    source: tuple[int, int] | None = None  # run and attempt whose records these are


class Writer:
    """Hands works to the writer thread; every method is thread-safe and quick, but `do` waits for COMMIT."""

    def __init__(self, connect: Callable[[], Connection], *, wal: Path, group_commit_s: float = 0.1) -> None:
        self._connect, self._wal, self._group_commit_s = connect, wal, group_commit_s
        self._wake = threading.Condition()
        self._queue: list[_Item] = []
        self._urgent = self._closing = False
        self._begun: set[int] = set()  # runs whose first points are committed
        self._broken: dict[int, int] = {}  # run → attempt of which a record was lost
        self._listeners: tuple[Listener, ...] = ()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._loop, name="store-writer", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer thread and return its result after COMMIT.

        An exception of `work` rolls back that work only and is raised here.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("Writer.do called from the writer's own thread would wait for itself")
        future: Future[T] = Future()

        def settle(result: Any, error: BaseException | None) -> None:
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self._put(_Item(work, settle), urgent=True)
        return future.result()

    def submit(self, run: int, attempt: int, records: Sequence[Record], done: Callable[[str], None]) -> None:
        """Write what an attempt of a run recorded, all of it or nothing.

        Args:
            done: called in the writer thread after COMMIT with "committed", "fenced" (the attempt is stale or the run has
                ended, or an earlier record of it failed) or "failed: …".
        """

        def settle(_result: Any, error: BaseException | None) -> None:
            done("committed" if error is None else "fenced" if isinstance(error, Fenced) else f"failed: {error}")

        has_points = any(record.kind == "points" for record in records)
        urgent = (has_points and run not in self._begun) or any(record.kind == "state" for record in records)
        item = _Item(lambda connection: apply_all(connection, run, attempt=attempt, records=records), settle,
                     run if has_points else None, (run, attempt))  # fmt: skip
        self._put(item, urgent=urgent)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` in the writer thread with the changes of each commit, in order; returns the way to end it."""
        self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return unsubscribe

    def close(self) -> None:
        """Commit what is queued, checkpoint the log into the database, and end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join()

    def _put(self, item: _Item, *, urgent: bool) -> None:
        with self._wake:
            if self._closing:
                raise StoreClosed(_("The store is closed: nothing more is written."))
            self._queue.append(item)
            self._urgent |= urgent
            self._wake.notify_all()

    def _loop(self) -> None:
        while batch := self._next_batch():
            outcomes, changes = self._commit(batch)
            if changes:
                for listener in self._listeners:
                    _quietly(listener, changes)
            for item, (result, error) in zip(batch, outcomes, strict=True):
                if error is None and item.run_with_points is not None:
                    self._begun.add(item.run_with_points)
                _quietly(item.settle, result, error)
            self._checkpoint()
        self._checkpoint(closing=True)
        self._disconnect()

    def _next_batch(self) -> list[_Item]:
        """Wait for works; empty means the writer was closed."""
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            deadline = monotonic() + self._group_commit_s
            while self._queue and not (self._urgent or self._closing) and (left := deadline - monotonic()) > 0:
                self._wake.wait(left)
            batch, self._queue, self._urgent = self._queue, [], False
            return batch

    def _commit(self, batch: list[_Item]) -> tuple[list[Outcome], list[Change]]:
        changes: list[Change] = []
        try:
            connection = self._connection = self._connection or self._connect()
            with connection.begin():
                outcomes = []
                for item in batch:
                    outcomes.append(self._attempt(connection, item))
                    changes += take(connection)
            return outcomes, changes
        except Exception as error:
            _log.exception("A commit of %d works failed", len(batch))
            for item in batch:
                self._note_broken(item)
            self._disconnect()
            return [(None, error)] * len(batch), []

    def _attempt(self, connection: Connection, item: _Item) -> Outcome:
        if item.source is not None and self._broken.get(item.source[0]) == item.source[1]:
            return None, Fenced(_("An earlier record of this attempt could not be stored."))
        result, error = _attempt(connection, item)
        if error is not None and not isinstance(error, Fenced):
            self._note_broken(item)
        return result, error

    def _note_broken(self, item: _Item) -> None:
        if item.source is not None:
            run, attempt = item.source
            self._broken[run] = max(attempt, self._broken.get(run, 0))

    def _checkpoint(self, *, closing: bool = False) -> None:
        """Empty the log into the database when it is long; short of that SQLite moves its pages at each 1,000th."""
        try:
            size = self._wal.stat().st_size if self._wal.exists() else 0
            if self._connection is None or not (closing or size > LONG_WAL_BYTES):
                return
            cursor = self._connection.connection.cursor()
            cursor.execute("PRAGMA busy_timeout=0")  # a reader in the way is left alone, not waited for
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            cursor.close()
        except Exception:
            _log.exception("The log could not be checkpointed; it is tried again after the next commit")
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _quietly(connection.invalidate)
            _quietly(connection.close)


def _attempt(connection: Connection, item: _Item) -> Outcome:
    """Run one work in its savepoint. Raises where the failure took the whole transaction with it (disk full)."""
    savepoint = connection.begin_nested()
    try:
        result = item.work(connection)
        savepoint.commit()
    except Exception as error:
        take(connection)
        driver: Any = connection.connection.dbapi_connection
        if not driver.in_transaction:
            raise
        savepoint.rollback()
        return None, error
    return result, None


def _quietly(call: Callable[..., object], *arguments: Any) -> None:
    """Call what others handed in; its failure is theirs and never ends the thread."""
    try:
        call(*arguments)
    except Exception:
        _log.exception("A callback of the writer failed")
