r"""The numbers of quantile regression, sample by sample, for the inspector.

Each of K quantiles z meets each of K targets y. What pulls up and what pushes down is added up apart; with τ the quantile's
share, u = y − z and h Huber's function:

$$\bar y = r + \gamma\,(1 - \text{terminated})\,Q', \qquad \ell = \ell^{\uparrow} + \ell^{\downarrow}, \qquad \ell^{\uparrow} = \frac1K \sum_{u > 0} \tau\, h(u), \qquad \ell^{\downarrow} = \frac1K \sum_{u < 0} (1 - \tau)\, h(u)$$

The mean of the targets is a plain temporal-difference target, because the mean of quantiles is Q. B samples.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.specs import Line, Minibatch
from app.core.text import _

Array = NDArray[Any]
COLUMNS = (
    "reward", "discount", "terminated", "next_value", "target", "q", "error", "up", "down", "loss", "pull", "push",
    "size", "slope",
)  # fmt: skip


def quantile_numbers(
    rewards: Array, discounts: Array | float, *, terminated: Array, next_z: Array, targets: Array, z: Array
) -> dict[str, Any]:
    """Return the columns of `COLUMNS`, each (B,) or one number, from what the update used.

    Args:
        rewards, discounts, terminated: (B,), or one discount for all.
        next_z: quantiles of what follows, of the action chosen there (B, K).
        targets: y (B, K).
        z: quantiles of the action taken (B, K).
    """
    q, mean = z.mean(axis=1, dtype=np.float64), targets.mean(axis=1, dtype=np.float64)
    up, down, pull, push = np.array([_sides(*pair) for pair in zip(z, targets, strict=True)]).reshape(-1, 4).T
    numbers = (
        rewards, discounts, terminated, next_z.mean(axis=1, dtype=np.float64), mean, q, q - mean, up, down, up + down,
        pull, push, len(q), (push - pull) / len(q),
    )  # fmt: skip
    return dict(zip(COLUMNS, numbers, strict=True))


def _sides(z: Array, y: Array) -> tuple[float, float, float, float]:
    """Return ℓ↑, ℓ↓ and the sizes of their slopes, for the quantiles and the targets (K,) of one sample."""
    u = y.astype(np.float64)[None, :] - z.astype(np.float64)[:, None]
    shares = ((np.arange(len(z)) + 0.5) / len(z))[:, None]
    size = np.abs(u)
    huber, clipped = np.where(size < 1, 0.5 * u * u, size - 0.5), np.minimum(size, 1.0)
    above, below = shares * (u > 0) / len(z), (1 - shares) * (u < 0) / len(z)
    return (above * huber).sum(), (below * huber).sum(), (above * clipped).sum(), (below * clipped).sum()


def weighted(numbers: Mapping[str, Any], weights: Array) -> dict[str, Any]:
    """Return what `quantile_numbers` gave for a loss whose samples carry weights (B,): these, and each sample's part, last."""
    return {**numbers, "slope": weights * numbers["slope"], "weight": weights, "part": weights * numbers["loss"]}


def quantile_minibatch(
    next_value: str, *, numbers: tuple[int, int, int], reward: str = "r", discount: str = r"\gamma", weight: int = 0
) -> Minibatch:
    """Return the declaration of a distribution's target, its loss and what pulls it.

    Args:
        next_value: LaTeX of the mean of what follows.
        numbers: of the equations of target, loss and slope.
        reward, discount: LaTeX of the reward, or the sum of rewards, and of what the value that follows counts.
        weight: the number of the weighted loss, where each sample carries a weight as `weighted` gives it; 0 elsewhere.
    """
    is_weighted, (target, loss, slope) = weight > 0, numbers
    line = rf"\bar y = {reward} + {discount}\,(1 - \text{{terminated}})\,{next_value}"
    terms = (
        (reward, "reward"), (discount, "discount"), (r"\text{terminated}", "terminated"), (next_value, "next_value"),
    )  # fmt: skip
    pulls, share = (("u", "pull"), ("d", "push"), ("B", "size")), "w" if is_weighted else "1"
    weights = (("w", "weight"),) if is_weighted else ()
    part = (
        (Line(r"\ell_w = w\,\ell", (("w", "weight"), (r"\ell", "loss")), "part", weight, "weights * losses"),)
        if weight
        else ()
    )
    return Minibatch(
        columns=(*COLUMNS, "weight", "part") if is_weighted else COLUMNS,
        lines=(
            Line(line, terms, "target", target),
            Line(r"\ell = \ell^{\uparrow} + \ell^{\downarrow}",
                 ((r"\ell^{\uparrow}", "up"), (r"\ell^{\downarrow}", "down")), "loss", loss),
            *part,
            Line(rf"\sum_i \frac{{\partial L}}{{\partial z_i}} = \frac{{{share}}}{{B}}\,(d - u)",
                 (*weights, *pulls), "slope", slope, "gradient[sample, i] ="),
        ),
        contribution="part" if is_weighted else "loss",
        loss="L",
        shown=(
            ("q", "Q", _("mean of the quantiles of the action taken")),
            ("target", r"\bar y", _("mean of the targets")),
            ("up", r"\ell^{\uparrow}", _("loss of the pairs whose target lies above the quantile")),
            ("down", r"\ell^{\downarrow}", _("loss of the pairs whose target lies below the quantile")),
            ("pull", "u", _("how strongly the targets above pull up, all quantiles together")),
            ("push", "d", _("how strongly the targets below push down")),
            ("loss", r"\ell", _("its part of the loss, before weight and mean")),
            *((("weight", "w", _("importance weight: less for what is drawn often")),) if is_weighted else ()),
        ),
        note=_told,
    )  # fmt: skip


def _told(row: Mapping[str, float]) -> str:
    end = _("; nothing follows a terminated step") if row["terminated"] else ""
    way = _("the quantiles move up") if row["pull"] > row["push"] else _("the quantiles move down")
    return way + end
