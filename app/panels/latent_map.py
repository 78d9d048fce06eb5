"""The map that an encoder made of the world: codes of replayed observations, coloured by the return that followed.

Beside it a stretch of newest experience as it was and as it is decoded from its code. K points, Z numbers of a code.
"""

from typing import Any

import numpy as np

from app.core.config import Config
from app.core.contracts import Array
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.courses import course_figures

ENDS = (2.0, 98.0)  # percentiles of the returns at which the colours end, so that one odd return does not pale the rest


class LatentOptions(Config):
    """Nothing to choose: where the code has more than two numbers, the two that spread most are drawn."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """An encoder of observations with named axes."""
    return bool(environment.axes) and {"latent", "reconstructed"} <= set(algorithm.signals)


def compute(subject: Subject, options: LatentOptions) -> Frame:
    """Return places a and b and shade (K,) of the codes, and the courses of each axis, real and decoded."""
    signals = subject.agent.signals()
    courses = np.asarray(signals["reconstructed"](), np.float64)
    if courses.shape[1] < 2:
        return Frame({}, {})
    arrays, figures = course_figures(courses, subject.environment_spec, [_("real"), _("decoded")])
    latent = np.asarray(signals["latent"](), np.float64)
    if len(latent):
        found, figure = _map(latent)
        arrays, figures = {**arrays, **found}, [figure, *figures]
    return Frame(arrays, {"figures": figures, "words": _("Returns were not shown to the encoder.")})


def _map(latent: Array) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and the figure of codes with means and deviations and the return (K, 2 Z + 1)."""
    size = latent.shape[1] // 2
    first, *others = np.argsort(-latent[:, :size].std(axis=0), kind="stable").tolist()
    across, up = sorted((first, others[0])) if others else (first, None)
    returns = latent[:, -1]
    low, high = np.percentile(returns, ENDS)
    shade = np.clip((returns - low) / (high - low), 0, 1) if high > low else np.full(len(returns), 0.5)
    places = {"a": latent[:, across], "b": latent[:, up] if up is not None else returns, "shade": shade}
    low_, high_ = (f"{number:.4g}".replace("-", "−") for number in (low, high))
    figure = {
        "title": _("Map of the codes"),
        "words": _("{count} replayed observations by the mean of their code; the colour goes with the discounted return that followed, from {low} to {high}.").format(count=len(latent), low=low_, high=high_),
        "x": {"label": f"z{across + 1}"},
        "y": {"label": f"z{up + 1}" if up is not None else _("return that followed")},
        "marks": [{"kind": "dots", "x": "a", "y": "b", "shade": "shade"}],
    }  # fmt: skip
    return {name: np.asarray(array, np.float32) for name, array in places.items()}, figure


SPEC = PanelSpec(
    id="latent_map",
    name=_("Map of the codes"),
    summary=_("Where observations lie in the code, coloured by the return that followed, and what is decoded from it."),
    element="figure-set",
    version=1,
    options=LatentOptions,
    fits=fits,
    compute=compute,
    order=3,
)
