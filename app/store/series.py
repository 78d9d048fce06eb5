"""Series of points in chunks: appending, overwriting what is sent again, cutting, and reading in buckets.

A point's key is (run, scalar, seq). An append adds a small row; 32 small rows become one, and 1,000 points become a chunk
that is not touched again unless a resumed attempt recomputes it. A recomputed point takes the place of the stored one, and
where it is reproducible and differs in any bit, the run is flagged "nondeterministic".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Integer, bindparam, delete, func, insert, select, update

from app.core.codecs import finite_or_null
from app.store import runs
from app.store.changes import Change, note
from app.store.points import (
    NONE,
    Points,
    Reduced,
    first_difference,
    from_arrays,
    from_data,
    join,
    reduce,
    reduce_rows,
    to_row,
)
from app.store.tables import CHUNKS, RUNS, SERIES

__all__ = ["CHUNK", "Points", "Reduced", "append", "cursors", "latest", "names", "on_axis", "read", "since", "truncate"]

CHUNK = 1_000
SMALL_ROWS = 32
BEST_OF = "eval/mean_reward"
AXES = {"time": "time/run_clock", "episode": "rollout/episodes"}


@dataclass
class _Open:
    """Where a series ends: the next seq, the first seq of its unmerged rows, and how many rows those are."""

    id: int
    next_seq: int = 0
    open_seq: int = 0
    open_rows: int = 0


@dataclass
class _Pending:
    """Rows to be written with one statement each kind."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    ends: dict[int, _Open] = field(default_factory=dict)

    def flush(self, connection: Connection) -> None:
        if self.rows:
            connection.execute(_ADD_ROWS, self.rows)
        if self.ends:
            connection.execute(_MOVE_END, [{"series_id": end.id, **_end_values(end)} for end in self.ends.values()])
        self.rows, self.ends = [], {}


# Statements of the path that every point takes, built once: building them costs more than running them.
_ENDS = (
    select(SERIES.c.name, SERIES.c.id, SERIES.c.next_seq, SERIES.c.open_seq, SERIES.c.open_rows)
    .where(SERIES.c.run == bindparam("run_id"))
    .order_by(SERIES.c.name)
)
_ADD_ROWS = insert(CHUNKS)
_ROW = (CHUNKS.c.id, CHUNKS.c.first_seq, CHUNKS.c["count"].label("count_"), CHUNKS.c.data)
_ROWS = (
    select(*_ROW)
    .where(
        CHUNKS.c.series == bindparam("series_id"),
        CHUNKS.c.first_seq > bindparam("first", type_=Integer) - CHUNK,  # a row holds at most CHUNK points
        CHUNKS.c.first_seq < bindparam("end"),
        CHUNKS.c.first_seq + CHUNKS.c["count"] > bindparam("first"),
    )
    .order_by(CHUNKS.c.first_seq)
)
_DROP_ROWS = delete(CHUNKS).where(CHUNKS.c.series == bindparam("series_id"), CHUNKS.c.first_seq >= bindparam("first"))
_MOVE_END = update(SERIES).where(SERIES.c.id == bindparam("series_id"))
_ROW_OF_RUN = select(RUNS.c.latest, RUNS.c.best, RUNS.c.step, RUNS.c.state).where(RUNS.c.id == bindparam("run_id"))
_KEEP_LATEST = (
    update(RUNS)
    .where(RUNS.c.id == bindparam("run_id"), RUNS.c.ended.is_(None))
    .values({name: bindparam(name) for name in ("latest", "best", "step")})
)


def append(connection: Connection, run: int, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Store points of several series, later ones behind the stored ones, earlier ones in their place.

    Args:
        header: series: [{name, first_seq, count, reproducible}], in the order in which the arrays hold their points, and
            step, where the run stands.
        arrays: steps, values, lows, highs (n,), all series one after another.

    Raises:
        ValueError: the parts do not fit together, or points are missing before the first one.
    """
    given, parts = from_arrays(arrays), header["series"]
    if sum(part["count"] for part in parts) != len(given):
        raise ValueError(
            f"the series count {sum(part['count'] for part in parts)} points, the arrays hold {len(given)}"
        )
    known = _ends(connection, run, [part["name"] for part in parts])
    pending, told, ends, start = _Pending(), {}, {}, 0
    for part in parts:
        points, start = given[start : start + part["count"]], start + part["count"]
        if not len(points):
            continue
        name, first_seq = part["name"], part["first_seq"]
        end = known.get(name) or known.setdefault(name, _new_series(connection, run, name))
        if end.id in pending.ends:
            pending.flush(connection)
        _store(connection, run, end, part=part, points=points, pending=pending)
        told[name] = {
            "first_seq": first_seq,
            "steps": points.steps,
            "values": points.values,
            "min": points.lows,
            "max": points.highs,
        }
        if first_seq + len(points) == end.next_seq:
            ends[name] = points
    pending.flush(connection)
    _note_latest(connection, run, ends, header.get("step"))
    if told:
        note(connection, Change(run, "points", told))


def names(connection: Connection, run: int) -> list[str]:
    """Return the names of the series of a run, sorted."""
    return list(cursors(connection, run))


def cursors(connection: Connection, run: int) -> dict[str, int]:
    """Return name → next seq of every series of a run, sorted by name."""
    found = connection.execute(
        select(SERIES.c.name, SERIES.c.next_seq).where(SERIES.c.run == run).order_by(SERIES.c.name)
    )
    return dict(found.all())


def latest(connection: Connection, run: int) -> dict[str, float | None]:
    """Return name → last value (None where it is not finite)."""
    return dict(connection.execute(select(RUNS.c.latest).where(RUNS.c.id == run)).scalar() or {})


def read(
    connection: Connection,
    run: int,
    names: Iterable[str] | None = None,
    *,
    from_step: int | None = None,
    to_step: int | None = None,
    max_points: int = 2_000,
) -> dict[str, Reduced]:
    """Return name → at most `max_points` buckets over the points of the steps asked for; unknown names are left out.

    Args:
        names: the series wanted, all where None.
        from_step, to_step: inclusive; None is open.
    """
    ends = _ends(connection, run, None if names is None else list(names))
    window = (from_step, to_step)
    return {name: _read_one(connection, end, window, max_points=max(1, max_points)) for name, end in ends.items()}


def on_axis(connection: Connection, run: int, curves: Mapping[str, Reduced], axis: str) -> dict[str, Reduced]:
    """Return curves over another x axis, `time` (seconds) or `episode`, read off by linear interpolation over the steps."""
    scale = read(connection, run, [AXES[axis]], max_points=10_000).get(AXES[axis])
    if scale is None or not len(scale):
        return {}
    return {
        name: Reduced(np.interp(curve.steps, scale.steps, scale.values), curve.values, curve.lows, curve.highs)
        for name, curve in curves.items()
    }


def since(
    connection: Connection, run: int, seqs: Mapping[str, int], limit: int = 2_000
) -> dict[str, tuple[int, Points]]:
    """Return name → (first seq, points) that were stored after the given next seqs, for a viewer that comes back.

    Series not named in `seqs` come from their start. Where more than `limit` points are new only the last ones come, and
    the first seq says so.
    """
    fresh: dict[str, tuple[int, Points]] = {}
    for name, end in _ends(connection, run).items():
        first = max(seqs.get(name, 0), end.next_seq - limit, 0)
        if first < end.next_seq:
            rows = _rows(connection, end.id, first, end.next_seq)
            stored = join([from_data(row.data, row.count_) for row in rows])
            fresh[name] = (first, stored[first - rows[0].first_seq :])
    return fresh


def truncate(connection: Connection, run: int, *, after_step: int) -> None:
    """Remove the points of later steps: a new edit made them the record of a future that is gone."""
    is_cut, ends = False, _ends(connection, run)
    for end in ends.values():
        later = (CHUNKS.c.series == end.id) & (CHUNKS.c.last_step > after_step)
        rows = connection.execute(select(*_ROW).where(later).order_by(CHUNKS.c.first_seq)).all()
        if not rows:
            continue
        is_cut, first = True, rows[0]
        kept = from_data(first.data, first.count_)
        kept = kept[: int(np.searchsorted(kept.steps, after_step, side="right"))]
        connection.execute(_DROP_ROWS, {"series_id": end.id, "first": first.first_seq})
        if len(kept):
            connection.execute(insert(CHUNKS).values(series=end.id, **to_row(first.first_seq, kept)))
        _close_gap(connection, end, next_seq=first.first_seq + len(kept))
    if is_cut:
        _refresh_latest(connection, run, ends)
        note(connection, Change(run, "run", {"truncated_after": after_step}))


_STATISTICS = (CHUNKS.c.first_step, CHUNKS.c["count"].label("count_"), CHUNKS.c.low, CHUNKS.c.high, CHUNKS.c.mean)


def _ends(connection: Connection, run: int, names: Sequence[str] | None = None) -> dict[str, _Open]:
    found = connection.execute(_ENDS, {"run_id": run})
    return {name: _Open(*end) for name, *end in found if names is None or name in names}


def _new_series(connection: Connection, run: int, name: str) -> _Open:
    statement = insert(SERIES).values(run=run, name=name, next_seq=0, open_seq=0, open_rows=0)
    return _Open(int(connection.execute(statement.returning(SERIES.c.id)).scalar_one()))


def _store(
    connection: Connection, run: int, end: _Open, *, part: Mapping[str, Any], points: Points, pending: _Pending
) -> None:
    first_seq = part["first_seq"]
    if not 0 <= first_seq <= end.next_seq:
        raise ValueError(f"{part['name']}: points start at seq {first_seq}, but the next one is {end.next_seq}")
    again = points[: end.next_seq - first_seq]
    if len(again):
        difference = _overwrite(connection, end, first_seq, again)
        if difference and part.get("reproducible", True):
            runs.flag(connection, run, "nondeterministic", {"scalar": part["name"], **difference})
    if len(again) < len(points):
        _extend(connection, end, points[len(again) :], pending)


def _extend(connection: Connection, end: _Open, points: Points, pending: _Pending) -> None:
    """Put points behind the stored ones, merging the open rows where they are many or make up a chunk."""
    first_seq, end.next_seq = end.next_seq, end.next_seq + len(points)
    pending.ends[end.id] = end
    if end.next_seq - end.open_seq < CHUNK and end.open_rows < SMALL_ROWS:
        pending.rows.append({"series": end.id, **to_row(first_seq, points)})
        end.open_rows += 1
        return
    if end.open_rows:
        rows = _rows(connection, end.id, end.open_seq, first_seq)
        points = join([*(from_data(row.data, row.count_) for row in rows), points])
        connection.execute(_DROP_ROWS, {"series_id": end.id, "first": end.open_seq})
    for start in range(0, len(points), CHUNK):
        row = to_row(end.open_seq + start, points[start : start + CHUNK])
        pending.rows.append({"series": end.id, **row})
    rest = len(points) % CHUNK
    end.open_seq, end.open_rows = end.next_seq - rest, int(rest > 0)


def _overwrite(connection: Connection, end: _Open, first_seq: int, points: Points) -> dict[str, Any] | None:
    """Put recomputed points in the place of the stored ones; returns {seq, step, stored, recomputed} of the first that differs."""
    found = None
    for row in _rows(connection, end.id, first_seq, first_seq + len(points)):
        stored = from_data(row.data, row.count_)
        low, high = max(first_seq, row.first_seq), min(first_seq + len(points), row.first_seq + row.count_)
        inside = slice(low - row.first_seq, high - row.first_seq)
        sent = points[low - first_seq : high - first_seq]
        at = first_difference(stored[inside], sent)
        if at is None:
            continue
        old, new = float(stored.values[inside][at]), float(sent.values[at])
        found = found or {"seq": low + at, "step": int(sent.steps[at]), "stored": finite_or_null(old),
                          "recomputed": finite_or_null(new)}  # fmt: skip
        mixed = join([stored[: inside.start], sent, stored[inside.stop :]])
        connection.execute(update(CHUNKS).where(CHUNKS.c.id == row.id).values(**to_row(row.first_seq, mixed)))
    return found


def _rows(connection: Connection, series: int, first_seq: int, end_seq: int) -> Sequence[Any]:
    """Return the rows that hold the points [first_seq, end_seq)."""
    return connection.execute(_ROWS, {"series_id": series, "first": first_seq, "end": end_seq}).all()


def _read_one(connection: Connection, end: _Open, window: tuple[int | None, int | None], *, max_points: int) -> Reduced:
    from_step, to_step = window
    where = CHUNKS.c.series == end.id
    if from_step is not None:
        where &= CHUNKS.c.last_step >= from_step
    if to_step is not None:
        where &= CHUNKS.c.first_step <= to_step
    if window == (None, None) and end.open_seq >= CHUNK * max_points:
        return reduce_rows(
            connection.execute(select(*_STATISTICS).where(where).order_by(CHUNKS.c.first_seq)).all(), max_points
        )
    rows = connection.execute(select(*_ROW).where(where).order_by(CHUNKS.c.first_seq)).all()
    points = join([from_data(row.data, row.count_) for row in rows])
    if window != (None, None) and len(points):
        low = 0 if from_step is None else int(np.searchsorted(points.steps, from_step, side="left"))
        high = len(points) if to_step is None else int(np.searchsorted(points.steps, to_step, side="right"))
        points = points[low : max(low, high)]
    return reduce(points, max_points)


def _note_latest(connection: Connection, run: int, ends: Mapping[str, Points], step: int | None = None) -> None:
    """Keep the last value of each series, the best evaluation and the step on the row of a run that has not ended."""
    row = connection.execute(_ROW_OF_RUN, {"run_id": run}).one()
    last = {name: finite_or_null(float(points.values[-1])) for name, points in ends.items()}
    best = _better(row.best, ends[BEST_OF]) if BEST_OF in ends else row.best
    values = {
        "latest": {**row.latest, **last},
        "best": best,
        "step": row.step if step is None else runs.standing(row.state, row.step, step),
    }
    connection.execute(_KEEP_LATEST, {"run_id": run, **values})
    note(connection, Change(run, "run", values))


def _better(best: dict[str, Any] | None, points: Points) -> dict[str, Any] | None:
    """Return {value, step} of the highest value, ties to the later."""
    finite = np.where(np.isfinite(points.values), points.values, -np.inf)
    at = len(finite) - 1 - int(np.argmax(finite[::-1]))
    if not np.isfinite(finite[at]):
        return best
    found = {"value": float(finite[at]), "step": int(points.steps[at])}
    is_better = best is None or (found["value"], found["step"]) >= (best["value"], best["step"])
    return found if is_better else best


def _close_gap(connection: Connection, end: _Open, *, next_seq: int) -> None:
    """Make a series end at `next_seq` after rows were cut off."""
    end.next_seq, end.open_seq = next_seq, next_seq // CHUNK * CHUNK
    is_open = (CHUNKS.c.series == end.id) & (CHUNKS.c.first_seq >= end.open_seq)
    end.open_rows = int(connection.execute(select(func.count()).where(is_open)).scalar_one())
    connection.execute(_MOVE_END, [{"series_id": end.id, **_end_values(end)}])


def _end_values(end: _Open) -> dict[str, int]:
    return {"next_seq": end.next_seq, "open_seq": end.open_seq, "open_rows": end.open_rows}


def _refresh_latest(connection: Connection, run: int, ends: Mapping[str, _Open]) -> None:
    """Find the last values and the best evaluation again after a cut."""
    last: dict[str, Points] = {}
    for name, end in ends.items():
        start = 0 if name == BEST_OF else max(0, end.next_seq - 1)
        rows = _rows_from(connection, end.id, start)
        last[name] = join([from_data(row.data, row.count_) for row in rows]) if rows else NONE
    connection.execute(update(RUNS).where(RUNS.c.id == run).values(latest={}, best=None))
    _note_latest(connection, run, {name: points for name, points in last.items() if len(points)})


def _rows_from(connection: Connection, series: int, first_seq: int) -> Sequence[Any]:
    where = (CHUNKS.c.series == series) & (CHUNKS.c.first_seq + CHUNKS.c["count"] > first_seq)
    return connection.execute(select(*_ROW).where(where).order_by(CHUNKS.c.first_seq)).all()
