r"""ε-greedy bandit.

Pulls the arm that paid best so far, and now and then any arm, so that no arm is judged by a few unlucky pulls for ever.

$$a_t = \begin{cases} \text{any arm} & \text{with probability } \varepsilon_t \\ \arg\max_a Q(a) & \text{otherwise} \end{cases} \tag{1}$$

$$Q(a_t) \leftarrow Q(a_t) + \alpha_t\,\bigl(r_t - Q(a_t)\bigr) \tag{2}$$

With step size $1/N(a)$, where $N$ counts the pulls of the arm, $Q$ is the plain mean of what it paid; with a constant one it follows
an arm that changes. An *optimistic start*, a first estimate above anything an arm pays, makes every arm disappoint in turn and so
be tried, even with $\varepsilon = 0$: with a constant step size for a while, with $1/N$ only once, as the first pull replaces it.

At a constant $\varepsilon$ the regret grows linearly for ever: each random pull loses the same.

What this file leaves out:

1. States: a bandit has one, and every pull is an episode, so there is nothing to bootstrap from and no discount.
2. Schedules of $\varepsilon$ that know the gaps between the arms, with which its regret would grow like a logarithm.

Sources: Sutton and Barto (2018), *Reinforcement Learning*, sections 2.2 to 2.6; Auer, Cesa-Bianchi and Fischer (2002),
*Finite-time Analysis of the Multiarmed Bandit Problem*, Machine Learning 47.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import philox_block, unit
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
from app.parts.exploration import (
    EpsilonGreedy,
    ExplorationKnobs,
    InitialValue,
    StepKnobs,
    StepSize,
    epsilon_greedy,
    exploration_knobs,
    exploration_rate,
    step_knobs,
    step_size,
)
from app.parts.tabular import sample_outcome
from app.parts.tabular_agent import (
    BASIC_SIGNALS,
    CONTROL_SCALARS,
    DRAWS,
    Method,
    TabularAgent,
    control_tables,
    exploration_scalars,
)

TRACE = ("s", "a", "r", "alpha", "q old", "q new")


class EpsilonGreedyBanditConfig(InitialValue, EpsilonGreedy, StepSize):
    """Hyperparameters of the ε-greedy bandit; the defaults are those of Sutton and Barto's figure 2.2."""

    alpha: float = Hyper(
        1.0, low=0, high=1, symbol=r"\alpha", live="step",
        help=_("Step size: raising it trusts the last pulls more; 1 when what an arm paid is averaged."),
    )  # fmt: skip
    alpha_schedule: str = Hyper(
        "visits", choices=("constant", "visits"), live="step",
        help=_("Constant, or divided by a power of how often the arm was pulled."),
    )  # fmt: skip
    alpha_exponent: float = Hyper(
        1.0, low=0, high=1, symbol=r"\omega", live="step", advanced=True,
        help=_("Power of the number of pulls that divides the step size: 1 is the plain average; raising it averages over more of the past."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, 1, A) float64
    regret: Any  # (1,) float64
    best_pulls: Any  # (1,) int64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs


def memory(config: EpsilonGreedyBanditConfig, exact: Exact) -> Memory:
    """Return the estimates before the first pull."""
    return Memory(arm_values(config.initial_q, exact), *no_pulls())


def knobs(config: EpsilonGreedyBanditConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), exploration_knobs(config))


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Pull and learn `max_steps` ≥ 1 times, fewer where the records are full or q is no longer finite.

    Pull t draws from block t of the stream `key`: whether to explore, the random arm, the tie, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E pulls, each (E,).
    Returns the number of pulls, twice: each ends an episode.
    """
    cumulative, _next_states, rewards, _terminates, _start, _limit = world
    ends, returns, lengths, terminations = ended
    q, visits, regret, best_pulls = memory.q[0], course.visits[0], memory.regret, memory.best_pulls
    step, means = course.position[0, 3], arm_means(cumulative, rewards)
    words = np.empty((4, DRAWS), np.uint64)
    taken, q_new = 0, 0.0
    while taken < min(max_steps, ends.shape[0]) and np.isfinite(q_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        epsilon = exploration_rate(knobs.exploration, step)
        arm = epsilon_greedy(q, 0, epsilon, words[0, draw], words[1, draw], words[2, draw])  # (1)
        reward = rewards[0, arm, sample_outcome(cumulative, 0, arm, unit(words[3, draw]))]

        visits[0, arm] += 1
        alpha = step_size(knobs.step_size, visits[0, arm])
        q_old = q[0, arm]
        q_new = q_old + alpha * (reward - q_old)  # (2)
        q[0, arm] = q_new

        count_pull(regret, best_pulls, means, arm)
        step += 1
        ends[taken], returns[taken], lengths[taken], terminations[taken] = step, reward, 1, True
        taken += 1

    close_pulls(course, step, arm, reward)
    trace = course.trace[0]
    trace[0], trace[1], trace[2], trace[3], trace[4], trace[5] = 0, arm, reward, alpha, q_old, q_new
    return taken, taken


def scalars(agent: TabularAgent) -> dict[str, float]:
    """Return ε, the mean step size, and what the pulls lost."""
    return {**exploration_scalars(agent), **bandit_scalars(agent)}


METHOD = Method(
    name="epsilon_greedy_bandit",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=scalars,
)


def agent(config: EpsilonGreedyBanditConfig, problem: Problem) -> TabularAgent:
    """Return an agent with an estimate of every arm."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="epsilon_greedy_bandit",
    name=_("ε-greedy bandit"),
    summary=_("Pulls the arm that paid best so far, and now and then any arm."),
    family="tabular",
    version=1,
    config=EpsilonGreedyBanditConfig,
    agent=agent,
    check=check_bandit,
    fits=fits_bandits,
    smoke=Smoke("bandit", 10_000),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha", *(scalar.name for scalar in BANDIT_SCALARS)),
    signals=BASIC_SIGNALS,
    tabular=True,
    default_steps=10_000,
    inspector=Inspector(
        equation=r"Q(a) \leftarrow Q(a) + \alpha\,\bigl(r - Q(a)\bigr)",
        terms=(Term("a", 1), Term("r", 2), Term(r"\alpha", 3), Term("Q(a)", 4)),
        result=5,
        number=2,
        old=4,
        state=0,
        action=1,
        backup="bandit",
    ),
    references=(
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, sections 2.2 to 2.6",
        "Auer, Cesa-Bianchi and Fischer (2002), Finite-time Analysis of the Multiarmed Bandit Problem, Machine Learning 47",
    ),
    scalars=BANDIT_SCALARS,
)  # fmt: skip
