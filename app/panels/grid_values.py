"""The value maps of a table: V, Q, the greedy policy, visits and the error to the exact V*, one number per cell.

Tabular agents hand over their tables; neural agents are asked at every state's one-hot row, so both stand beside the
same truth. S states, A actions.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Frame, PanelSpec, Subject
from app.core.text import _
from app.parts.tabular import TabularMDP, greedy_policy, optimal_values, q_from_v

F64 = NDArray[np.float64]
Signals = Mapping[str, Callable[..., Any]]
VALUE_SIGNALS = {"v", "v_at", "q_at"}


class GridOptions(Config):
    """Nothing to choose: every layer is in the frame."""


def fits(algorithm: AlgorithmSpec, environment: EnvironmentSpec) -> bool:
    """Numbered states, which lie on maps, and an agent that has values."""
    return environment.kind == "tabular" and bool(VALUE_SIGNALS & set(algorithm.signals))


def compute(subject: Subject, options: GridOptions) -> Frame:
    """Return v (S,), q (S, A), policy (S, A), visits (S,), error (S,) = v − the exact values, and the maps' facts.

    A learner that keeps traces adds eligibility (S,), the sum over the actions. A planner acts nowhere: it has no visits. Where the world was edited, states that can no longer be reached keep their
    visits on the map, but do not count among the visited of those that can.

    Every state is in the frame, so that any map of any moment can be shown; `cell_states` (P, rows · cols) says which
    state is where, unless a cell's state is its number.
    """
    agent, spec, environment = subject.agent, subject.environment_spec, subject.environment
    mdp = environment.mdp
    if not isinstance(mdp, TabularMDP) or mdp.layout is None:
        raise ValueError(f"{environment.id} has no map")
    gamma = float(getattr(agent.config, "gamma", 1.0))
    signals = agent.signals()
    v, q, policy = _tables(signals, mdp, gamma)
    truth = signals["truth"]() if "truth" in signals else _optimal(mdp, gamma)
    is_of_policy = getattr(agent, "truth_is", "optimal") == "target"
    reachable = mdp.reachable()
    error = np.where(reachable, v - truth, 0.0)
    arrays = {"v": v, "q": q, "policy": policy, "error": error, "optimal": truth}
    gap = np.abs(error[reachable])
    if "behaviour" in signals:
        arrays["behaviour"] = signals["behaviour"]()
    if "eligibility" in signals:
        arrays["eligibility"] = np.asarray(signals["eligibility"](), np.float64).sum(axis=1)
    if mdp.layout.cell_states is not None:
        arrays["cell_states"] = mdp.layout.cell_states.astype(np.float64)
    meta = {
        **mdp.layout.facts(),
        "actions": list(spec.actions[: mdp.n_actions]),
        "gamma": gamma,
        "n_states": mdp.n_states,
        "truth": "policy" if is_of_policy else "optimal",
        "truth_name": _("V of the policy") if is_of_policy else _("V*"),
        "error_max": float(gap.max()),
        "error_rms": float(np.sqrt(np.mean(gap**2))),
        "states_reachable": int(np.count_nonzero(reachable)),
        "step_unit": subject.algorithm.step_unit,
        "scale": _scale(signals),
    }
    visits = _visits(signals, mdp)
    if visits is not None:
        arrays["visits"] = visits
        meta["states_visited"] = int(np.count_nonzero(visits[reachable]))
    return Frame({name: np.asarray(array, np.float32) for name, array in arrays.items()}, meta)


def _tables(signals: Signals, mdp: TabularMDP, gamma: float) -> tuple[F64, F64, F64]:
    if "v" in signals:
        return signals["v"](), signals["q"](), signals["policy"]()
    one_hot = np.eye(mdp.n_states, dtype=np.float32)
    if "q_at" in signals:
        q = np.asarray(signals["q_at"](one_hot), np.float64)
        v = q.max(axis=1)
    else:
        v = np.asarray(signals["v_at"](one_hot), np.float64) * _scale(signals)
        q = q_from_v(mdp, v, gamma)
    policy = signals["policy_at"](one_hot) if "policy_at" in signals else greedy_policy(q)
    ended = _absorbing(mdp)
    return np.where(ended, 0.0, v), np.where(ended[:, None], 0.0, q), policy


def _scale(signals: Signals) -> float:
    """Return by what values are to be multiplied to be in the environment's reward, in which the exact ones are."""
    return float(signals["reward_scale"]()[0]) if "reward_scale" in signals else 1.0


def _visits(signals: Signals, mdp: TabularMDP) -> F64 | None:
    """Return how often each state (S,) was visited, or None where nobody acts, or counts."""
    if "visits" in signals:
        return np.asarray(signals["visits"]())
    if "visited" not in signals:
        return None
    rows = np.asarray(signals["visited"]())
    states = rows.argmax(axis=1) if len(rows) else np.empty(0, np.int64)
    return np.bincount(states, minlength=mdp.n_states).astype(np.float64)


@lru_cache(maxsize=16)
def _optimal(mdp: TabularMDP, gamma: float) -> F64:
    return optimal_values(mdp, gamma)


@lru_cache(maxsize=16)
def _absorbing(mdp: TabularMDP) -> NDArray[np.bool_]:
    """States in which every outcome of every action has ended already (goals, holes, pits) or that no path reaches."""
    possible = mdp.probabilities > 0
    return np.asarray((mdp.terminated | ~possible).all(axis=(1, 2)) & ~mdp.reachable())


SPEC = PanelSpec(
    id="grid_values",
    name=_("Value map"),
    summary=_("The value of every cell, the greedy policy, visits, and the error to the exact V*."),
    element="grid-map",
    version=1,
    options=GridOptions,
    fits=fits,
    compute=compute,
    order=0,
)
