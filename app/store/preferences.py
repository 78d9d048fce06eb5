"""What raters prefer: labels of pairs that a run made, each with all that learning from it needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from app.store.changes import Change, note
from app.store.clock import utc_now
from app.store.tables import PREFERENCES

MOST = 5_000  # labels of a run


def add(connection: Connection, run: int, labels: Sequence[Mapping[str, Any]]) -> list[int]:
    """Store labels {left, right, choice, rater, key?} in order and return their ids.

    Raises:
        sqlalchemy.exc.IntegrityError: a key is stored already: look with `of_key` in the same transaction.
    """
    now = utc_now()
    statement = insert(PREFERENCES).returning(PREFERENCES.c.id)
    found = [
        int(connection.execute(statement, {"run": run, "created": now, "key": None, **label}).scalar_one())
        for label in labels
    ]
    _tell(connection, run)
    return found


def list_(connection: Connection, run: int, *, after: int = 0, limit: int = MOST) -> list[dict[str, Any]]:
    """Return {id, left, right, choice, rater, created} of the labels with an id above `after`, oldest first."""
    columns = [PREFERENCES.c[name] for name in ("id", "left", "right", "choice", "rater", "created")]
    where = (PREFERENCES.c.run == run) & (PREFERENCES.c.id > after)
    found = connection.execute(select(*columns).where(where).order_by(PREFERENCES.c.id).limit(limit)).mappings()
    return [dict(row) for row in found]


def ids(connection: Connection, run: int) -> list[int]:
    """Return the ids of a run's labels, oldest first."""
    where = PREFERENCES.c.run == run
    return list(connection.execute(select(PREFERENCES.c.id).where(where).order_by(PREFERENCES.c.id)).scalars())


def count(connection: Connection, run: int) -> int:
    """Return how many labels a run has."""
    where = PREFERENCES.c.run == run
    return int(connection.execute(select(func.count()).select_from(PREFERENCES).where(where)).scalar_one())


def of_key(connection: Connection, run: int, key: str) -> dict[str, Any] | None:
    """Return the label that a request of this key stored, or None."""
    where = (PREFERENCES.c.run == run) & (PREFERENCES.c.key == key)
    found = connection.execute(select(PREFERENCES).where(where)).mappings().first()
    return dict(found) if found else None


def remove(connection: Connection, run: int, label: int | None = None) -> int:
    """Forget a label, or all of a run, and return how many there were."""
    where = PREFERENCES.c.run == run
    if label is not None:
        where &= PREFERENCES.c.id == label
    removed = connection.execute(delete(PREFERENCES).where(where)).rowcount
    if removed:
        _tell(connection, run)
    return removed


def _tell(connection: Connection, run: int) -> None:
    note(connection, Change(run, "run", {"preferences": count(connection, run)}))
