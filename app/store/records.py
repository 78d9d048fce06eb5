"""What a worker recorded, written by its kind: the only place that knows which record becomes which rows.

Every record is fenced by the attempt: a stale attempt, or a run that has ended, writes nothing. The fence is looked at
once for all records handed in together, so that what follows a terminal state in the same hand-over is still stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, select

from app.core.errors import PlaygroundError
from app.core.text import _
from app.store import checkpoints, edits, episodes, events, frames, runs, series
from app.store.changes import Change, note, take
from app.store.states import BELIEVED, TERMINAL
from app.store.tables import RUNS

Arrays = Mapping[str, NDArray[Any]]

_FENCE = select(RUNS.c.attempt, RUNS.c.state).where(RUNS.c.id == bindparam("run_id"))


class Fenced(PlaygroundError):
    """The attempt is not the current one, or the run has ended: nothing was written."""


@dataclass(frozen=True)
class Record:
    """One durable message of a worker: its kind, its facts, its arrays."""

    kind: str
    header: dict[str, Any]
    arrays: Arrays = field(default_factory=dict)


def apply(connection: Connection, run: int, attempt: int, record: Record) -> list[Change]:
    """Write one record and return what changed; see `apply_all`."""
    apply_all(connection, run, attempt=attempt, records=[record])
    return take(connection)


def apply_all(connection: Connection, run: int, *, attempt: int, records: Sequence[Record]) -> None:
    """Write the records of an attempt in order.

    Raises:
        Fenced: the attempt is stale, the run has ended, or it does not exist.
        ValueError: a record of an unknown kind, or whose parts do not fit together.
    """
    found = connection.execute(_FENCE, {"run_id": run}).first()
    if found is None or found.attempt != attempt or found.state in TERMINAL:
        raise Fenced(_("Attempt {attempt} of run {run} is not the current one.").format(attempt=attempt, run=run))
    for record in records:
        write = _WRITERS.get(record.kind)
        if write is None:
            raise ValueError(f"{record.kind!r}: not a kind of record; known are {', '.join(_WRITERS)}")
        write(connection, run, attempt, record)


def _state(connection: Connection, run: int, attempt: int, record: Record) -> None:
    header = record.header
    state = header["state"]
    if state not in BELIEVED:
        raise ValueError(f"{state!r}: not a state that a worker may report")
    if header.get("receipt"):
        runs.set_receipt(connection, run, **header["receipt"])
    if state not in TERMINAL:
        _move(connection, run, attempt, header)
    runs.set_progress(connection, run, step=header.get("step"))
    if state in TERMINAL:  # an ended row keeps its step
        _move(connection, run, attempt, header)


def _move(connection: Connection, run: int, attempt: int, header: Mapping[str, Any]) -> None:
    state = header["state"]
    runs.transition(
        connection, run, to=state, expected=BELIEVED[state], reason=header.get("reason", ""), attempt=attempt
    )


def _points(connection: Connection, run: int, _attempt: int, record: Record) -> None:
    series.append(connection, run, record.header, record.arrays)


def _event(connection: Connection, run: int, attempt: int, record: Record) -> None:
    events.add(connection, run, attempt=attempt, event=record.header)


def _frame(connection: Connection, run: int, _attempt: int, record: Record) -> None:
    header = record.header
    frames.put(
        connection, run, panel=header["panel"], step=header["step"], meta=header.get("meta", {}), arrays=record.arrays
    )


def _weights(connection: Connection, run: int, _attempt: int, record: Record) -> None:
    frames.put_weights(connection, run, step=record.header["step"], weights=record.arrays["weights"])


def _episode(connection: Connection, run: int, _attempt: int, record: Record) -> None:
    episodes.put(connection, run, record.header, record.arrays)


def _checkpoint(connection: Connection, run: int, attempt: int, record: Record) -> None:
    checkpoints.add(connection, run, attempt=attempt, checkpoint=record.header)
    checkpoints.remove(connection, run, record.header.get("removed", ()))


def _edit(connection: Connection, run: int, _attempt: int, record: Record) -> None:
    """Note when an edit took effect, or why it never does.

    What an earlier attempt recorded beyond a new edit belongs to a future that is gone.
    """
    header = record.header
    if header.get("refused"):
        runs.refuse_edit(connection, run, edit=header["id"], reason=header["refused"])
    elif edits.set_step(connection, run, edit=header["id"], step=header["step"]):
        change = runs.edit_world if header.get("kind") == edits.ENVIRONMENT else runs.edit_config
        change(connection, run, header["config"])
        series.truncate(connection, run, after_step=header["step"])
        frames.truncate(connection, run, after_step=header["step"])
        episodes.truncate(connection, run, after_step=header["step"])
        events.truncate(connection, run, after_step=header["step"])


def _progress(connection: Connection, run: int, _attempt: int, record: Record) -> None:
    header = record.header
    runs.set_progress(connection, run, step=header["step"], clock_s=header.get("clock_s"))
    if header.get("fps") is not None:
        note(connection, Change(run, "run", {"fps": header["fps"]}))


_WRITERS: dict[str, Callable[[Connection, int, int, Record], None]] = {
    "state": _state,
    "points": _points,
    "event": _event,
    "frame": _frame,
    "weights": _weights,
    "episode": _episode,
    "checkpoint": _checkpoint,
    "edit": _edit,
    "progress": _progress,
}
