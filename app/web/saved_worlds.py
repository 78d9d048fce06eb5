"""Worlds that a user drew and saved under a name."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from app.core.errors import Missing, Refused
from app.core.text import _
from app.protocol.catalog import SavedWorld, WorldSave
from app.store import worlds
from app.web import describe
from app.web.services import Playground

MAX_SAVED = 1_000


def save(playground: Playground, body: WorldSave) -> SavedWorld:
    """Check a world and keep it; the answer holds all its options.

    Raises:
        InvalidInput: an option breaks a rule, or the environment is unknown.
        Refused: another world has that name, or there are too many.
    """
    spec = playground.catalog().environment(body.environment)
    config = spec.config.parse(body.environment_config, "environment_config")
    options = config.model_dump(mode="json")
    spec.make(config)

    def work(connection: Any) -> dict[str, Any]:
        known = worlds.get(connection, spec.id, body.name)
        if known is not None and known["config"] != options and not body.replace:
            way_out = _("Choose another name, or send replace: true.")
            raise Refused.one("name", body.name, _("another world is saved under this name"), way_out)
        if known is None and worlds.count(connection) >= MAX_SAVED:
            rule = _("at most {limit} worlds are kept").format(limit=MAX_SAVED)
            raise Refused.one("name", body.name, rule, _("Delete one first."))
        if known is None or known["config"] != options:
            worlds.save(connection, spec.id, body.name, options)
        return worlds.get(connection, spec.id, body.name) or {}

    return _shown(playground.store.writer.do(work))


def listed(playground: Playground, environment: str) -> list[SavedWorld]:
    """Return the saved worlds of an environment by name."""
    with playground.store.read() as connection:
        return [_shown(row) for row in worlds.list_(connection, environment)]


def remove(playground: Playground, environment: str, name: str) -> None:
    """Forget a world; runs in it are not touched."""
    describe.known(playground.catalog().environment, environment)
    if not playground.store.writer.do(lambda connection: worlds.remove(connection, environment, name)):
        way_out = _("GET /api/v1/environments/{id} lists them.").format(id=environment)
        raise Missing.one("name", name, _("no world is saved under this name"), way_out)


def _shown(row: Mapping[str, Any]) -> SavedWorld:
    return SavedWorld(
        environment=row["environment"],
        name=row["name"],
        environment_config=row["config"],
        created=row["created"],
        links={"self": f"{describe.API}/environments/{row['environment']}/saved/{quote(row['name'], safe='')}"},
    )
