r"""pass@k: how probable it is that at least one of k tries is right, from n tries of which c were.

$$\mathrm{pass@}k = 1 - \binom{n - c}{k} \Big/ \binom{n}{k}$$

Without bias (Chen et al., 2021), other than $1 - (1 - c/n)^k$. The mean over F prompts gets the interval of Wilson for F draws. A number
between 0 and 1 varies no more than a coin with the same mean, so the interval is wide enough for every k, and it does not shrink to a
point where nothing was right.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
TRIES = 64  # at each held-out prompt, when a run has ended
Z = 1.96


class Share(NamedTuple):
    """A mean between 0 and 1, and its 95 % interval."""

    mean: float
    low: float
    high: float


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


def budgets(tries: int) -> list[int]:
    """Return the k that are shown: powers of two up to T.

    >>> budgets(16)
    [1, 2, 4, 8, 16]
    """
    return [2**power for power in range(int(math.log2(tries)) + 1)]


def share_of(values: Array) -> Share:
    """Return the mean of values from 0 to 1 (F,) and its interval.

    >>> [round(float(number), 4) for number in share_of(np.zeros(64))]
    [0.0, 0.0, 0.0566]
    """
    mean, count = float(np.mean(values)), len(values)
    scale = 1 + Z**2 / count
    centre = (mean + Z**2 / (2 * count)) / scale
    half = Z * math.sqrt(mean * (1 - mean) / count + Z**2 / (4 * count**2)) / scale
    return Share(mean, min(mean, max(0.0, centre - half)), max(mean, min(1.0, centre + half)))


def pass_curve(right: Array, tries: int = TRIES) -> dict[int, Share]:
    """Return k → pass@k of right tries (F,) out of T of each prompt."""
    return {k: share_of(pass_at_k(tries, right, k)) for k in budgets(tries)}
