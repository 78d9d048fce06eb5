"""Points of a series as arrays: packing into rows, comparing bit by bit, and reducing to buckets. Pure functions.

Letters: n points, B buckets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """Points in the order of their seq: steps, values, and the envelope of what each value is the mean of; all (n,)."""

    steps: I64
    values: F64
    lows: F64
    highs: F64

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, part: slice) -> "Points":
        return Points(self.steps[part], self.values[part], self.lows[part], self.highs[part])


@dataclass(frozen=True)
class Reduced:
    """A curve of B buckets: steps where they start, mean of the values, smallest low and largest high of the full data."""

    steps: I64 | F64
    values: F64
    lows: F64
    highs: F64

    def __len__(self) -> int:
        return len(self.steps)


NONE = Points(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0))


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Points:
    """Return the points of a record; lows and highs default to the values.

    Raises:
        ValueError: the arrays differ in length.
    """
    values = np.ascontiguousarray(arrays["values"], "<f8")
    points = Points(
        np.ascontiguousarray(arrays["steps"], "<i8"),
        values,
        np.ascontiguousarray(arrays.get("lows", values), "<f8"),
        np.ascontiguousarray(arrays.get("highs", values), "<f8"),
    )
    shapes = {array.shape for array in (points.steps, points.values, points.lows, points.highs)}
    if shapes != {(len(values),)}:
        raise ValueError(f"steps, values, lows and highs must be equally long, not {sorted(shapes)}")
    return points


def join(parts: Sequence[Points]) -> Points:
    """Return several pieces as one, in order."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NONE
    steps, values = np.concatenate([part.steps for part in parts]), np.concatenate([part.values for part in parts])
    if all(part.lows is part.values and part.highs is part.values for part in parts):
        return Points(steps, values, values, values)
    lows, highs = np.concatenate([part.lows for part in parts]), np.concatenate([part.highs for part in parts])
    return Points(steps, values, lows, highs)


def to_row(first_seq: int, points: Points) -> dict[str, Any]:
    """Return the columns of a stored row: the statistics and the little-endian bytes, the envelope only where there is one."""
    parts = [points.steps, points.values]
    bits = points.values.tobytes()
    if points.lows.tobytes() != bits or points.highs.tobytes() != bits:
        parts += [points.lows, points.highs]
    return {
        "first_seq": first_seq,
        "count": len(points),
        "first_step": int(points.steps[0]),
        "last_step": int(points.steps[-1]),
        "low": float(points.lows.min()),
        "high": float(points.highs.max()),
        "mean": float(points.values.mean()),
        "data": b"".join(part.tobytes() for part in parts),
    }


def from_data(data: bytes, count: int) -> Points:
    """The inverse of `to_row`'s bytes; the arrays are read-only views."""
    floats = np.frombuffer(data, "<f8", offset=8 * count).reshape(-1, count)
    steps = np.frombuffer(data, "<i8", count)
    values = floats[0]
    return Points(steps, values, floats[1], floats[2]) if len(floats) == 3 else Points(steps, values, values, values)


def same_bits(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where two arrays (n,) of 8-byte numbers hold the same bits (NaN equals itself, −0 differs from 0)."""
    same: NDArray[np.bool_] = left.view(np.int64) == right.view(np.int64)
    return same


def first_difference(stored: Points, recomputed: Points) -> int | None:
    """Return the index of the first point that differs in any bit, or None."""
    same = (
        (stored.steps == recomputed.steps)
        & same_bits(stored.values, recomputed.values)
        & same_bits(stored.lows, recomputed.lows)
        & same_bits(stored.highs, recomputed.highs)
    )
    return None if same.all() else int(np.argmin(same))


def reduce(points: Points, max_points: int) -> Reduced:
    """Return at most `max_points` buckets of nearly equally many points each; fewer points come back as they are."""
    n = len(points)
    if n <= max_points:
        return Reduced(points.steps, points.values, points.lows, points.highs)
    starts = _starts(n, max_points)
    counts = np.diff(starts, append=n)
    return Reduced(
        points.steps[starts],
        np.add.reduceat(points.values, starts) / counts,
        np.minimum.reduceat(points.lows, starts),
        np.maximum.reduceat(points.highs, starts),
    )


def reduce_rows(rows: Sequence[Any], max_points: int) -> Reduced:
    """Return buckets of whole stored rows from their statistics alone (first_step, count, low, high, mean)."""
    counts = np.array([row.count_ for row in rows], np.float64)
    low, high, mean = (
        np.array([getattr(row, name) for row in rows], np.float64) for name in ("low", "high", "mean")
    )  # None, as which SQLite keeps NaN, becomes NaN again
    starts = _starts(len(rows), max_points)
    return Reduced(
        np.array([rows[start].first_step for start in starts], np.int64),
        np.add.reduceat(mean * counts, starts) / np.add.reduceat(counts, starts),
        np.minimum.reduceat(low, starts),
        np.maximum.reduceat(high, starts),
    )


def _starts(n: int, buckets: int) -> I64:
    return np.arange(buckets, dtype=np.int64) * n // buckets
