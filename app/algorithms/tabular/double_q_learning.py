r"""Double Q-learning.

Keeps two tables and lets each judge what the other likes: one picks the best next action, the other says what it is worth, so
that a lucky estimate no longer vouches for itself. Compiled with numba, the loop below is the loop that runs.

The maximum of noisy estimates is too high on average, even where each of them is right on average; Q-learning's target is
such a maximum. Here a fair coin names the table $Q_1$ that this step changes, and $Q_2$ is the other one:

$$a^* = \arg\max_a Q_1(s_{t+1}, a) \tag{1}$$

$$y_t = r_{t+1} + \gamma \,(1 - \text{terminated}_{t+1})\, Q_2(s_{t+1}, a^*) \tag{2}$$

$$\delta_t = y_t - Q_1(s_t, a_t) \tag{3}$$

$$Q_1(s_t, a_t) \leftarrow Q_1(s_t, a_t) + \alpha_t\, \delta_t \tag{4}$$

The agent acts on the mean of both tables, which is also what is shown:

$$Q(s_t, a_t) = \tfrac12 \bigl(Q_1(s_t, a_t) + Q_2(s_t, a_t)\bigr) \tag{5}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (2) still bootstraps.

Exploration is $\varepsilon$-greedy or by upper confidence bounds, and the step size constant or shrinking with the updates of
the pair in the table that changes, as the part `exploration` describes them. The bias does not vanish, it turns: no estimate
of $Q_2$ is too high on average for an action that $Q_1$ picked, but it may be too low.

What this file leaves out:

1. Double learning of the other methods: expected SARSA and deep Q-networks can be doubled in the same way.
2. Corrections between both estimates, as weighted double Q-learning has them.

Sources: Van Hasselt (2010), *Double Q-learning*, NeurIPS 23; Sutton and Barto (2018), *Reinforcement Learning*, section 6.7.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import below, philox_block, unit
from app.core.scalars import Scalar
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.exact import Exact
from app.parts.exploration import (
    Discount,
    EpsilonGreedy,
    ExplorationChoice,
    ExplorationKnobs,
    InitialValue,
    StepKnobs,
    StepSize,
    epsilon_greedy,
    exploration_knobs,
    exploration_rate,
    greedy_action,
    promising_action,
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
    action_values,
    check,
    control_tables,
    exploration_scalars,
    first_state,
)

CALL_STEPS = 200_000  # a step takes 0.3 µs
COINS = 1  # lane of the draws that name the table; the others come from lane 0
TRACE = ("s", "a", "r", "q2 next", "q1 old", "delta", "alpha", "gamma", "q1 new", "table")


class DoubleQLearningConfig(InitialValue, EpsilonGreedy, ExplorationChoice, Discount, StepSize):
    """Hyperparameters of double Q-learning; the defaults are those of Q-learning."""


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, S, A) float64: the mean of both tables
    pair: Any  # (1, 2, S, A) float64: the two tables
    updates: Any  # (1, 2, S, A) int64: how often each entry was changed


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs
    gamma: float


def memory(config: DoubleQLearningConfig, exact: Exact) -> Memory:
    """Return the table before the first step."""
    q = action_values(config.initial_q, exact)
    pair = np.repeat(q[:, None], 2, axis=1)
    return Memory(q, pair, np.zeros(pair.shape, np.int64))


def knobs(config: DoubleQLearningConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), exploration_knobs(config), config.gamma)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act and learn for `max_steps` ≥ 1 steps, fewer where the records are full or q is no longer finite.

    Step t draws from block t of the stream `key`: whether to explore, the random action, the tie, the outcome; and from block t
    of its lane COINS: the table, the tie in (1).
    `ended` has room for the ends, returns, lengths and terminated flags of E episodes, each (E,).
    Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    q, pair, updates, visits = memory.q[0], memory.pair[0], memory.updates[0], course.visits[0]
    state, length, episode, step = course.position[0]
    earned = course.earned[0]
    words, coins = np.empty((4, DRAWS), np.uint64), np.empty((4, DRAWS), np.uint64)
    taken = n_ended = table = 0
    q_new = 0.0
    while taken < max_steps and n_ended < ends.shape[0] and np.isfinite(q_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
            philox_block(step, COINS, key, coins)
        epsilon = exploration_rate(knobs.exploration, step)
        action = epsilon_greedy(q, state, epsilon, words[0, draw], words[1, draw], words[2, draw])
        if knobs.exploration.is_ucb:
            action = promising_action(q, visits, state, knobs.exploration.c, words[2, draw])

        outcome = sample_outcome(cumulative, state, action, unit(words[3, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= max_episode_steps

        visits[state, action] += 1
        table = below(coins[0, draw], 2)
        q1, q2 = pair[table], pair[1 - table]
        updates[table, state, action] += 1
        alpha = step_size(knobs.step_size, updates[table, state, action])
        best = greedy_action(q1, next_state, coins[1, draw])  # (1)
        q_next = 0.0 if terminated else q2[next_state, best]
        target = reward + knobs.gamma * q_next  # (2)
        q_old = q1[state, action]
        delta = target - q_old  # (3)
        q_new = q_old + alpha * delta  # (4)
        q1[state, action] = q_new
        q[state, action] = 0.5 * (q_new + q2[state, action])  # (5)

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0] = earned
    trace, last = course.trace[0], course.last_transition[0]
    trace[0], trace[1], trace[2], trace[3], trace[4] = last_state, action, reward, q_next, q_old
    trace[5], trace[6], trace[7], trace[8], trace[9] = delta, alpha, knobs.gamma, q_new, table
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


def scalars(agent: TabularAgent) -> dict[str, float]:
    """Return ε, the mean step size of both tables, and how far they lie apart, over the states where an agent may have to act."""
    where, settings = agent.exact.reachable, agent.knobs.step_size
    alphas = settings.alpha / np.maximum(agent.memory.updates[0], 1) ** settings.alpha_exponent
    gaps = np.abs(agent.memory.pair[0, 0] - agent.memory.pair[0, 1])
    own = {"tabular/alpha": float(alphas[:, where].mean()), "tabular/estimator_gap": float(gaps[where].mean())}
    return {**exploration_scalars(agent), **own}


def note(trace: Sequence[float]) -> str:
    """Return which of the two tables the last step changed, in words."""
    changed, other = ("A", "B") if trace[TRACE.index("table")] == 0 else ("B", "A")
    words = _(
        "Q₁ was table {changed} here and Q₂ table {other}; the map shows the mean of both, so it moved by half as much."
    )
    return words.format(changed=changed, other=other)


METHOD = Method(
    name="double_q_learning",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=scalars,
    call_steps=CALL_STEPS,
)


def agent(config: DoubleQLearningConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="double_q_learning",
    name=_("Double Q-learning"),
    summary=_("Two tables judge each other's favourites, so that a lucky estimate is not mistaken for a good action."),
    family="tabular",
    version=1,
    config=DoubleQLearningConfig,
    agent=agent,
    check=check,
    smoke=Smoke("CliffWalking-v1", 20_000, {"gamma": 1.0}),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha", "tabular/estimator_gap"),
    signals=BASIC_SIGNALS,
    scalars=(
        Scalar(
            "tabular/estimator_gap", _("Gap of the estimators"), _("reward"), "down",
            _("Mean distance between both tables over all pairs; it shrinks as both learn the same."), log_scale=True,
        ),
    ),
    tabular=True,
    default_steps=200_000,
    parent="q_learning",
    inspector=Inspector(
        equation=r"Q_1(s,a) \leftarrow Q_1(s,a) + \alpha\,\bigl(r + \gamma\, Q_2(s',a^*) - Q_1(s,a)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term("r", 2), Term("Q_2(s',a^*)", 3), Term("Q_1(s,a)", 4),
            Term(r"\delta", 5), Term(r"\alpha", 6), Term(r"\gamma", 7),
        ),
        result=8,
        number=4,
        old=4,
        state=0,
        action=1,
        backup="double",
        note=note,
    ),
    references=(
        "Van Hasselt (2010), Double Q-learning, NeurIPS 23",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 6.7",
    ),
)  # fmt: skip
