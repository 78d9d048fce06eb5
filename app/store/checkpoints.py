"""Rows of checkpoints; the files lie in the run's folder under the checkpoint's id."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from app.store.changes import Change, note
from app.store.clock import utc_now
from app.store.tables import CHECKPOINTS


def add(connection: Connection, run: int, *, attempt: int, checkpoint: Mapping[str, Any]) -> None:
    """Store {id, step, kind, size_bytes, files}; the same id again replaces the row."""
    values = {name: checkpoint[name] for name in ("step", "kind", "size_bytes")}
    row = {**values, "attempt": attempt, "files": dict(checkpoint.get("files") or {}), "created": utc_now()}
    statement = insert(CHECKPOINTS).values(run=run, id=checkpoint["id"], **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["run", "id"], set_=row))
    note(connection, Change(run, "checkpoint", {"id": checkpoint["id"], **values}))


def list_(connection: Connection, run: int) -> list[dict[str, Any]]:
    """Return the checkpoints of a run, oldest first."""
    by = (CHECKPOINTS.c.step, CHECKPOINTS.c.created, CHECKPOINTS.c.id)
    found = connection.execute(select(CHECKPOINTS).where(CHECKPOINTS.c.run == run).order_by(*by)).mappings()
    return [dict(row) for row in found]


def get(connection: Connection, run: int, checkpoint: str) -> dict[str, Any] | None:
    """Return one checkpoint, or None."""
    where = (CHECKPOINTS.c.run == run) & (CHECKPOINTS.c.id == checkpoint)
    found = connection.execute(select(CHECKPOINTS).where(where)).mappings().first()
    return dict(found) if found else None


def last(connection: Connection, run: int) -> dict[str, Any] | None:
    """Return the checkpoint written last, from which a run resumes, or None."""
    by = (CHECKPOINTS.c.created.desc(), CHECKPOINTS.c.step.desc())
    found = connection.execute(select(CHECKPOINTS).where(CHECKPOINTS.c.run == run).order_by(*by).limit(1)).mappings()
    row = found.first()
    return dict(row) if row else None


def remove(connection: Connection, run: int, checkpoints: Iterable[str]) -> int:
    """Forget checkpoints whose files are gone and return how many were known."""
    gone = list(checkpoints)
    if not gone:
        return 0
    where = (CHECKPOINTS.c.run == run) & CHECKPOINTS.c.id.in_(gone)
    removed = connection.execute(delete(CHECKPOINTS).where(where)).rowcount
    note(connection, Change(run, "checkpoint", {"removed": gone}))
    return removed
