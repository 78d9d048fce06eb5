"""History frames (what panels drew) and flat weights, both at chosen steps and bounded in number and size."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects.sqlite import insert

from app.store.arrays import from_blob, surplus, to_blob
from app.store.changes import Change, note
from app.store.tables import FRAMES, WEIGHTS

FRAMES_PER_PANEL = 240
FRAME_BYTES = 1 << 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredFrame:
    """A frame of the past: its step, small facts, and read-only arrays."""

    panel: str
    step: int
    meta: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def put(
    connection: Connection,
    run: int,
    *,
    panel: str,
    step: int,
    meta: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> bool:
    """Store a frame, over an earlier one of the same step; False where it is too large to be kept."""
    described, body = to_blob(arrays)
    if len(body) > FRAME_BYTES:
        _log.warning("Frame %s of run %d at step %d has %d bytes and is not kept", panel, run, step, len(body))
        return False
    content = {"meta": dict(meta), "described": described, "body": body}
    statement = insert(FRAMES).values(run=run, panel=panel, step=step, **content)
    connection.execute(statement.on_conflict_do_update(index_elements=["run", "panel", "step"], set_=content))
    steps = list_(connection, run).get(panel, [])
    _drop(connection, FRAMES, run, (FRAMES.c.panel == panel) & FRAMES.c.step.in_(surplus(steps, FRAMES_PER_PANEL)))
    note(connection, Change(run, "frame", {"panel": panel, "step": step}))
    return True


def list_(connection: Connection, run: int) -> dict[str, list[int]]:
    """Return panel → ascending steps that have a frame."""
    found = connection.execute(
        select(FRAMES.c.panel, FRAMES.c.step).where(FRAMES.c.run == run).order_by(FRAMES.c.panel, FRAMES.c.step)
    )
    panels: dict[str, list[int]] = {}
    for panel, step in found:
        panels.setdefault(panel, []).append(step)
    return panels


def get(connection: Connection, run: int, panel: str, step: int | None = None) -> StoredFrame | None:
    """Return the last frame at or before `step` (the last one without it), else the first one, else None."""
    where = (FRAMES.c.run == run) & (FRAMES.c.panel == panel)
    found = _nearest(connection, FRAMES, where, step)
    return StoredFrame(panel, found.step, found.meta, from_blob(found.described, found.body)) if found else None


def between(connection: Connection, run: int, panel: str, *, first: int, last: int) -> Iterator[StoredFrame]:
    """Yield the frames from one step to another (inclusive), oldest first, read one by one."""
    where = (FRAMES.c.run == run) & (FRAMES.c.panel == panel) & FRAMES.c.step.between(first, last)
    for found in connection.execute(select(FRAMES).where(where).order_by(FRAMES.c.step)):
        yield StoredFrame(panel, found.step, found.meta, from_blob(found.described, found.body))


def put_weights(connection: Connection, run: int, *, step: int, weights: NDArray[Any]) -> bool:
    """Store the flat parameters (P,) as float32; False where they are too large to be kept."""
    body = np.ascontiguousarray(weights, "<f4").tobytes()
    if len(body) > FRAME_BYTES:
        return False
    statement = insert(WEIGHTS).values(run=run, step=step, body=body)
    connection.execute(statement.on_conflict_do_update(index_elements=["run", "step"], set_={"body": body}))
    steps = weight_steps(connection, run)
    _drop(connection, WEIGHTS, run, WEIGHTS.c.step.in_(surplus(steps, FRAMES_PER_PANEL)))
    return True


def weight_steps(connection: Connection, run: int) -> list[int]:
    """Return the ascending steps at which weights are kept."""
    return list(
        connection.execute(select(WEIGHTS.c.step).where(WEIGHTS.c.run == run).order_by(WEIGHTS.c.step)).scalars()
    )


def get_weights(connection: Connection, run: int, step: int | None = None) -> tuple[int, NDArray[np.float32]] | None:
    """Return (step, weights (P,)) at or before `step`, else the first ones, else None."""
    found = _nearest(connection, WEIGHTS, WEIGHTS.c.run == run, step)
    return (found.step, np.frombuffer(found.body, "<f4")) if found else None


def truncate(connection: Connection, run: int, *, after_step: int) -> None:
    """Remove the frames and weights of later steps."""
    _drop(connection, FRAMES, run, FRAMES.c.step > after_step)
    _drop(connection, WEIGHTS, run, WEIGHTS.c.step > after_step)


def _nearest(connection: Connection, table: Table, where: Any, step: int | None) -> Any:
    before = where if step is None else where & (table.c.step <= step)
    found = connection.execute(select(table).where(before).order_by(table.c.step.desc()).limit(1)).first()
    if found is None and step is not None:
        found = connection.execute(select(table).where(where).order_by(table.c.step).limit(1)).first()
    return found


def _drop(connection: Connection, table: Table, run: int, where: Any) -> None:
    connection.execute(delete(table).where(table.c.run == run, where))
