"""Keeps a curve of unbounded length drawable: one point per value at first, then one per 2, 4, 8 … values.

The rule counts values and knows no clock: value number n goes alone below `limit`, and into a bin of 2ʲ values where
limit·2ʲ⁻¹ ≤ n < limit·2ʲ. A bin's point carries its mean, minimum and maximum and the step of its last value. The mean
is a fixed binary tree of additions, so it does not depend on how the values arrived.
"""

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Tree

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Points = tuple[I64, F64, F64, F64]  # steps, means, minima, maxima, each (n,)


class Thinner:
    """Thins one series of values. `limit` is even."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self._steps: I64 = np.empty(0, np.int64)
        self._values: F64 = np.empty(0)

    def add(self, steps: I64, values: F64) -> Points:
        """Take values (n,) at steps (n,) and return the points they complete."""
        if self.count + len(values) <= self.limit:
            self.count += len(values)
            return steps, values, values, values
        parts: list[Points] = []
        while len(values):
            width, end = self._phase()
            room = end - self.count
            parts.append(self._bin(width, steps[:room], values[:room]))
            self.count += min(room, len(values))
            steps, values = steps[room:], values[room:]
        return join(parts)

    def rest(self) -> Points:
        """Return the point of the bin that is not full, with the mean of what is in it, or none; nothing is forgotten."""
        count = len(self._values)
        if not count:
            return self._steps, self._values, self._values, self._values
        mean = _sums(np.append(self._values, np.zeros(-count % self._phase()[0]))[None, :]) / count
        return self._steps[-1:], mean, self._values.min(keepdims=True), self._values.max(keepdims=True)

    def state(self) -> Tree:
        """Return how many values were seen and those whose bin is not full."""
        return {"count": self.count, "steps": self._steps, "values": self._values}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.count, self._steps, self._values = int(tree["count"]), tree["steps"], tree["values"]

    def _phase(self) -> tuple[int, int]:
        """Return (values per bin now, number of the first value of the next phase)."""
        exponent = (self.count // self.limit).bit_length()
        return 1 << exponent, self.limit << exponent

    def _bin(self, width: int, steps: I64, values: F64) -> Points:
        steps, values = np.concatenate([self._steps, steps]), np.concatenate([self._values, values])
        full = len(values) // width * width
        self._steps, self._values = steps[full:].copy(), values[full:].copy()
        bins = values[:full].reshape(-1, width)
        return steps[width - 1 : full : width], _sums(bins) / width, bins.min(axis=1), bins.max(axis=1)


def _sums(bins: F64) -> F64:
    """Return the sums (n,) of the rows of `bins` (n, a power of two)."""
    while bins.shape[1] > 1:
        bins = bins[:, ::2] + bins[:, 1::2]
    return bins[:, 0]


def join(parts: list[Points]) -> Points:
    """Return several runs of points as one."""
    if len(parts) == 1:
        return parts[0]
    steps, means, lows, highs = zip(*parts, strict=True)
    return np.concatenate(steps), np.concatenate(means), np.concatenate(lows), np.concatenate(highs)
