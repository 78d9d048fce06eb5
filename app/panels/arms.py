"""The arms of a bandit: what is believed of each beside its true mean, as an interval where the learner has one.

An upper confidence bound reaches from the mean to mean + bonus; a Bayesian belief from its 5 % to its 95 % quantile. A arms.
"""

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.tabular import TabularMDP, q_from_v

F64 = NDArray[np.float64]
BANDIT_SIGNALS = {"bonus", "belief_low", "preferences"}


class ArmsOptions(Config):
    """Nothing to choose."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """A table of action values, and arms: a bandit, or an algorithm for bandits."""
    is_bandit = environment.id == "bandit" or bool(BANDIT_SIGNALS & set(algorithm.signals))
    return environment.kind == "tabular" and is_bandit and {"q", "behaviour"} <= set(algorithm.signals)


def compute(subject: Subject, options: ArmsOptions) -> Frame:
    """Return truth, estimate, low, high and chance (A,), preferences (A,) where there are any, and the names of the arms."""
    mdp, signals = subject.environment.mdp, subject.agent.signals()
    if not isinstance(mdp, TabularMDP) or mdp.n_states != 1:
        raise ValueError(f"{subject.environment.id} is no bandit")
    estimate = np.asarray(signals["q"](), np.float64)[0]
    low, high, words = estimate, estimate, _("dot: estimate; line: true mean")
    if "belief_low" in signals:
        low, high = signals["belief_low"]()[0], signals["belief_high"]()[0]
        words = _("band: 5 % to 95 % of the belief; dot: estimate; line: true mean")
    elif "bonus" in signals:
        high = estimate + signals["bonus"]()[0]
        words = _("band: estimate and its bonus; dot: estimate; line: true mean")
    arrays = {
        "truth": q_from_v(mdp, np.zeros(1), 0.0)[0],
        "estimate": estimate,
        "low": low,
        "high": high,
        "chance": signals["behaviour"]()[0],
    }
    if "preferences" in signals:
        arrays["preferences"] = signals["preferences"]()[0]
    meta = {"arms": list(subject.environment_spec.actions[: mdp.n_actions]), "words": words}
    return Frame({name: np.asarray(array, np.float32) for name, array in arrays.items()}, meta)


SPEC = PanelSpec(
    id="arms",
    name=_("The arms"),
    summary=_("What is believed of each arm beside its true mean, and how likely it is pulled next."),
    element="arm-bands",
    version=1,
    options=ArmsOptions,
    fits=fits,
    compute=compute,
    order=3,
)
