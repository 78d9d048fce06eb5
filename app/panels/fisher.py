r"""The Fisher matrix of a softmax policy in the state of the last update: how far a change of its preferences moves it.

$$F(s) = \operatorname{diag}(\pi) - \pi \pi^\top$$

A actions.
"""

import math

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.tabular import TabularMDP


class FisherOptions(Config):
    """Nothing to choose: the state is that of the last update."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """Numbered states, and a learner that measures its policy so."""
    return environment.kind == "tabular" and "fisher" in algorithm.signals


def compute(subject: Subject, options: FisherOptions) -> Frame:
    """Return values (A, A), and the policy they come from in the facts."""
    mdp, signals = subject.environment.mdp, subject.agent.signals()
    if not isinstance(mdp, TabularMDP):
        raise ValueError(f"{subject.environment.id} has no table of states")
    state = _state(subject)
    names = list(subject.environment_spec.actions[: mdp.n_actions])
    policy = np.asarray(signals["policy"]())[state]
    meta = {
        "title": _("In {state}").format(state=mdp.name_of(state)),
        "equation": r"F(s) = \operatorname{diag}(\pi) - \pi \pi^\top",
        "words": "π = " + ", ".join(f"{name} {share:.3f}" for name, share in zip(names, policy, strict=True)),
        "corner": "F",
        "rows": names,
        "cols": names,
        "signed": True,
    }
    return Frame({"values": np.asarray(signals["fisher"]()[state], np.float32)}, meta)


def _state(subject: Subject) -> int:
    signals, inspector = subject.agent.signals(), subject.algorithm.inspector
    updated = float(signals["trace"]()[inspector.state]) if inspector else math.nan
    return int(updated if math.isfinite(updated) else signals["last_transition"]()[0])


SPEC = PanelSpec(
    id="fisher",
    name=_("Fisher matrix"),
    summary=_("How far a small change of the preferences moves the policy, in the state of the last update."),
    element="matrix-map",
    version=1,
    options=FisherOptions,
    fits=fits,
    compute=compute,
    order=3,
)
