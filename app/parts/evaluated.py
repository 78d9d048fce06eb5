r"""Prediction: the fixed policy whose values are learned, and the table of state values that learns them.

The policy is the one that takes every action equally often, or the best one, mixed with the other:

$$\pi(a \mid s) = (1 - \varepsilon_\pi)\,\pi_0(a \mid s) + \varepsilon_\pi / |A| \tag{1}$$

It is settled when the run begins, and stays what it is when the world changes. S states, A actions.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config, Hyper
from app.core.contracts import Environment
from app.core.jit import kernel
from app.core.text import _
from app.parts.exact import Exact, model_of
from app.parts.exploration import step_size
from app.parts.tabular import optimal_actions, policy_evaluation, q_from_v, uniform_policy
from app.parts.tabular_agent import Tables

if TYPE_CHECKING:
    from app.parts.tabular_agent import TabularAgent

F64 = NDArray[np.float64]


class EvaluatedPolicy(Config):
    """The policy that is evaluated."""

    policy: str = Hyper(
        "uniform", choices=("uniform", "optimal"), settled=True,
        help=_("The policy that acts and whose values are learned: every action equally often, or the best actions."),
    )  # fmt: skip
    policy_epsilon: float = Hyper(
        0.1, low=0, high=1, symbol=r"\varepsilon_\pi", settled=True,
        help=_("Share of random actions in the best policy: raising it visits more states and earns less."),
    )  # fmt: skip


class InitialStateValue(Config):
    """Where a table of state values starts."""

    initial_v: float = Hyper(
        0.0, low=-1e6, high=1e6, symbol="V_0", advanced=True, settled=True,
        help=_("First estimate of every state; the nearer to the truth, the sooner the error is small."),
    )  # fmt: skip


def policy_to_evaluate(config: EvaluatedPolicy, exact: Exact) -> F64:
    """Return the policy (S, A) that a configuration names; best actions that tie share equally."""
    mdp, uniform = exact.mdp, uniform_policy(exact.mdp)
    if config.policy == "uniform":
        return uniform
    best = optimal_actions(mdp, exact.optimum, exact.gamma).astype(np.float64)
    chosen = best / best.sum(axis=1, keepdims=True)
    policy: F64 = (1 - config.policy_epsilon) * chosen + config.policy_epsilon * uniform  # (1)
    return policy


def state_values(initial_v: float, exact: Exact) -> F64:
    """Return a fresh table (1, S): `initial_v` where an agent may have to act, 0 behind the ends."""
    return np.where(exact.reachable, initial_v, 0.0)[None, :]


def prediction_tables(agent: "TabularAgent") -> Tables:
    """Return the tables of an evaluator whose memory has v (1, S) and policy (1, S, A); q is one exact backup of v."""
    v, policy = agent.memory.v[0].copy(), agent.memory.policy[0].copy()
    return Tables(v, q_from_v(agent.exact.mdp, v, agent.exact.gamma), policy, policy)


def step_size_scalars(agent: "TabularAgent") -> dict[str, float]:
    """Return the mean step size over the states where an agent may have to act."""
    settings, visits = agent.knobs.step_size, agent.course.visits[0].sum(axis=1)
    alphas = settings.alpha / np.maximum(visits, 1) ** settings.alpha_exponent
    return {"tabular/alpha": float(alphas[agent.exact.reachable].mean())}


def check_evaluated(config: Any, environment: Environment) -> None:
    """Raise InvalidInput where γ = 1 and returns, or those of the evaluated policy, have no end."""
    mdp = model_of(environment, config.gamma)
    if config.gamma == 1:
        exact = Exact(mdp, config.gamma, environment.max_episode_steps)
        policy_evaluation(mdp, policy_to_evaluate(config, exact), config.gamma)


@kernel
def sample_action(policy: Any, state: Any, u: Any) -> Any:
    """Return the action that the uniform draw u in [0, 1) selects under a policy (S, A)."""
    passed, action = 0.0, 0
    for index in range(policy.shape[1] - 1):
        passed += policy[state, index]
        action += u >= passed
    return action


@kernel
def state_step_size(knobs: Any, visits: Any, state: Any) -> Any:
    """Return α of a state whose actions were taken `visits` (S, A) times, of `StepKnobs`."""
    if knobs.alpha_exponent == 0:
        return knobs.alpha
    n_visits = 0
    for action in range(visits.shape[1]):
        n_visits += visits[state, action]
    return step_size(knobs, n_visits)
