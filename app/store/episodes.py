"""Replays: whole episodes as states, actions and rewards, bounded in number and size."""

import logging
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from app.store.arrays import from_blob, surplus, to_blob
from app.store.changes import Change, note
from app.store.tables import EPISODES

EPISODES_PER_RUN = 200
EPISODE_BYTES = 1 << 20
FACTS = ("number", "step", "kind", "return", "length", "terminated", "truncated", "evaluation", "place", "lane")
TOLD = ("number", "step", "kind", "return", "length", "place")

_log = logging.getLogger(__name__)


def put(connection: Connection, run: int, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Store an episode, over an earlier one of the same number or place; False where it is too large to be kept."""
    described, body = to_blob(arrays)
    facts = {name: header[name] for name in FACTS}
    if len(body) > EPISODE_BYTES:
        _log.warning("Episode %s of run %d has %d bytes and is not kept", facts["number"], run, len(body))
        return False
    content = {**facts, "described": described, "body": body}
    same = (EPISODES.c.evaluation == facts["evaluation"]) & EPISODES.c.place.in_(("", facts["place"]))
    connection.execute(delete(EPISODES).where(EPISODES.c.run == run, same))
    statement = insert(EPISODES).values({"run": run, **content})
    connection.execute(statement.on_conflict_do_update(index_elements=["run", "number"], set_=content))
    _thin(connection, run)
    note(connection, Change(run, "episode", {name: facts[name] for name in TOLD}))
    return True


def _thin(connection: Connection, run: int) -> None:
    """Drop the episodes of every second evaluation where there are too many, never of the first or the last."""
    kept = list_(connection, run)
    if len(kept) > EPISODES_PER_RUN:
        drop = surplus(sorted({episode["evaluation"] for episode in kept}), 0)
        connection.execute(delete(EPISODES).where(EPISODES.c.run == run, EPISODES.c.evaluation.in_(drop)))


def list_(connection: Connection, run: int) -> list[dict[str, Any]]:
    """Return the facts of the kept episodes, by number.

    Each is {number, step, kind, return, length, terminated, truncated, evaluation, place (best, median or worst of its
    evaluation; empty where an older version kept one only), lane (the environment of the evaluation's batch)}.
    """
    columns = [EPISODES.c[name] for name in FACTS]
    found = connection.execute(select(*columns).where(EPISODES.c.run == run).order_by(EPISODES.c.number)).mappings()
    return [dict(row) for row in found]


def get(connection: Connection, run: int, number: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """Return (facts, arrays states (T+1, X), actions (T,), rewards (T,)) of one episode, or None."""
    where = (EPISODES.c.run == run) & (EPISODES.c.number == number)
    found = connection.execute(select(EPISODES).where(where)).mappings().first()
    if found is None:
        return None
    return {name: found[name] for name in FACTS}, from_blob(found["described"], found["body"])


def truncate(connection: Connection, run: int, *, after_step: int) -> None:
    """Remove the episodes of later steps."""
    connection.execute(delete(EPISODES).where(EPISODES.c.run == run, EPISODES.c.step > after_step))
