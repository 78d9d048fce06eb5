r"""The numbers of critics with a squared error, sample by sample, for the inspector; for one critic or two that share a target.

$$y = r + \gamma\,(1 - \text{terminated})\,V', \qquad \ell = k \sum_i (Q_i - y)^2, \qquad \frac{\partial L}{\partial Q_i} = \frac{2k}{B}\,(Q_i - y)$$

V' is what follows, as the algorithm judges it; k is 1, or ½ where the halved error is minimised. B samples.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.specs import Line, Minibatch
from app.core.text import _
from app.parts.replay import Transitions

Array = NDArray[Any]
SHARED = ("reward", "discount", "terminated", "next_value", "target", "loss", "size")
ONE, TWO = (*SHARED, "q1", "slope1"), (*SHARED, "q1", "slope1", "q2", "slope2")


def critic_numbers(
    batch: Transitions, discount: float, *, targets: Array, next_value: Array, q: list[Array], factor: float = 1.0
) -> dict[str, Any]:
    """Return the columns of `ONE` or `TWO`, each (B,) or one number, from what the update used; q holds (B,) of each critic."""
    errors = [one - targets for one in q]
    loss = factor * sum(np.square(error) for error in errors)
    size = len(targets)
    numbers: dict[str, Any] = dict(
        zip(SHARED, (batch.rewards, discount, batch.terminated, next_value, targets, loss, size), strict=True)
    )
    for index, (one, error) in enumerate(zip(q, errors, strict=True), 1):
        numbers |= {f"q{index}": one, f"slope{index}": 2 * factor / size * error}
    return numbers


def critic_minibatch(
    next_value: str, *, first: int = 1, is_twin: bool = False, is_halved: bool = False, before: tuple[Line, ...] = (),
    more: tuple[str, ...] = (),
) -> Minibatch:  # fmt: skip
    """Return the declaration of a critic's target, squared error and gradient, and the pieces of code that compute them.

    Args:
        next_value: LaTeX of what follows.
        first: the number of the target's equation; that of loss and gradient is the next.
        is_twin: whether two critics share the target.
        is_halved: whether half the squared error is minimised.
        before: lines that come before the target, over the columns `more`.
    """
    target = rf"y = r + \gamma\,(1 - \text{{terminated}})\,{next_value}"
    terms = (("r", "reward"), (r"\gamma", "discount"), (r"\text{terminated}", "terminated"), (next_value, "next_value"))
    names = ("Q_1", "Q_2") if is_twin else ("Q",)
    said = _("what a critic said of the action taken") if is_twin else _("what the critic said of the action taken")
    part = (
        _("its part of the critics' loss, before the mean")
        if is_twin
        else _("its part of the critic's loss, before the mean")
    )
    half, share = (r"\frac{1}{2}\,", "1") if is_halved else ("", "2")
    errors = " + ".join(f"{half}({name} - y)^2" for name in names)
    judged = tuple((name, f"q{index}") for index, name in enumerate(names, 1))
    slopes = tuple(
        Line(rf"\frac{{\partial L}}{{\partial {name}}} = \frac{{{share}}}{{B}}\,({name} - y)",
             (("B", "size"), (name, column), ("y", "target")), f"slope{column[1]}", first + 1, "backward(layers")
        for name, column in judged
    )  # fmt: skip
    return Minibatch(
        columns=(*(TWO if is_twin else ONE), *more),
        lines=(
            *before,
            Line(target, terms, "target", first, "(1 - terminated)"),
            Line(rf"\ell = {errors}", (*judged, ("y", "target")), "loss", first + 1, "np.square(errors)"),
            *slopes,
        ),
        contribution="loss",
        loss="L",
        shown=(
            *((column, name, said) for name, column in judged),
            ("target", "y", _("what it is moved towards")),
            ("next_value", "V'", _("what follows, as the target has it")),
            ("loss", r"\ell", part),
            *((f"slope{column[1]}", rf"\partial L / \partial {name}", _("gradient that Q gets")) for name, column in judged),
        ),
        note=_told,
    )  # fmt: skip


def _told(row: Mapping[str, float]) -> str:
    end = _("; nothing follows a terminated step") if row["terminated"] else ""
    errors = [row[name] - row["target"] for name in ("q1", "q2") if name in row]
    if min(errors) > 0:
        return _("Q is lowered") + end
    if max(errors) < 0:
        return _("Q is raised") + end
    if min(errors) < 0 < max(errors):
        return _("the critics disagree, the target lies between them") + end
    is_met = not any(errors)
    return (
        _("Q is where its target is, and stays") if is_met else _("one critic meets the target, the other moves")
    ) + end
