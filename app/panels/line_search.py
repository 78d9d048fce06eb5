"""The line search of the last update: what the slope and the quadratic form promised of each length, and what it gave.

K tries, L points of a line.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.noted import settings_used

POINTS = 41


class LineSearchOptions(Config):
    """Nothing to choose: the search is that of the last update."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A learner that tries several lengths of a step and keeps what they gave."""
    return "line_search" in algorithm.signals


def compute(subject: Subject, options: LineSearchOptions) -> Frame:
    """Return share, gain and kl (K,) of the tries, shares, promised and quadratic (L,) of the models, taken_* of the step kept."""
    signals = subject.agent.signals()
    tries = np.asarray(signals["line_search"](), np.float64).reshape(-1, 4)
    if not len(tries):
        return Frame({}, {})
    bound = settings_used(signals)["target_kl"]
    is_bounded = bound > 0
    share, kl, gain, promised = tries.T
    shares = np.linspace(0, 1, POINTS)
    is_taken = np.zeros(len(tries), np.bool_)
    is_taken[-1] = gain[-1] > 0 and (kl[-1] <= bound or not is_bounded)
    arrays = {
        "share": share, "gain": gain, "kl": kl, "shares": shares, "promised": shares * promised[0] / share[0],
        **({"quadratic": shares**2 * bound} if is_bounded else {}),
        "taken_share": share[is_taken], "taken_gain": gain[is_taken], "taken_kl": kl[is_taken],
    }  # fmt: skip
    facts = {"tries": len(tries), "share": f"{share[-1]:.3g}", "gain": f"{gain[-1]:.3g}", "promised": f"{promised[-1]:.3g}"}  # fmt: skip
    words = (
        _("Taken at try {tries}: {share} of the longest step, a gain of {gain} where {promised} was promised.")
        if is_taken[-1]
        else _("None of {tries} tries was allowed: the policy stayed as it was.")
    )
    return Frame(
        {name: np.asarray(array, np.float32) for name, array in arrays.items()},
        {"figures": _figures(bound, is_bounded=is_bounded), "words": words.format(**facts)},
    )


def _figures(bound: float, *, is_bounded: bool) -> list[dict[str, Any]]:
    x = {"label": _("share of the longest step"), "low": 0.0, "high": 1.02}
    quadratic = [{"kind": "line", "x": "shares", "y": "quadratic", "color": 0, "name": _("quadratic model")}]
    limit = [{"y": bound, "label": _("bound of {bound} nats").format(bound=f"{bound:g}")}]
    return [
        {
            "title": _("Gain of the surrogate"),
            "words": _("The line is what the slope promises; a try far below it is too long for the slope."),
            "x": x,
            "y": {"label": _("gain, in deviations of the advantage")},
            "marks": [{"kind": "line", "x": "shares", "y": "promised", "color": 0, "name": _("promised by the slope")}, *_tries("gain")],
            "rules": [{"y": 0.0, "label": ""}],
        },
        {
            "title": _("Divergence"),
            "words": _("The longest step is where the quadratic model meets the bound; the true divergence is what is held against it."),
            "x": x,
            "y": {"label": _("mean KL (nats)"), "low": 0.0},
            "marks": [*(quadratic if is_bounded else []), *_tries("kl")],
            "rules": limit if is_bounded else [],
        },
    ]  # fmt: skip


def _tries(name: str) -> list[dict[str, Any]]:
    return [
        {"kind": "dots", "x": "share", "y": name, "color": 1, "name": _("tried")},
        {"kind": "dots", "x": "taken_share", "y": f"taken_{name}", "color": 2, "name": _("taken")},
    ]


SPEC = PanelSpec(
    id="line_search",
    name=_("The line search"),
    summary=_("Every length that the last update tried: the gain that was promised and the one it gave, and the divergence against its bound."),
    element="figure-set",
    version=1,
    options=LineSearchOptions,
    fits=fits,
    compute=compute,
    order=4,
)  # fmt: skip
