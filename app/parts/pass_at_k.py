r"""pass@k: how probable it is that at least one of k tries is right, from n tries of which c were.

$$\mathrm{pass@}k = 1 - \binom{n - c}{k} \Big/ \binom{n}{k}$$

Without bias (Chen et al., 2021), other than $1 - (1 - c/n)^k$.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def pass_at_k(tries: int, right: Array, k: int) -> Array:
    """Return pass@k (…) of `tries` tries each, `right` (…) of which were right; k ≤ tries.

    >>> pass_at_k(4, np.array([0, 1, 2, 4]), 2).round(4).tolist()
    [0.0, 0.5, 0.8333, 1.0]
    """
    if not 1 <= k <= tries:
        raise ValueError(f"k={k}: must be from 1 to {tries}, the number of tries")
    wrong = tries - np.asarray(right, np.float64)
    missed = np.ones_like(wrong)
    for drawn in range(k):
        missed *= np.maximum(wrong - drawn, 0.0) / (tries - drawn)
    return np.asarray(1.0 - missed)
