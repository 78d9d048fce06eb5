r"""Upper confidence bounds (UCB1).

Pulls the arm that could be best: its mean so far plus a bonus for what is not known about it. The bonus shrinks with the pulls of
the arm and grows slowly with all others, so that no arm is given up, and bad ones are pulled ever more rarely.

$$U_t(a) = Q(a) + c\, \sqrt{\ln t \,/\, N(a)}, \qquad U_t(a) = \infty \text{ where } N(a) = 0 \tag{1}$$

$$a_t = \arg\max_a U_t(a) \tag{2}$$

$$Q(a_t) \leftarrow Q(a_t) + \tfrac{1}{N(a_t)}\,\bigl(r_t - Q(a_t)\bigr) \tag{3}$$

$t$ pulls were made so far, $N(a)$ of them of the arm; ties are broken at random. With $c = \sqrt 2$ and payments in $[0, 1]$ this is UCB1,
whose expected regret grows no faster than a logarithm: at most $8 \sum_a \ln t / \Delta_a + (1 + \pi^2/3) \sum_a \Delta_a$, with the gap
$\Delta_a$ of each arm to the best. Where payments spread wider, $c$ has to grow with them.

What this file leaves out:

1. Bounds that use the variance of the payments (UCB1-tuned, UCB-V) or their distribution (KL-UCB).
2. States, and so bootstrapping and discount: a bandit has one state, and every pull is an episode.

Sources: Auer, Cesa-Bianchi and Fischer (2002), *Finite-time Analysis of the Multiarmed Bandit Problem*, Machine Learning 47;
Sutton and Barto (2018), *Reinforcement Learning*, section 2.7.
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
from app.parts.exact import Exact
from app.parts.exploration import greedy_action
from app.parts.tabular import greedy_policy, sample_outcome
from app.parts.tabular_agent import BASIC_SIGNALS, CONTROL_SCALARS, DRAWS, F64, Method, Tables, TabularAgent

TRACE = ("s", "a", "r", "n", "bonus", "q old", "q new")
UNTRIED = 1e300  # stands for the bound of an arm that was never pulled
SIGNALS = (
    Signal("bonus", "(S, A)", "reward", _("What not knowing an arm adds to its mean: its upper confidence bound less its mean; 0 for an arm never pulled, which comes first.")),
)  # fmt: skip


class UcbBanditConfig(Config):
    """The only hyperparameter of UCB1; the default is its analysis' √2, for payments between 0 and 1."""

    c: float = Hyper(
        1.4142135623730951, low=0, high=100, symbol="c", live="step",
        help=_("Width of the confidence bounds: raising it tries doubtful arms more often."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, 1, A) float64
    regret: Any  # (1,) float64
    best_pulls: Any  # (1,) int64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    c: float


def memory(config: UcbBanditConfig, exact: Exact) -> Memory:
    """Return the estimates before the first pull."""
    return Memory(arm_values(0.0, exact), *no_pulls())


def knobs(config: UcbBanditConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(config.c)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Pull and learn `max_steps` ≥ 1 times, fewer where the records are full or q is no longer finite.

    Pull t draws from block t of the stream `key`: two unused words, the tie, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E pulls, each (E,).
    Returns the number of pulls, twice: each ends an episode.
    """
    cumulative, _next_states, rewards, _terminates, _start, _limit = world
    ends, returns, lengths, terminations = ended
    q, visits, regret, best_pulls = memory.q[0], course.visits[0], memory.regret, memory.best_pulls
    step, means, bounds = course.position[0, 3], arm_means(cumulative, rewards), np.empty_like(q)
    words = np.empty((4, DRAWS), np.uint64)
    taken, q_new = 0, 0.0
    while taken < min(max_steps, ends.shape[0]) and np.isfinite(q_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        upper_bounds(q, visits, step, knobs.c, bounds)
        arm = greedy_action(bounds, 0, words[2, draw])  # (2)
        reward = rewards[0, arm, sample_outcome(cumulative, 0, arm, unit(words[3, draw]))]

        visits[0, arm] += 1
        n, q_old = visits[0, arm], q[0, arm]
        bonus = 0.0 if n == 1 else bounds[0, arm] - q_old
        q_new = q_old + (reward - q_old) / n  # (3)
        q[0, arm] = q_new

        count_pull(regret, best_pulls, means, arm)
        step += 1
        ends[taken], returns[taken], lengths[taken], terminations[taken] = step, reward, 1, True
        taken += 1

    close_pulls(course, step, arm, reward)
    trace = course.trace[0]
    trace[0], trace[1], trace[2], trace[3], trace[4], trace[5], trace[6] = 0, arm, reward, n, bonus, q_old, q_new
    return taken, taken


@kernel
def upper_bounds(q: Any, visits: Any, step: Any, c: Any, bounds: Any) -> None:
    """Write the upper confidence bound of every arm after `step` pulls; all tables are (1, A)."""
    log_t = math.log(max(step, 1))
    for arm in range(q.shape[1]):
        if visits[0, arm] == 0:
            bounds[0, arm] = UNTRIED
        else:
            bounds[0, arm] = q[0, arm] + c * math.sqrt(log_t / visits[0, arm])  # (1)


def bounds_of(agent: TabularAgent) -> F64:
    """Return the upper confidence bounds (1, A) now."""
    bounds: F64 = np.empty_like(agent.memory.q[0])
    upper_bounds(agent.memory.q[0], agent.course.visits[0], agent.step, agent.knobs.c, bounds)
    return bounds


def tables(agent: TabularAgent) -> Tables:
    """Return the estimates; it acts by the arm of the highest bound."""
    q = agent.memory.q[0].copy()
    return Tables(q.max(axis=1), q, greedy_policy(q), greedy_policy(bounds_of(agent), 0.0))


def bonus_signal(agent: TabularAgent) -> F64:
    """Return what not knowing each arm adds to its mean (1, A)."""
    bonus: F64 = np.where(agent.course.visits[0] > 0, bounds_of(agent) - agent.memory.q[0], 0.0)
    return bonus


METHOD = Method(
    name="ucb_bandit",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=tables,
    scalars=bandit_scalars,
    signals={"bonus": bonus_signal},
)


def agent(config: UcbBanditConfig, problem: Problem) -> TabularAgent:
    """Return an agent with an estimate of every arm."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="ucb_bandit",
    name=_("UCB1 bandit"),
    summary=_("Pulls the arm that could be best: its mean so far plus a bonus for what is not known about it."),
    family="tabular",
    version=1,
    config=UcbBanditConfig,
    agent=agent,
    check=check_bandit,
    fits=fits_bandits,
    smoke=Smoke("bandit", 10_000, {}, {"kind": "bernoulli"}),
    emits=(*CONTROL_SCALARS, *(scalar.name for scalar in BANDIT_SCALARS)),
    signals=(*BASIC_SIGNALS, "bonus"),
    tabular=True,
    default_steps=10_000,
    inspector=Inspector(
        equation=r"Q(a) \leftarrow Q(a) + \frac{1}{N(a)}\,\bigl(r - Q(a)\bigr)",
        terms=(Term("a", 1), Term("r", 2), Term("N(a)", 3), Term("U(a) - Q(a)", 4), Term("Q(a)", 5)),
        result=6,
        number=3,
        old=5,
        state=0,
        action=1,
        backup="bandit",
    ),
    parent="epsilon_greedy_bandit",
    references=(
        "Auer, Cesa-Bianchi and Fischer (2002), Finite-time Analysis of the Multiarmed Bandit Problem, Machine Learning 47",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 2.7",
    ),
    scalars=BANDIT_SCALARS,
    own_signals=SIGNALS,
)  # fmt: skip
