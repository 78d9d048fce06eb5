r"""Gradient bandit.

Keeps a preference for every arm instead of an estimate of what it pays, pulls by their softmax, and follows the gradient of the
expected payment one pull at a time: the smallest policy-gradient method there is.

$$\pi(a) = \frac{e^{H(a)}}{\sum_b e^{H(b)}} \tag{1}$$

$$H(a_t) \leftarrow H(a_t) + \alpha\,(r_t - \bar r_t)\,\bigl(1 - \pi(a_t)\bigr) \tag{2}$$

$$H(a) \leftarrow H(a) - \alpha\,(r_t - \bar r_t)\,\pi(a) \qquad \text{for all } a \ne a_t \tag{3}$$

$$\bar r_{t+1} = \bar r_t + \tfrac{1}{t}\,(r_t - \bar r_t) \tag{4}$$

The expected update is $\alpha$ times the exact gradient, $\partial\, \mathbb{E}[r] / \partial H(a) = \pi(a)\,(\mu(a) - \sum_b \pi(b)\, \mu(b))$,
whatever the *baseline* $\bar r_t$, as long as it does not depend on the arm that is pulled. As the mean of the payments so far it
keeps the updates small; without it ($\bar r = 0$) payments that all lie far from 0 push every arm that is pulled, good or bad.
The first payment is its own baseline, as in the textbook, and changes nothing.

The means that are drawn beside the preferences are for those who watch; the rule never reads them.

What this file leaves out:

1. States, and so returns: with them this becomes REINFORCE.
2. Natural gradients and entropy bonuses, which keep it from committing early to a second-best arm.

Sources: Sutton and Barto (2018), *Reinforcement Learning*, section 2.8; Williams (1992), *Simple Statistical Gradient-Following
Algorithms for Connectionist Reinforcement Learning*, Machine Learning 8.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from app.core.config import Config, Hyper
from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import philox_block, unit
from app.core.signals import Signal
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.bandits import (
    BANDIT_SCALARS,
    arm_means,
    arm_values,
    bandit_scalars,
    check_bandit,
    close_pulls,
    count_pull,
    fits_bandits,
    no_pulls,
)
from app.parts.evaluated import sample_action
from app.parts.exact import Exact
from app.parts.tabular import sample_outcome
from app.parts.tabular_agent import BASIC_SIGNALS, DRAWS, F64, PREDICTION_SCALARS, Method, Tables, TabularAgent

TRACE = ("s", "a", "r", "baseline", "pi", "alpha", "h old", "h new")
SIGNALS = (
    Signal("preferences", "(S, A)", "", _("Preference for each arm: only differences matter, as the policy is their softmax.")),
)  # fmt: skip


class GradientBanditConfig(Config):
    """Hyperparameters of the gradient bandit; the defaults are those of Sutton and Barto's figure 2.5."""

    alpha: float = Hyper(
        0.1, low=0, high=10, symbol=r"\alpha", live="step",
        help=_("Step size: raising it commits to an arm sooner, to a wrong one too."),
    )  # fmt: skip
    baseline: bool = Hyper(
        True, live="step",
        help=_("Subtract the mean payment so far: the expected update stays the same, and its noise shrinks."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    preferences: Any  # (1, 1, A) float64
    mean_reward: Any  # (1,) float64
    q: Any  # (1, 1, A) float64: mean payment of each arm, drawn only
    regret: Any  # (1,) float64
    best_pulls: Any  # (1,) int64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    alpha: float
    has_baseline: bool


def memory(config: GradientBanditConfig, exact: Exact) -> Memory:
    """Return equal preferences."""
    return Memory(arm_values(0.0, exact), np.zeros(1), arm_values(0.0, exact), *no_pulls())


def knobs(config: GradientBanditConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(config.alpha, config.baseline)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Pull and learn `max_steps` ≥ 1 times, fewer where the records are full or a preference is no longer finite.

    Pull t draws from block t of the stream `key`: the arm, two unused words, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E pulls, each (E,).
    Returns the number of pulls, twice: each ends an episode.
    """
    cumulative, _next_states, rewards, _terminates, _start, _limit = world
    ends, returns, lengths, terminations = ended
    h, q, visits, mean_reward = memory.preferences[0], memory.q[0], course.visits[0], memory.mean_reward
    regret, best_pulls = memory.regret, memory.best_pulls
    step, means, pi = course.position[0, 3], arm_means(cumulative, rewards), np.empty_like(h)
    words = np.empty((4, DRAWS), np.uint64)
    taken, h_new = 0, 0.0
    while taken < min(max_steps, ends.shape[0]) and np.isfinite(h_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        softmax_into(h, pi)
        arm = sample_action(pi, 0, unit(words[0, draw]))
        reward = rewards[0, arm, sample_outcome(cumulative, 0, arm, unit(words[3, draw]))]

        step += 1
        if step == 1:
            mean_reward[0] = reward
        baseline = mean_reward[0] if knobs.has_baseline else 0.0
        h_old = h[0, arm]
        h_new = prefer(h, pi, arm, reward - baseline, knobs.alpha)
        mean_reward[0] += (reward - mean_reward[0]) / step  # (4)

        visits[0, arm] += 1
        q[0, arm] += (reward - q[0, arm]) / visits[0, arm]
        count_pull(regret, best_pulls, means, arm)
        ends[taken], returns[taken], lengths[taken], terminations[taken] = step, reward, 1, True
        taken += 1

    close_pulls(course, step, arm, reward)
    trace = course.trace[0]
    trace[0], trace[1], trace[2], trace[3] = 0, arm, reward, baseline
    trace[4], trace[5], trace[6], trace[7] = pi[0, arm], knobs.alpha, h_old, h_new
    return taken, taken


@kernel
def softmax_into(h: Any, pi: Any) -> None:
    """Write the softmax of preferences h (1, A) into pi (1, A)."""
    highest, total = h.max(), 0.0
    for arm in range(h.shape[1]):
        pi[0, arm] = math.exp(h[0, arm] - highest)
        total += pi[0, arm]
    for arm in range(h.shape[1]):
        pi[0, arm] /= total  # (1)


@kernel
def prefer(h: Any, pi: Any, pulled: Any, advantage: Any, alpha: Any) -> Any:
    """Change the preferences h (1, A) by one pull under pi (1, A), and return that of the arm pulled."""
    h_new = h[0, pulled] + alpha * advantage * (1 - pi[0, pulled])  # (2)
    for arm in range(h.shape[1]):
        h[0, arm] -= alpha * advantage * pi[0, arm]  # (3)
    h[0, pulled] = h_new
    return h_new


def tables(agent: TabularAgent) -> Tables:
    """Return the mean payments and the policy; v is what the policy earns if the means are right."""
    q, policy = agent.memory.q[0].copy(), np.empty_like(agent.memory.preferences[0])
    softmax_into(agent.memory.preferences[0], policy)
    return Tables((policy * q).sum(axis=1), q, policy, policy)


def preferences(agent: TabularAgent) -> F64:
    """Return the preferences (1, A)."""
    return np.array(agent.memory.preferences[0])


METHOD = Method(
    name="gradient_bandit",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=tables,
    scalars=bandit_scalars,
    signals={"preferences": preferences},
    truth="target",
)


def agent(config: GradientBanditConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a preference for every arm."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="gradient_bandit",
    name=_("Gradient bandit"),
    summary=_("Prefers arms that pay more than the mean: policy gradient in its smallest form."),
    family="tabular",
    version=1,
    config=GradientBanditConfig,
    agent=agent,
    check=check_bandit,
    fits=fits_bandits,
    smoke=Smoke("bandit", 10_000),
    emits=(*PREDICTION_SCALARS, *(scalar.name for scalar in BANDIT_SCALARS)),
    signals=(*BASIC_SIGNALS, "preferences"),
    tabular=True,
    default_steps=10_000,
    inspector=Inspector(
        equation=r"H(a) \leftarrow H(a) + \alpha\,(r - \bar r)\,\bigl(1 - \pi(a)\bigr)",
        terms=(
            Term("a", 1), Term("r", 2), Term(r"\bar r", 3), Term(r"\pi(a)", 4), Term(r"\alpha", 5), Term("H(a)", 6),
        ),
        result=7,
        number=2,
        old=6,
        state=0,
        action=1,
        backup="bandit",
    ),
    parent="epsilon_greedy_bandit",
    references=(
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 2.8",
        "Williams (1992), Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning, Machine Learning 8",
    ),
    scalars=BANDIT_SCALARS,
    own_signals=SIGNALS,
)  # fmt: skip
