r"""The numbers of a surrogate, sample by sample, for the inspector; the same for all who step along a slope they trust nearby.

$$\rho = \exp(\log\pi_\theta - \log\pi_{old}), \qquad \ell = \rho\,\hat A, \qquad \frac{\partial L}{\partial \log\pi}\bigg|_{old} = \frac1B\,\hat A$$

They are those after the step that was taken; the mean of the parts is the surrogate, and of the divergences what the bound is
held against. B samples.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.specs import Line, Minibatch
from app.core.text import _

Array = NDArray[Any]
COLUMNS = ("log_prob", "old_log_prob", "ratio", "advantage", "part", "kl", "size", "slope")


def surrogate_numbers(
    log_probs: Array, old_log_probs: Array, *, advantages: Array, divergences: Array
) -> dict[str, Any]:
    """Return the columns of `COLUMNS`, each (B,) or one number, from what the step used; all given (B,)."""
    ratio, size = np.exp(log_probs - old_log_probs), len(advantages)
    numbers = (
        log_probs, old_log_probs, ratio, advantages, ratio * advantages, divergences, size, advantages / size,
    )  # fmt: skip
    return dict(zip(COLUMNS, numbers, strict=True))


def surrogate_minibatch(*, surrogate: int, slope: int) -> Minibatch:
    """Return the declaration, given the numbers of the surrogate's equation and of its slope's."""
    return Minibatch(
        columns=COLUMNS,
        lines=(
            Line(r"\rho = \exp(\log\pi_\theta - \log\pi_{old})",
                 ((r"\log\pi_\theta", "log_prob"), (r"\log\pi_{old}", "old_log_prob")), "ratio", surrogate),
            Line(r"\ell = \rho\,\hat A", ((r"\rho", "ratio"), (r"\hat A", "advantage")), "part", surrogate),
            Line(r"\frac{\partial L}{\partial \log\pi_{old}} = \frac{1}{B}\,\hat A",
                 (("B", "size"), (r"\hat A", "advantage")), "slope", slope, "advantages / len(advantages)"),
        ),
        contribution="part",
        loss="L",
        shown=(
            ("ratio", r"\rho", _("probability of the action after the step against before")),
            ("advantage", r"\hat A", _("advantage, as the surrogate has it")),
            ("part", r"\ell", _("its part of the surrogate after the step, before the mean")),
            ("kl", r"\mathrm{KL}", _("how far the policy moved at its state, in nats")),
            ("slope", r"\partial L / \partial \log\pi", _("slope that its log-probability had before the step")),
        ),
        note=told,
    )  # fmt: skip


def told(row: Mapping[str, float]) -> str:
    """Return what to know of a sample: which way it pulled, and which way the step went."""
    pulled = row["advantage"] > 0
    if row["ratio"] == 1:
        return _("no step was taken here")
    if not row["slope"]:
        return _("as good as expected: it pulled neither way")
    if (row["ratio"] > 1) == pulled:
        return _("better than expected: likelier now") if pulled else _("worse than expected: less likely now")
    return (
        _("better than expected, yet less likely now: the others pulled more")
        if pulled
        else _("worse than expected, yet likelier now: the others pulled more")
    )
