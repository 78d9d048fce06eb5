"""Worlds that a user drew and saved under a name."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from app.core.codecs import content_hash
from app.core.errors import Missing, Refused, Violation, shorten
from app.core.text import _, filled
from app.protocol.catalog import SavedLink, SavedWorld, WorldSave
from app.store import worlds
from app.web import describe, forms
from app.web.services import Playground, check_same_body

MAX_SAVED = 1_000
MAX_CHARS = 20_000_000


def save(playground: Playground, body: WorldSave, *, key: str | None = None) -> SavedWorld:
    """Check a world and keep it; the answer holds all its options. With a key that was used before, return what it saved.

    Raises:
        InvalidInput: an option breaks a rule, the environment is unknown, or the key was used with another body.
        Refused: another world has that name, there are too many, or the disk is nearly full.
    """
    mark = content_hash(body.model_dump(mode="json"))
    with playground.store.read() as connection:
        recalled = _recalled(connection, key, mark)
    if recalled is not None:
        return _shown(recalled)
    spec = playground.catalog().environment(body.environment)
    config = spec.config.parse(body.environment_config, "environment_config")
    options = config.model_dump(mode="json")
    spec.make(config)
    playground.check_disk()

    def work(connection: Any) -> Mapping[str, Any]:
        again = _recalled(connection, key, mark)
        if again is not None:
            return again
        known = worlds.get(connection, spec.id, body.name)
        if known is not None and known["config"] != options and not body.replace:
            way_out = _("Choose another name, or send replace: true.")
            raise Refused.one("name", body.name, _("another world is saved under this name"), way_out)
        if known is None and worlds.count(connection) >= MAX_SAVED:
            rule = filled(_("at most {limit} worlds are kept"), limit=MAX_SAVED)
            raise Refused.one("name", body.name, rule, _("Delete one first."))
        if known is None or known["config"] != options:
            worlds.save(connection, spec.id, body.name, options)
        if worlds.size_chars(connection) > MAX_CHARS:
            rule = filled(_("all worlds together may take {limit} characters"), limit=MAX_CHARS)
            raise Refused.one("name", body.name, rule, _("Delete one first."))
        if key is not None:
            worlds.remember_save(connection, key, mark, spec.id, body.name)
        return worlds.get(connection, spec.id, body.name) or {}

    return _shown(playground.store.writer.do(work))


def listed(playground: Playground, environment: str) -> list[SavedLink]:
    """Return the names of the saved worlds of an environment."""
    with playground.store.read() as connection:
        rows = worlds.list_(connection, environment)
    return [SavedLink(name=row["name"], created=row["created"], links=_links(row)) for row in rows]


def find(playground: Playground, environment: str, name: str) -> SavedWorld:
    """Return a saved world; raises `Missing`."""
    with playground.store.read() as connection:
        row = worlds.get(connection, environment, name)
    if row is None:
        raise _missing(environment, name)
    return _shown(row)


def in_form(playground: Playground, form: Mapping[str, str]) -> dict[str, str]:
    """Return a form with the options of the world it names in `saved`; raises `Missing`."""
    rest = {name: value for name, value in form.items() if name != "saved"}
    options = find(playground, form.get("environment", ""), form["saved"]).environment_config
    return {**rest, **{f"environment_config.{name}": forms.show(value) for name, value in options.items()}}


def remove(playground: Playground, environment: str, name: str) -> None:
    """Forget a world; runs in it are not touched."""
    describe.known(playground.catalog().environment, environment)
    if not playground.store.writer.do(lambda connection: worlds.remove(connection, environment, name)):
        raise _missing(environment, name)


def _missing(environment: str, name: str) -> Missing:
    way_out = _("GET /api/v1/environments/{id} lists them.").format(id=environment)
    return Missing([Violation("name", shorten(name), _("no world is saved under this name"), way_out)])


def _recalled(connection: Any, key: str | None, mark: str) -> Mapping[str, Any] | None:
    found = worlds.recall_save(connection, key) if key else None
    if found is None or key is None:
        return None
    check_same_body(found[0], key, mark)
    return worlds.get(connection, found[1], found[2])


def _links(row: Mapping[str, Any]) -> dict[str, str]:
    environment, name = row["environment"], row["name"]
    return {
        "self": f"{describe.API}/environments/{environment}/saved/{quote(name, safe='')}",
        "play": f"/?{urlencode({'environment': environment, 'saved': name})}",
    }


def _shown(row: Mapping[str, Any]) -> SavedWorld:
    return SavedWorld(
        environment=row["environment"],
        name=row["name"],
        environment_config=row["config"],
        created=row["created"],
        links=_links(row),
    )
