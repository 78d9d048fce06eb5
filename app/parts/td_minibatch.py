r"""The numbers of a minibatch of temporal-difference targets, sample by sample, for the inspector; the same for all Q-learners.

$$y = r + \gamma\,(1 - \text{terminated})\,V', \qquad \ell = h(Q - y), \qquad \frac{\partial L}{\partial Q} = \frac1B\,\mathrm{clip}(Q - y, -\kappa, \kappa)$$

V' is what follows, as the algorithm judges it; κ bounds the errors that count squared, 1 where the algorithm sets none. B samples.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.specs import Line, Minibatch
from app.core.text import _

Array = NDArray[Any]
COLUMNS = ("reward", "discount", "terminated", "next_value", "target", "q", "error", "loss", "size", "slope", "bound")


def td_numbers(
    rewards: Array, discounts: Array | float, *, terminated: Array, next_values: Array, targets: Array, q: Array
) -> dict[str, Any]:
    """Return the columns of `COLUMNS`, each (B,) or one number, from what the update used; all given (B,)."""
    numbers = (rewards, discounts, terminated, next_values, targets, q, q - targets, 0.0, len(q), 0.0, 1.0)
    return bounded(dict(zip(COLUMNS, numbers, strict=True)), 1.0)


def bounded(numbers: Mapping[str, Any], bound: float) -> dict[str, Any]:
    """Return what `td_numbers` gave, with the loss and the slope under another bound κ."""
    errors, size = numbers["error"], np.abs(numbers["error"])
    loss = np.where(size < bound, 0.5 * errors**2, bound * (size - 0.5 * bound))
    slope = np.clip(errors, -bound, bound) / numbers["size"]
    return {**numbers, "loss": loss, "slope": slope, "bound": bound}


def weighted(numbers: Mapping[str, Any], weights: Array) -> dict[str, Any]:
    """Return what `td_numbers` gave for a loss whose samples carry weights (B,), with these as a last column."""
    scaled = {name: weights * numbers[name] for name in ("loss", "slope")}
    return {**numbers, **scaled, "weight": weights}


def td_minibatch(
    next_value: str = r"\max_{a'} Q_{\theta^-}(s', a')",
    *,
    reward: str = "r",
    discount: str = r"\gamma",
    first: int = 1,
    is_weighted: bool = False,
    has_bound: bool = False,
) -> Minibatch:
    r"""Return the declaration of a loss whose target, Huber loss and gradient are three equations in a row.

    Args:
        next_value: LaTeX of what follows.
        reward, discount: LaTeX of the reward, or the sum of rewards, and of what the value that follows counts.
        first: the number of the target's equation; the loss and its gradient have the next two.
        is_weighted: whether each sample's loss carries a weight, as `weighted` gives it.
        has_bound: whether the algorithm chooses the bound of Huber's loss; 1 otherwise.
    """
    target = rf"y = {reward} + {discount}\,(1 - \text{{terminated}})\,{next_value}"
    terms = (
        (reward, "reward"),
        (discount, "discount"),
        (r"\text{terminated}", "terminated"),
        (next_value, "next_value"),
    )
    both = (("Q", "q"), ("y", "target"))
    weight, share = ((("w", "weight"),), "w") if is_weighted else ((), "1")
    loss = r"\ell = w \cdot h(Q - y)" if is_weighted else r"\ell = h(Q - y)"
    edge = r"\kappa" if has_bound else "1"
    gradient = rf"\frac{{\partial L}}{{\partial Q}} = \frac{{{share}}}{{B}}\,\mathrm{{clip}}(Q - y, -{edge}, {edge})"
    bound = ((r"\kappa", "bound"),) if has_bound else ()
    importance = (("weight", "w", _("importance weight: less for what is drawn often")),) if is_weighted else ()
    return Minibatch(
        columns=(*COLUMNS, "weight") if is_weighted else COLUMNS,
        lines=(
            Line(target, terms, "target", first),
            Line(loss, (*weight, *both), "loss", first + 1),
            Line(gradient, (("B", "size"), *weight, *both, *bound), "slope", first + 2),
        ),
        contribution="loss",
        loss="L",
        shown=(
            ("q", "Q", _("what the network said of the action taken")),
            ("target", "y", _("what it is moved towards")),
            ("error", "Q - y", _("the temporal-difference error")),
            ("loss", r"\ell", _("its part of the loss, before the mean")),
            ("slope", r"\partial L / \partial Q", _("gradient that Q gets")),
            *importance,
        ),
        note=_told,
    )


def _told(row: Mapping[str, float]) -> str:
    end = _("; nothing follows a terminated step") if row["terminated"] else ""
    if abs(row["error"]) >= row["bound"]:
        return _("linear part of the Huber loss: its gradient is clipped") + end
    way = _("Q is lowered") if row["error"] > 0 else _("Q is raised") if row["error"] < 0 else _("Q stays")
    return _("quadratic part of the Huber loss: {way}").format(way=way) + end
