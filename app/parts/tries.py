r"""Many tries at held-out prompts: how often each is answered rightly, and what follows for pass@k.

The mean of pass@k over F prompts gets the interval of Wilson for F draws. A number between 0 and 1 varies no more than a coin with the
same mean, so the interval is wide enough for every k, and it does not shrink to a point where nothing was right.
F prompts, T tries of each.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.randomness import Stream
from app.parts.language_task import LanguageTask
from app.parts.pass_at_k import pass_at_k
from app.parts.sampling import complete
from app.parts.transformer import Transformer

Array = NDArray[Any]
PROMPTS, TRIES = 64, 64
Z = 1.96


class Share(NamedTuple):
    """A mean between 0 and 1, and its 95 % interval."""

    mean: float
    low: float
    high: float


def right_counts(model: Transformer, task: LanguageTask, *, prompts: int = PROMPTS, tries: int = TRIES) -> Array:
    """Return how many of T tries at each of F held-out prompts are right (F,), always the same prompts and draws."""
    asked = task.prompts((np.arange(prompts) + 0.5) / prompts, held_out=True)
    rows = complete(model, task.encoded(asked), turns=task.turns, group=tries, random=Stream(0, "tries"))
    each = [prompt for prompt in asked for _copy in range(tries)]
    earned = task.rewards(each, rows.completions).sum(axis=1)
    return np.asarray((earned >= task.passes - 1e-9).reshape(prompts, tries).sum(axis=1), np.int64)


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
