r"""How many tries it takes: pass@k on held-out prompts, against k.

$$\mathrm{pass@}k = \mathbb{E}_x\left[1 - \binom{T - c_x}{k} \Big/ \binom{T}{k}\right]$$

where $c_x$ of $T$ tries at prompt $x$ are right. Its left end says how sure the model is, its right end what it can do at all: a stage
that only makes likelier what was there lifts the left end alone. Too dear for every picture, it is kept when a run ends.
F prompts, K numbers of tries.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.pass_at_k import TRIES, pass_curve


class PassOptions(Config):
    """Nothing to choose: the prompts are always the same."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A model that can be asked often."""
    return "right_counts" in algorithm.signals


def compute(subject: Subject, options: PassOptions) -> Frame:
    """Return right (F,), k, mean, low and high (K,)."""
    right = np.asarray(subject.agent.signals()["right_counts"](), np.float32)
    curve = pass_curve(right)
    columns = np.array([[k, *share] for k, share in curve.items()], np.float32).T
    arrays = {"right": right, **dict(zip(("k", "mean", "low", "high"), columns, strict=True))}
    words = _("{prompts} held-out prompts, {tries} tries at each; the shade is the 95 % interval over prompts.").format(
        prompts=len(right), tries=TRIES
    )
    return Frame(arrays, {"tries": TRIES, "figures": [_figure(curve)], "words": words})


def _figure(curve: dict[int, Any]) -> dict[str, Any]:
    once, often = curve[1].mean, curve[TRIES].mean
    return {
        "title": _("pass@k"),
        "words": _("Right at once {once} %, right at least once in {tries} tries {often} %.").format(
            once=f"{100 * once:.1f}", tries=TRIES, often=f"{100 * often:.1f}"
        ),
        "x": {"label": _("tries k"), "low": 1.0, "high": float(TRIES), "log": True, "ticks": [1, 4, 16, 64]},
        "y": {"label": _("probability that one is right"), "low": 0.0, "high": 1.0},
        "marks": [
            {"kind": "band", "x": "k", "low": "low", "y": "high", "color": 0},
            {"kind": "line", "x": "k", "y": "mean", "color": 0, "name": _("pass@k")},
            {"kind": "dots", "x": "k", "y": "mean", "color": 0},
        ],
    }


SPEC = PanelSpec(
    id="pass_at_k",
    name=_("How many tries it takes"),
    summary=_(
        "pass@k on held-out prompts: 64 tries at each of at most 64. The left end is how sure the model is, the right end what it can do at all."
    ),
    element="figure-request",
    version=1,
    options=PassOptions,
    fits=fits,
    compute=compute,
    history=False,
    order=3,
    on_request=True,
    at_end=True,
)
