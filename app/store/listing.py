"""Pages of the list of runs: filters, orders, and cursors that stay right while runs come and go (keyset)."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from app.core.errors import InvalidInput
from app.core.text import _
from app.store.runs import COLUMNS, RunRow
from app.store.tables import RUN_TAGS, RUNS

SORTS: dict[str, tuple[str, bool]] = {
    "-created": ("created", True),
    "created": ("created", False),
    "name": ("name", False),
    "-name": ("name", True),
    "state": ("state", False),
    "algorithm": ("algorithm", False),
    "environment": ("environment", False),
    "-step": ("step", True),
    "step": ("step", False),
}
DEFAULT_SORT = "-created"
MAX_LIMIT = 500


@dataclass(frozen=True, kw_only=True)
class RunFilter:
    """Which runs, in which order; None and empty mean any. `q` is a part of the name or an id."""

    state: Sequence[str] = ()
    algorithm: str | None = None
    environment: str | None = None
    tag: str | None = None
    q: str = ""
    experiment: int | None = None
    sort: str = DEFAULT_SORT


def page(
    connection: Connection, filters: RunFilter, limit: int = 50, cursor: str | None = None
) -> tuple[list[RunRow], str | None]:
    """Return at most `limit` runs and the cursor of the next page, None at the end.

    Raises:
        InvalidInput: the order or the cursor is not one of ours.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    key, falling = _order(filters.sort)
    where = _where(filters)
    if cursor:
        where.append(_after(cursor, filters.sort))
    by = [RUNS.c[key].desc(), RUNS.c.id.desc()] if falling else [RUNS.c[key], RUNS.c.id]
    found = connection.execute(select(*COLUMNS).where(and_(True, *where)).order_by(*by).limit(limit + 1)).mappings()
    rows = [RunRow(**row) for row in found]
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], _encode([filters.sort, getattr(last, key), last.id])


def count(connection: Connection, filters: RunFilter) -> int:
    """Return how many runs a filter lets through."""
    return int(
        connection.execute(select(func.count()).select_from(RUNS).where(and_(True, *_where(filters)))).scalar_one()
    )


def tags(connection: Connection) -> list[str]:
    """Return every tag in use, sorted."""
    return list(connection.execute(select(RUN_TAGS.c.tag).distinct().order_by(RUN_TAGS.c.tag)).scalars())


def _order(sort: str) -> tuple[str, bool]:
    if sort not in SORTS:
        known = ", ".join(SORTS)
        raise InvalidInput.one("sort", sort, _("unknown order"), _("Known: {known}.").format(known=known))
    return SORTS[sort]


def _where(filters: RunFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if filters.state:
        where.append(RUNS.c.state.in_(filters.state))
    exact = {"algorithm": filters.algorithm, "environment": filters.environment, "experiment": filters.experiment}
    where += [RUNS.c[name] == value for name, value in exact.items() if value not in (None, "")]
    if filters.tag:
        where.append(RUNS.c.id.in_(select(RUN_TAGS.c.run).where(RUN_TAGS.c.tag == filters.tag)))
    if filters.q:
        by_name = RUNS.c.name.icontains(filters.q, autoescape=True)
        number = filters.q.strip().removeprefix("#")
        is_id = number.isascii() and number.isdecimal() and len(number) < 19
        where.append(or_(by_name, RUNS.c.id == int(number)) if is_id else by_name)
    return where


def _after(cursor: str, sort: str) -> ColumnElement[bool]:
    value, last = _decode(cursor, sort)
    key, falling = _order(sort)
    column, run = RUNS.c[key], RUNS.c.id
    if falling:
        return and_(column <= value, or_(column < value, run < last))
    return and_(column >= value, or_(column > value, run > last))


def _encode(position: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(position, ensure_ascii=False).encode()).decode().rstrip("=")


def _decode(cursor: str, sort: str) -> tuple[Any, int]:
    """Return (value, id) of the last row of the page before. Values are checked: a cursor comes from outside."""
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        told, value, last = found
        kind = int if SORTS[sort][0] == "step" else str
        if told != sort or type(value) is not kind or type(last) is not int or max(abs(last), *_size(value)) >= 1 << 63:
            raise ValueError("not a position in this order")
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidInput.one(
            "cursor", cursor, _("is not a cursor of this list in this order"), _("Start without a cursor.")
        ) from None
    return value, last


def _size(value: Any) -> tuple[int]:
    return (abs(value) if isinstance(value, int) else 0,)
