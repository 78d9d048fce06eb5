"""Live edits: committed before they are sent, given their step when the worker says when they took effect."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.store.clock import utc_now
from app.store.tables import EDITS


def add(connection: Connection, run: int, config: Mapping[str, Any]) -> int:
    """Store an edit that has not taken effect yet, and return its id."""
    statement = insert(EDITS).values(run=run, step=None, config=dict(config), created=utc_now())
    return int(connection.execute(statement.returning(EDITS.c.id)).scalar_one())


def set_step(connection: Connection, run: int, *, edit: int, step: int) -> bool:
    """Store when an edit took effect; False where that is known already (a resume met it again)."""
    where = (EDITS.c.id == edit) & (EDITS.c.run == run) & EDITS.c.step.is_(None)
    return connection.execute(update(EDITS).where(where).values(step=step)).rowcount == 1


def list_(connection: Connection, run: int) -> list[dict[str, Any]]:
    """Return the edits of a run in the order they were made: id, run, step (None until effective), config, created."""
    found = connection.execute(select(EDITS).where(EDITS.c.run == run).order_by(EDITS.c.id)).mappings()
    return [dict(row) for row in found]
