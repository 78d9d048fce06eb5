"""Who shares in the next update: the traces of a learner, or its episode painted back, summed over the actions of every cell.

S states, A actions. A learner of state values has one trace a state (A = 1).
"""

import numpy as np

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.tabular import TabularMDP

FADED = 1e-3  # of the largest: what is less is not counted


class EligibilityOptions(Config):
    """Nothing to choose: every layer is in the frame."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """Numbered states, which lie on maps, and a learner that keeps traces."""
    return environment.kind == "tabular" and "eligibility" in algorithm.signals


def compute(subject: Subject, options: EligibilityOptions) -> Frame:
    """Return eligibility (S,), the sum over the actions, pairs (S, A) where actions differ, and the maps' facts."""
    mdp, spec = subject.environment.mdp, subject.environment_spec
    if not isinstance(mdp, TabularMDP) or mdp.layout is None:
        raise ValueError(f"{subject.environment.id} has no map")
    pairs = np.asarray(subject.agent.signals()["eligibility"](), np.float64)
    arrays = {"eligibility": pairs.sum(axis=1)}
    if pairs.shape[1] == mdp.n_actions:
        arrays["pairs"] = pairs
    if mdp.layout.cell_states is not None:
        arrays["cell_states"] = mdp.layout.cell_states.astype(np.float64)
    count = int(np.count_nonzero(pairs > FADED * pairs.max()))
    many = _("{count} take part in the next update, the most {most}")
    meta = {
        **mdp.layout.facts(),
        "actions": list(spec.actions[: mdp.n_actions]),
        "n_states": mdp.n_states,
        "words": many.format(count=count, most=f"{pairs.max():.3g}") if count else _("nothing yet in this episode"),
    }
    return Frame({name: np.asarray(array, np.float32) for name, array in arrays.items()}, meta)


SPEC = PanelSpec(
    id="eligibility",
    name=_("What it carries"),
    summary=_("How much every state visited in this episode takes part in the next update."),
    element="grid-map",
    version=1,
    options=EligibilityOptions,
    fits=fits,
    compute=compute,
    order=3,
)
