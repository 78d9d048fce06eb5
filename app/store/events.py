"""The log of a run: what happened, when, at which step."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from app.store.changes import Change, note
from app.store.clock import utc_now
from app.store.tables import EVENTS

_COLUMNS = [EVENTS.c[name] for name in ("id", "run", "attempt", "step", "event", "text", "data", "created")]


def add(connection: Connection, run: int, *, attempt: int, event: Mapping[str, Any]) -> int | None:
    """Append {step, event, text?, data?, key?} and return its id; None where the run has an event of the same key."""
    values = {
        "step": int(event.get("step") or 0),
        "event": event["event"],
        "text": event.get("text", ""),
        "data": dict(event.get("data") or {}),
        "created": utc_now(),
    }
    statement = insert(EVENTS).values(run=run, attempt=attempt, key=event.get("key") or None, **values)
    statement = statement.on_conflict_do_nothing(index_elements=["run", "key"])
    number = connection.execute(statement.returning(EVENTS.c.id)).scalar()
    if number is None:
        return None
    note(connection, Change(run, "event", {"id": number, **values}))
    return int(number)


def list_(connection: Connection, run: int, *, after: int = 0, limit: int = 1_000) -> list[dict[str, Any]]:
    """Return events with an id above `after`, oldest first."""
    where = (EVENTS.c.run == run) & (EVENTS.c.id > after)
    found = connection.execute(select(*_COLUMNS).where(where).order_by(EVENTS.c.id).limit(limit)).mappings()
    return [dict(row) for row in found]


def truncate(connection: Connection, run: int, *, after_step: int) -> None:
    """Remove the repeatable events of later steps: they will happen again, otherwise."""
    later = (EVENTS.c.run == run) & (EVENTS.c.step > after_step) & EVENTS.c.key.is_not(None)
    connection.execute(delete(EVENTS).where(later))
