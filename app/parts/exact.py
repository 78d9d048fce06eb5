"""What can be said exactly about a table of action values, because the model is known: its errors and its policy's return.

Letters: S states, A actions. Only states in which an agent may have to act count; what lies behind an end does not.
"""

import warnings
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import MatrixRankWarning

from app.core.contracts import Environment
from app.parts.optimum import MOST_STEPS
from app.parts.tabular import (
    TabularMDP,
    check_gamma,
    endless_states,
    finite_horizon_return,
    finite_horizon_values,
    greedy_policy,
    optimal_values,
    policy_evaluation,
    q_from_v,
)

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


def model_of(environment: Environment, gamma: float) -> TabularMDP:
    """Return the exact model of an environment.

    Raises:
        InvalidInput: γ = 1 where a reachable state cannot end, or where a loop earns without end.
    """
    mdp = environment.mdp
    if not isinstance(mdp, TabularMDP):
        raise ValueError(f"{environment.id} has no numbered states")
    check_gamma(mdp, gamma)
    if gamma == 1:
        optimal_values(mdp, gamma)
    return mdp


class Exact:
    """The truth about one model under one discount. V* is computed when it is first asked for, and once."""

    def __init__(self, mdp: TabularMDP, gamma: float, horizon: int) -> None:
        self.mdp, self.gamma, self.horizon = mdp, gamma, horizon
        self.reachable = mdp.reachable()
        self._known: tuple[F64, F64] | None = None

    @cached_property
    def optimum(self) -> F64:
        """V* (S,)."""
        return optimal_values(self.mdp, self.gamma)

    def scalars(self, v: F64, q: F64) -> dict[str, float]:
        """Return the exact diagnostics of values v (S,) and of the policy greedy in q (S, A), by name of the dictionary."""
        backed_up = q_from_v(self.mdp, v, self.gamma).max(axis=1)
        error = (v - self.optimum)[self.reachable]
        return {
            "tabular/max_bellman_residual": float(np.abs(backed_up - v)[self.reachable].max()),
            "tabular/value_error_max": float(np.abs(error).max()),
            "tabular/value_error_rms": float(np.sqrt(np.mean(error**2))),
            "tabular/greedy_return": self.greedy_return(q),
        }

    def policy_scalars(self, v: F64, policy: F64) -> dict[str, float]:
        """Return the exact diagnostics of values v (S,) that estimate those of a fixed policy (S, A)."""
        backed_up = (policy * q_from_v(self.mdp, v, self.gamma)).sum(axis=1)
        error = (v - self.values_of(policy))[self.reachable]
        return {
            "tabular/max_bellman_residual": float(np.abs(backed_up - v)[self.reachable].max()),
            "tabular/value_error_max": float(np.abs(error).max()),
            "tabular/value_error_rms": float(np.sqrt(np.mean(error**2))),
        }

    def values_of(self, policy: F64) -> F64:
        """Return V (S,) of a policy (S, A).

        Where γ = 1 and the policy never ends from some state, or as good as never, these are the values within the time limit:
        a policy that ended may no longer do so in a changed world, and its run goes on.
        """
        if self._known is None or not np.array_equal(
            self._known[0], policy
        ):  # a fixed policy is asked for again and again
            self._known = policy.copy(), self._solved(policy)
        return self._known[1]

    def _solved(self, policy: F64) -> F64:
        if self.gamma < 1:
            return policy_evaluation(self.mdp, policy, self.gamma)
        if not endless_states(self.mdp, policy).any():
            with warnings.catch_warnings(action="ignore", category=MatrixRankWarning):
                values = policy_evaluation(self.mdp, policy, self.gamma)
            most = MOST_STEPS * float(np.abs(self.mdp.rewards).max())
            if (np.abs(values[self.reachable]) <= most).all():  # NaN is not
                return values
        return finite_horizon_values(self.mdp, policy, self.horizon)

    def greedy_return(self, q: F64) -> float:
        """Return the expected undiscounted return of the greedy policy under the time limit."""
        return self.return_of(greedy_policy(q))

    def return_of(self, policy: F64) -> float:
        """Return the expected undiscounted return of a policy (S, A) under the time limit."""
        return finite_horizon_return(self.mdp, policy, self.horizon)

    def greedy_sets(self, q: F64) -> Bools:
        """Return which actions (S, A) are greedy; all False in states where nobody acts."""
        return np.asarray((greedy_policy(q) > 0) & self.reachable[:, None])


def policy_changes(before: Bools, after: Bools) -> float:
    """Return in how many states two greedy sets (S, A) differ."""
    return float((before != after).any(axis=1).sum())
