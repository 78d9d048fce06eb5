"""A learned model beside the true one: where each action of the last state leads, as it believes and as it is.

S states, A actions, K shown next states.
"""

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.contracts import Array
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.learned_model import next_probabilities
from app.parts.tabular import TabularMDP
from app.parts.tabular_agent import TabularAgent

SHOWN = 8  # next states


class ModelOptions(Config):
    """Nothing to choose: the state is that of the last step."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """Numbered states, and a learner of a model that is compared with the true one."""
    return environment.kind == "tabular" and {"model_next", "true_next"} <= set(algorithm.signals)


def compute(subject: Subject, options: ModelOptions) -> Frame:
    """Return values (2A, K): of every action of the last state, the learned and the true probabilities of next states."""
    agent, mdp = subject.agent, subject.environment.mdp
    if not isinstance(mdp, TabularMDP) or not isinstance(agent, TabularAgent):
        raise ValueError(f"{subject.environment.id} has no table of states")
    signals = agent.signals()
    state = int(signals["last_transition"]()[0])
    learned, true = next_probabilities(agent, state)
    likely = np.maximum(learned, true).max(axis=0)
    shown = np.sort(np.argsort(-likely, kind="stable")[:SHOWN])
    shown = shown[likely[shown] > 0]
    rows = np.stack([learned[:, shown], true[:, shown]], axis=1).reshape(2 * mdp.n_actions, -1)
    names = subject.environment_spec.actions
    model, truth = signals["model_next"](), signals["true_next"]()
    known = (model >= 0) & mdp.reachable()[:, None]
    meta = {
        "title": _("From {state}").format(state=mdp.name_of(state)),
        "words": _(
            "{known} of {all} pairs were taken; of these, the believed next state is a likeliest one in {right}"
        ).format(
            known=int(known.sum()),
            all=int(mdp.reachable().sum()) * mdp.n_actions,
            right=int(_is_likeliest(mdp, model, truth)[known].sum()),
        ),
        "corner": _("leads to"),
        "rows": [f"{names[action]}, {kind}" for action in range(mdp.n_actions) for kind in (_("learned"), _("true"))],
        "cols": [mdp.name_of(int(one)) for one in shown],
        "pairs": 2,
        "signed": False,
    }
    return Frame({"values": np.asarray(rows, np.float32)}, meta)


def _is_likeliest(mdp: TabularMDP, model: Array, truth: Array) -> NDArray[np.bool_]:
    """Return whether no next state is likelier than the believed one (S, A); there may be several as likely as it."""
    chance = [(mdp.probabilities * (mdp.next_states == one[:, :, None])).sum(axis=2) for one in (model, truth)]
    return np.asarray(chance[0] >= chance[1] - 1e-9)


SPEC = PanelSpec(
    id="learned_model",
    name=_("The learned model beside the true one"),
    summary=_("Where each action of the last state leads, as the learner believes and as it is."),
    element="matrix-map",
    version=1,
    options=ModelOptions,
    fits=fits,
    compute=compute,
    order=3,
)
