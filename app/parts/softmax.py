r"""Softmax policies over a table of preferences θ (S, A), and what is exactly true of them: gradient, Fisher matrix, divergence.

$$\pi(a \mid s) = \frac{e^{\theta(s, a)}}{\sum_b e^{\theta(s, b)}}, \qquad
\frac{\partial \log \pi(a \mid s)}{\partial \theta(s, b)} = [a = b] - \pi(b \mid s) \tag{1}$$

The policy gradient theorem, with the discounted visits $d^\pi(s) = \sum_t \gamma^t P(s_t = s)$; the second form because $\sum_a \pi A = 0$:

$$\frac{\partial J}{\partial \theta(s, b)} = d^\pi(s) \sum_a \pi(a \mid s)\, A^\pi(s, a) \bigl( [a = b] - \pi(b \mid s) \bigr)
= d^\pi(s)\, \pi(b \mid s)\, A^\pi(s, b) \tag{2}$$

The Fisher matrix of one state, the covariance of (1); it is singular, because adding a constant to a row of θ changes nothing:

$$F_s = \operatorname{diag}(\pi) - \pi \pi^\top \tag{3}$$

S states, A actions.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.core.config import Config, Hyper
from app.core.contracts import Environment
from app.core.jit import kernel
from app.core.text import _
from app.parts.exact import model_of
from app.parts.performance import advantages, discounted_visits
from app.parts.tabular import TabularMDP, policy_evaluation, q_from_v
from app.parts.tabular_agent import PREDICTION_SCALARS, Tables, World

if TYPE_CHECKING:
    from app.parts.tabular_agent import TabularAgent

F64 = NDArray[np.float64]
SOFTMAX_SCALARS = (*PREDICTION_SCALARS, "tabular/greedy_return", "train/entropy")


class SoftmaxDiscount(Config):
    """The discount of a learner with a softmax policy."""

    gamma: float = Hyper(
        0.99, low=0, high=0.9999, symbol=r"\gamma",
        help=_("Discount: raising it makes later rewards count more. It stays below 1, because a policy that is learned may forget to end."),
    )  # fmt: skip
    discounts_states: bool = Hyper(
        False, live="update", advanced=True,
        help=_("Weight the update of step t by the discount to the power t, as the gradient of the discounted return demands; most implementations leave it out, which learns faster far from the start."),
    )  # fmt: skip


class ActorStep(Config):
    """The step size of the policy."""

    alpha: float = Hyper(
        0.1, low=0, high=1000, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of the preferences: raising it learns faster and decides sooner, perhaps too soon."),
    )  # fmt: skip


class CriticStep(Config):
    """The step size of the values."""

    alpha_v: float = Hyper(
        0.1, low=0, high=1, symbol=r"\alpha_V", live="update",
        help=_("Step size of the state values: raising it follows the policy faster and remembers more noise."),
    )  # fmt: skip


@kernel
def softmax_row(theta: Any, state: Any, probabilities: Any) -> None:
    """Write the policy of one state of the preferences (S, A) into probabilities (A,)."""
    highest = theta[state, 0]
    for action in range(1, theta.shape[1]):
        highest = max(highest, theta[state, action])
    total = 0.0
    for action in range(theta.shape[1]):
        probabilities[action] = np.exp(theta[state, action] - highest)
        total += probabilities[action]
    for action in range(theta.shape[1]):
        probabilities[action] /= total  # (1)


@kernel
def draw_action(probabilities: Any, u: Any) -> Any:
    """Return the action that the uniform draw u in [0, 1) selects under probabilities (A,)."""
    passed, action = 0.0, 0
    for index in range(probabilities.shape[0] - 1):
        passed += probabilities[index]
        action += u >= passed
    return action


def softmax_policy(theta: F64) -> F64:
    """Return the policy (S, A) of the preferences (S, A)."""
    weights = np.exp(theta - theta.max(axis=1, keepdims=True))
    policy: F64 = weights / weights.sum(axis=1, keepdims=True)
    return policy


def fisher(policy: F64) -> F64:
    """Return the Fisher matrices (S, A, A) of the rows of a softmax policy (S, A)."""
    n_actions = policy.shape[1]
    matrices: F64 = policy[:, :, None] * np.eye(n_actions) - policy[:, :, None] * policy[:, None, :]  # (3)
    return matrices


def policy_gradient(mdp: TabularMDP, policy: F64, gamma: float) -> F64:
    """Return the exact gradient (S, A) of the expected return from the starts with respect to the preferences."""
    v = policy_evaluation(mdp, policy, gamma)
    visits = discounted_visits(mdp, policy, gamma)
    gradient: F64 = visits[:, None] * policy * advantages(mdp, v, gamma)  # (2)
    return gradient


def entropies(policy: F64) -> F64:
    """Return the entropy (S,) in nats of each row of a policy (S, A)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(policy > 0, policy * np.log(policy), 0.0)
    return np.asarray(-terms.sum(axis=1))


def divergences(policy: F64, new: F64) -> F64:
    """Return KL(policy ‖ new) (S,) in nats of the rows of two policies (S, A); `new` is positive where `policy` is."""
    tiny = np.finfo(np.float64).tiny
    ratio = np.maximum(policy, tiny) / np.maximum(new, tiny)
    return np.asarray(np.maximum((policy * np.log(ratio)).sum(axis=1), 0.0))


def model_in(world: World) -> TabularMDP:
    """Return the exact model that a world draws its transitions from."""
    probabilities, start = np.diff(world.cumulative, prepend=0.0, axis=2), np.diff(world.cumulative_start, prepend=0.0)
    return TabularMDP(probabilities, world.next_states, world.rewards, world.terminated, start)


def softmax_tables(agent: "TabularAgent") -> Tables:
    """Return the tables of a learner whose memory has theta (1, S, A) and v (1, S); q is one exact backup of v."""
    v, policy = agent.memory.v[0].copy(), softmax_policy(agent.memory.theta[0])
    return Tables(v, q_from_v(agent.exact.mdp, v, agent.exact.gamma), policy, policy)


def softmax_scalars(agent: "TabularAgent") -> dict[str, float]:
    """Return the mean entropy over the states where an agent may have to act, and the return of the likeliest actions."""
    policy = softmax_policy(agent.memory.theta[0])
    return {
        "train/entropy": float(entropies(policy)[agent.exact.reachable].mean()),
        "tabular/greedy_return": agent.exact.greedy_return(policy),
    }


def check(config: Any, environment: Environment) -> None:
    """Raise InvalidInput where the environment has no numbered states."""
    model_of(environment, config.gamma)
