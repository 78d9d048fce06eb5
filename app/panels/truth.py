"""What is exactly true of a table's policy, because the model is known: V*, the policy's own values, and where it goes.

The map shows what the estimate cannot: how much better one could do from a state (the gap), how far one exact backup would
move the estimate (the residual), and how often the policy is where (its state distribution). S states.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.exact import Exact
from app.parts.tabular import (
    TabularMDP,
    endless_states,
    greedy_policy,
    occupancy,
    optimal_values,
    q_from_v,
)

F64 = NDArray[np.float64]
NAMED = 3  # states from which the policy never ends that are named


class TruthOptions(Config):
    """Nothing to choose: every layer is in the frame."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """Numbered states with an exact model, and an agent with a table and a policy."""
    return environment.kind == "tabular" and {"v", "policy"} <= set(algorithm.signals)


def compute(subject: Subject, options: TruthOptions) -> Frame:
    """Return optimal, of_policy, gap, residual and occupancy (S,), the best policy and the current one (S, A), and the maps' facts."""
    mdp, spec = subject.environment.mdp, subject.environment_spec
    if not isinstance(mdp, TabularMDP) or mdp.layout is None:
        raise ValueError(f"{subject.environment.id} has no map")
    gamma = float(getattr(subject.agent.config, "gamma", 1.0))
    horizon = subject.environment.max_episode_steps
    signals = subject.agent.signals()
    v, policy = np.asarray(signals["v"](), np.float64), np.asarray(signals["policy"](), np.float64)
    reachable, endless = mdp.reachable(), endless_states(mdp, policy)
    optimal, best = _optimum(mdp, gamma)
    of_policy = Exact(mdp, gamma, horizon).values_of(policy)
    q = q_from_v(mdp, v, gamma)
    is_of_policy = getattr(subject.agent, "truth_is", "optimal") == "target"
    backed_up = (policy * q).sum(axis=1) if is_of_policy else q.max(axis=1)
    arrays = {
        "optimal": optimal,
        "policy": best,
        "of_policy": of_policy,
        "own_policy": policy,
        "gap": np.where(reachable, of_policy - optimal, 0.0),
        "residual": np.where(reachable, backed_up - v, 0.0),
        "occupancy": occupancy(mdp, policy, horizon),
    }
    if mdp.layout.cell_states is not None:
        arrays["cell_states"] = mdp.layout.cell_states.astype(np.float64)
    meta: dict[str, Any] = {
        **mdp.layout.facts(),
        "actions": list(spec.actions[: mdp.n_actions]),
        "gamma": gamma,
        "n_states": mdp.n_states,
        "gap_max": float(np.abs(arrays["gap"]).max()),
        "gap_rms": _rms(arrays["gap"][reachable]),
        "residual_max": float(np.abs(arrays["residual"]).max()),
        "residual_rms": _rms(arrays["residual"][reachable]),
        "endless": int(endless.sum()),
        "endless_names": [mdp.name_of(int(state)) for state in np.flatnonzero(endless)[:NAMED]],
        "horizon": horizon,
    }
    return Frame({name: np.asarray(array, np.float32) for name, array in arrays.items()}, meta)


@lru_cache(maxsize=16)
def _optimum(mdp: TabularMDP, gamma: float) -> tuple[F64, F64]:
    """Return V* (S,) and the greedy policy (S, A); a picture is drawn hundreds of times of one world."""
    optimal = optimal_values(mdp, gamma)
    return optimal, greedy_policy(q_from_v(mdp, optimal, gamma))


def _rms(values: F64) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


SPEC = PanelSpec(
    id="truth",
    name=_("The truth"),
    summary=_(
        "V*, the exact values of the current policy, what it loses, where it goes, and the Bellman residual of the estimate."
    ),
    element="grid-map",
    version=1,
    options=TruthOptions,
    fits=fits,
    compute=compute,
    order=1,
)
