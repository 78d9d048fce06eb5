r"""Priorities of the rows of a replay buffer in a binary tree of sums: a draw and a change each take as many steps as the tree has levels.

The leaves hold the priorities, every node above them the sum of its two children. A number u in [0, total) belongs to the row
whose priority it falls into when all are laid end to end: from the root down, go left if u is below the left sum, else take that
off and go right. A priority is a size s raised to an exponent ω; the sizes are kept, so that ω can change, to 0 and back as well.
C capacity, B batch.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Tree
from app.core.jit import kernel
from app.core.randomness import Stream

Array = NDArray[Any]


class SumTree:
    """Priorities p = s^ω of C rows of sizes s, 0 for rows that hold nothing yet; a row is drawn with probability p / Σp.

    Attributes:
        exponent: ω.
        largest: the largest size so far, at least 1.
    """

    def __init__(self, capacity: int, exponent: float = 1.0) -> None:
        self.capacity, self.exponent = capacity, exponent
        self._sizes = np.zeros(capacity)
        self._leaves = 1 << max(1, (capacity - 1).bit_length())
        self._sums = np.zeros(2 * self._leaves)
        self.largest = 1.0

    @property
    def total(self) -> float:
        """The sum of all priorities."""
        return float(self._sums[1])

    @property
    def priorities(self) -> Array:
        """The priorities (C,)."""
        return self._sums[self._leaves : self._leaves + self.capacity]

    def add(self, rows: Array) -> None:
        """Give rows (B,), which are new, the largest priority so far, so that each is soon seen once."""
        self._set(rows, np.full(len(rows), self.largest))

    def put(self, rows: Array, sizes: Array) -> None:
        """Set the sizes (B,) of rows (B,), and with them their priorities."""
        self.largest = max(self.largest, float(sizes.max()))
        self._set(rows, np.asarray(sizes, np.float64))

    def raise_to(self, exponent: float) -> None:
        """Give every row the priority that it has under another exponent."""
        self.exponent = exponent
        rows = np.flatnonzero(self._sizes)
        self._set(rows, self._sizes[rows])

    def _set(self, rows: Array, sizes: Array) -> None:
        self._sizes[rows] = sizes
        put(self._sums, rows, np.where(sizes > 0, sizes**self.exponent, 0.0))

    def draw(self, batch_size: int, random: Stream) -> tuple[Array, Array]:
        """Return rows (B,) and their probabilities (B,): one draw from each of B equal parts of the total."""
        spots = (np.arange(batch_size) + random.uniforms(batch_size)) / batch_size * self.total
        rows = find(self._sums, spots)
        return rows, self.priorities[rows] / self.total

    def state(self) -> Tree:
        """Return the sizes; priorities and sums follow from them and the exponent, which is the configuration's."""
        filled = int(np.count_nonzero(self._sizes))
        return {"sizes": self._sizes[:filled].copy(), "largest": self.largest}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self._sums[:] = self._sizes[:] = 0.0
        self.largest = float(tree["largest"])
        self._set(np.arange(len(tree["sizes"])), tree["sizes"])


@kernel
def put(sums: Any, rows: Any, priorities: Any) -> None:
    """Set leaves of a tree (2L,) whose root is node 1 and whose leaves begin at L; every sum above is added up anew."""
    for index in range(len(rows)):
        node = rows[index] + len(sums) // 2
        sums[node] = priorities[index]
        while node > 1:
            node //= 2
            sums[node] = sums[2 * node] + sums[2 * node + 1]


@kernel
def find(sums: Any, spots: Any) -> Any:
    """Return the row (B,) into whose priority each spot (B,) falls; never one of priority 0 while another has more."""
    rows = np.empty(len(spots), np.int64)
    leaves = len(sums) // 2
    for index in range(len(spots)):
        node, spot = 1, spots[index]
        while node < leaves:
            node *= 2
            if spot >= sums[node] and sums[node + 1] > 0:
                spot -= sums[node]
                node += 1
        rows[index] = node - leaves
    return rows
