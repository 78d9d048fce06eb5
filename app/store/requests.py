"""Idempotency: a key that a client sent with a creation, and the run that came of it, for 24 hours."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from app.store.clock import as_text, utc_now
from app.store.tables import REQUESTS

KEPT = timedelta(hours=24)


def remember_request(connection: Connection, key: str, body_hash: str, run: int) -> None:
    """Store the run that a key created, in the transaction that creates it; keys older than a day are forgotten.

    Raises:
        sqlalchemy.exc.IntegrityError: the key is remembered already: look with `recall_request` in the same transaction.
    """
    connection.execute(delete(REQUESTS).where(REQUESTS.c.created < oldest()))
    connection.execute(insert(REQUESTS).values(key=key, body_hash=body_hash, run=run, created=utc_now()))


def recall_request(connection: Connection, key: str) -> tuple[str, int] | None:
    """Return (hash of the body, run) of a remembered key, or None."""
    where = (REQUESTS.c.key == key) & (REQUESTS.c.created >= oldest())
    found = connection.execute(select(REQUESTS.c.body_hash, REQUESTS.c.run).where(where)).first()
    return (found.body_hash, found.run) if found else None


def oldest() -> str:
    """Return the moment before which a remembered key counts no more."""
    return as_text(datetime.now(UTC) - KEPT)
