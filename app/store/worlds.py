"""Worlds that users saved under a name: options of an environment to start from, and the requests that saved them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.sqlite import insert

from app.store.clock import utc_now
from app.store.requests import oldest
from app.store.tables import WORLD_REQUESTS, WORLDS


def save(connection: Connection, environment: str, name: str, config: Mapping[str, Any]) -> None:
    """Store a world, over an earlier one of the same name."""
    values = {"config": dict(config), "created": utc_now()}
    statement = insert(WORLDS).values(environment=environment, name=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["environment", "name"], set_=values))


def get(connection: Connection, environment: str, name: str) -> dict[str, Any] | None:
    """Return {environment, name, config, created}, or None."""
    found = connection.execute(select(WORLDS).where(_is(environment, name))).mappings().first()
    return dict(found) if found else None


def list_(connection: Connection, environment: str) -> list[dict[str, Any]]:
    """Return {environment, name, created} of the worlds of an environment, by name."""
    columns = (WORLDS.c.environment, WORLDS.c.name, WORLDS.c.created)
    statement = select(*columns).where(WORLDS.c.environment == environment).order_by(WORLDS.c.name)
    return [dict(row) for row in connection.execute(statement).mappings()]


def count(connection: Connection) -> int:
    """Return how many worlds are saved."""
    return int(connection.execute(select(func.count()).select_from(WORLDS)).scalar_one())


def size_chars(connection: Connection) -> int:
    """Return how many characters the options of all worlds take."""
    return int(connection.execute(select(func.coalesce(func.sum(func.length(WORLDS.c.config)), 0))).scalar_one())


def remember_save(connection: Connection, key: str, body_hash: str, environment: str, name: str) -> None:
    """Store which world a key saved, in the transaction that saves it; keys older than a day are forgotten."""
    connection.execute(delete(WORLD_REQUESTS).where(WORLD_REQUESTS.c.created < oldest()))
    values = {"key": key, "body_hash": body_hash, "environment": environment, "name": name, "created": utc_now()}
    connection.execute(plain_insert(WORLD_REQUESTS).values(**values))


def recall_save(connection: Connection, key: str) -> tuple[str, str, str] | None:
    """Return (hash of the body, environment, name) of a remembered key, or None; a deleted world takes its keys along."""
    known = WORLD_REQUESTS.c
    where = (known.key == key) & (known.created >= oldest())
    found = connection.execute(select(known.body_hash, known.environment, known.name).where(where)).first()
    return (found.body_hash, found.environment, found.name) if found else None


def remove(connection: Connection, environment: str, name: str) -> bool:
    """Forget a world; False where there is none of that name."""
    return connection.execute(delete(WORLDS).where(_is(environment, name))).rowcount == 1


def _is(environment: str, name: str) -> Any:
    return (WORLDS.c.environment == environment) & (WORLDS.c.name == name)
