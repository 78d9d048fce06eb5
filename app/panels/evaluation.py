"""The best, the median and the worst episode of an evaluation side by side, drawn in the browser from their states."""

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.panels.agent import scene


class EvaluationOptions(Config):
    """Nothing to choose: the moment that the page shows decides which evaluation it is."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """Every environment that the browser knows a scene for; what a language model does is text."""
    return bool(environment.drawing) and environment.kind != "language"


def compute(subject: Subject, options: EvaluationOptions) -> Frame:
    """Return the scene; the episodes come from the replays."""
    return Frame({}, scene(subject.environment_spec, subject.environment))


SPEC = PanelSpec(
    id="evaluation",
    name=_("Best, median and worst episode"),
    summary=_("Three greedy episodes of an evaluation at once: how far apart luck and start leave the same policy."),
    element="episode-trio",
    version=1,
    options=EvaluationOptions,
    fits=fits,
    compute=compute,
    history=False,
    order=2,
)
