r"""Bradley–Terry abilities: from who was preferred to whom, how much each is worth.

The probability that i is preferred to j is $\sigma(\theta_i - \theta_j)$. With $w = e^\theta$, $W_i$ the times that i was preferred and
$n_{ij}$ the times that the two were compared, the likeliest abilities are the fixed point of

$$w_i \leftarrow \frac{W_i}{\sum_{j \ne i} n_{ij} / (w_i + w_j)}$$

each step of which makes the data likelier (minorise and maximise; Hunter, 2004). They are the coefficients of a logistic regression.
Only differences count: abilities add up to 0. Where someone always won, or nobody connects two groups, there is no finite answer, which
is why each comparison may count as won by the other side to a small part. I items.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MOST_STEPS = 100_000


class Abilities(NamedTuple):
    """Abilities (I,) that add up to 0, and the half widths of their 95 % intervals (I,)."""

    values: Array
    half_widths: Array


def abilities(wins: Array, *, prior: float = 0.0, tolerance: float = 1e-12) -> Abilities:
    """Return the likeliest abilities.

    Args:
        wins: how often i was preferred to j (I, I).
        prior: wins that are added to both sides of every pair, compared or not; above 0 the answer is always finite.

    Raises:
        ValueError: there is no finite answer.
    """
    counts = np.asarray(wins, np.float64) + prior * (1 - np.eye(len(wins)))
    compared, won = counts + counts.T, counts.sum(axis=1)
    if not _is_connected(counts):
        raise ValueError("wins: somebody was preferred always or never, or groups were not compared; add a prior")
    worths = np.ones(len(counts))
    for _step in range(MOST_STEPS):
        updated = won / (compared / (worths[:, None] + worths[None, :])).sum(axis=1)
        updated /= math.exp(np.log(updated).mean())
        moved = np.abs(np.log(updated / worths)).max()
        worths = updated
        if moved < tolerance:
            break
    values = np.log(worths)
    chance = 1 / (1 + np.exp(values[None, :] - values[:, None]))
    weights = compared * chance * (1 - chance)
    information = np.diag(weights.sum(axis=1)) - weights
    return Abilities(values, 1.96 * np.sqrt(np.diag(np.linalg.pinv(information))))


def _is_connected(counts: Array) -> bool:
    """Whether everybody has beaten everybody else, directly or through others."""
    reached = counts > 0
    for _step in range(max(1, math.ceil(math.log2(max(2, len(counts)))))):
        reached = reached | ((reached.astype(np.float64) @ reached) > 0)
    return bool((reached | np.eye(len(counts), dtype=bool)).all())
