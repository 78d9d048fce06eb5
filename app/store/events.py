"""The log of a run: what happened, when, at which step."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from app.store.changes import Change, note
from app.store.clock import utc_now
from app.store.tables import EVENTS

# An attempt that resumes meets these again at the same step; they are logged once.
REPEATED = frozenset({"evaluation", "episode", "edit", "warning"})


def add(connection: Connection, run: int, *, attempt: int, event: Mapping[str, Any]) -> int | None:
    """Append {step, event, text, data} and return its id; None where an earlier attempt logged the same."""
    values = {"step": int(event.get("step") or 0), "event": event["event"], "text": event.get("text", ""),
              "data": dict(event.get("data") or {})}  # fmt: skip
    if values["event"] in REPEATED and _is_known(connection, run, attempt, values):
        return None
    values["created"] = utc_now()
    statement = insert(EVENTS).values(run=run, attempt=attempt, **values).returning(EVENTS.c.id)
    number = int(connection.execute(statement).scalar_one())
    note(connection, Change(run, "event", {"id": number, **values}))
    return number


def list_(connection: Connection, run: int, *, after: int = 0, limit: int = 1_000) -> list[dict[str, Any]]:
    """Return events with an id above `after`, oldest first."""
    where = (EVENTS.c.run == run) & (EVENTS.c.id > after)
    found = connection.execute(select(EVENTS).where(where).order_by(EVENTS.c.id).limit(limit)).mappings()
    return [dict(row) for row in found]


def _is_known(connection: Connection, run: int, attempt: int, values: Mapping[str, Any]) -> bool:
    same = (EVENTS.c.run == run) & (EVENTS.c.attempt < attempt)
    for name in ("step", "event", "text"):
        same &= EVENTS.c[name] == values[name]
    return connection.execute(select(EVENTS.c.id).where(same).limit(1)).first() is not None
