"""Live edits of hyperparameters and of the world: committed before they are sent, given their step when the worker answers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.store.clock import utc_now
from app.store.tables import EDITS

CONFIG, ENVIRONMENT = "config", "environment"


def add(connection: Connection, run: int, config: Mapping[str, Any], *, kind: str = CONFIG) -> int:
    """Store an edit that has not taken effect yet, and return its id.

    Args:
        config: the changed values.
        kind: what they are of: `config`, the hyperparameters, or `environment`, the world's options.
    """
    statement = insert(EDITS).values(run=run, step=None, kind=kind, config=dict(config), created=utc_now())
    return int(connection.execute(statement.returning(EDITS.c.id)).scalar_one())


def set_step(connection: Connection, run: int, *, edit: int, step: int) -> bool:
    """Store when an edit took effect; False where that is known already (a resume met it again)."""
    return connection.execute(update(EDITS).where(_is_open(run, edit)).values(step=step)).rowcount == 1


def refuse(connection: Connection, run: int, *, edit: int, reason: str) -> bool:
    """Note that an edit never takes effect; False where it was answered already."""
    return connection.execute(update(EDITS).where(_is_open(run, edit)).values(refused=reason)).rowcount == 1


def unanswered(connection: Connection, run: int) -> list[int]:
    """Return the ids of the edits that neither took effect nor were refused."""
    where = (EDITS.c.run == run) & EDITS.c.step.is_(None) & EDITS.c.refused.is_(None)
    return list(connection.execute(select(EDITS.c.id).where(where).order_by(EDITS.c.id)).scalars())


def list_(connection: Connection, run: int) -> list[dict[str, Any]]:
    """Return the edits of a run in the order they were made.

    Each is {id, run, step (None until effective), kind, config, refused (the reason, or None), created}.
    """
    found = connection.execute(select(EDITS).where(EDITS.c.run == run).order_by(EDITS.c.id)).mappings()
    return [dict(row) for row in found]


def changes(connection: Connection, run: int, kind: str, *, before: int | None = None) -> dict[str, Any]:
    """Return what the edits of one kind changed, later ones over earlier ones; refused ones changed nothing.

    Args:
        before: only those that took effect before this step; None takes also those that nobody answered yet.
    """
    made = [edit for edit in list_(connection, run) if edit["kind"] == kind and edit["refused"] is None]
    if before is not None:
        made = [edit for edit in made if edit["step"] is not None and edit["step"] < before]
    return {name: value for edit in made for name, value in edit["config"].items()}


def _is_open(run: int, edit: int) -> Any:
    return (EDITS.c.id == edit) & (EDITS.c.run == run) & EDITS.c.step.is_(None) & EDITS.c.refused.is_(None)
