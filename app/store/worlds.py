"""Worlds that users saved under a name: options of an environment to start from."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from app.store.clock import utc_now
from app.store.tables import WORLDS


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
    """Return the worlds of an environment by name."""
    statement = select(WORLDS).where(WORLDS.c.environment == environment).order_by(WORLDS.c.name)
    return [dict(row) for row in connection.execute(statement).mappings()]


def count(connection: Connection) -> int:
    """Return how many worlds are saved."""
    return int(connection.execute(select(func.count()).select_from(WORLDS)).scalar_one())


def remove(connection: Connection, environment: str, name: str) -> bool:
    """Forget a world; False where there is none of that name."""
    return connection.execute(delete(WORLDS).where(_is(environment, name))).rowcount == 1


def _is(environment: str, name: str) -> Any:
    return (WORLDS.c.environment == environment) & (WORLDS.c.name == name)
