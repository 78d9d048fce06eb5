"""The agent itself: episodes of the current policy, drawn in the browser from states, live and replayed."""

from typing import Any

from app.core.config import Config
from app.core.contracts import Environment
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _


class AgentOptions(Config):
    """Nothing to choose: the player picks an episode."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """Every environment that the browser knows a scene for; what a language model does is text."""
    return bool(environment.drawing) and environment.kind != "language"


def scene(spec: EnvironmentSpec, environment: Environment) -> dict[str, Any]:
    """Return what the drawing needs beside states: the scene's name, the actions' names, and where states lie on maps."""
    layout = getattr(environment.mdp, "layout", None)
    maps = {**layout.facts(), **layout.places()} if layout else {}
    return {"drawing": spec.drawing, "actions": list(spec.actions[: environment.n_actions]), **maps}


def compute(subject: Subject, options: AgentOptions) -> Frame:
    """Return the scene; the episodes come from the replays and the live states."""
    return Frame({}, scene(subject.environment_spec, subject.environment))


SPEC = PanelSpec(
    id="agent",
    name=_("Agent"),
    summary=_("Watch the policy act: the episode going on now, and one replay of every evaluation."),
    element="agent-player",
    version=1,
    options=AgentOptions,
    fits=fits,
    compute=compute,
    history=False,
    order=1,
)
