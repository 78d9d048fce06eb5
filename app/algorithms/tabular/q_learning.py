r"""Q-learning.

Learns the value of every action in every state from single steps, and always learns about the greedy policy,
whatever it does to explore. Compiled with numba, the loop below is the loop that runs.

The return that is maximised discounts a reward $k$ steps ahead by $\gamma^k$. The target of one step bootstraps from the
best action in the next state, and from nothing where the environment has ended:

$$y_t = r_{t+1} + \gamma \,(1 - \text{terminated}_{t+1}) \max_{a} Q(s_{t+1}, a) \tag{1}$$

$$\delta_t = y_t - Q(s_t, a_t) \tag{2}$$

$$Q(s_t, a_t) \leftarrow Q(s_t, a_t) + \alpha_t\, \delta_t \tag{3}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (1) still bootstraps.

Exploration is $\varepsilon$-greedy or by upper confidence bounds, and the step size constant or shrinking with the visits of
the pair, as the part `exploration` describes them.

What this file leaves out:

1. Traces: each step changes one number. Watkins' Q(λ) changes all recently visited ones.
2. The correction of the maximum's upward bias in (1); that is double Q-learning.
3. A model: the environment's exact tables are only drawn from, never looked into.

Sources: Watkins (1989), *Learning from Delayed Rewards*; Watkins and Dayan (1992), *Q-learning*, Machine Learning 8;
Sutton and Barto (2018), *Reinforcement Learning*, section 6.5.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import philox_block, unit
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
    best_value,
    epsilon_greedy,
    exploration_knobs,
    exploration_rate,
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

TRACE = ("s", "a", "r", "max q next", "q old", "delta", "alpha", "gamma", "q new")


class QLearningConfig(InitialValue, EpsilonGreedy, ExplorationChoice, Discount, StepSize):
    """Hyperparameters of Q-learning; the defaults are those of Sutton and Barto's example 6.6, with a discount."""


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, S, A) float64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs
    gamma: float


def memory(config: QLearningConfig, exact: Exact) -> Memory:
    """Return the table before the first step."""
    return Memory(action_values(config.initial_q, exact))


def knobs(config: QLearningConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), exploration_knobs(config), config.gamma)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act and learn for `max_steps` ≥ 1 steps, fewer where the records are full or q is no longer finite.

    Step t draws from block t of the stream `key`: whether to explore, the random action, the tie, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E episodes, each (E,).
    Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    q, visits = memory.q[0], course.visits[0]
    state, length, episode, step = course.position[0]
    earned = course.earned[0]
    words = np.empty((4, DRAWS), np.uint64)
    taken = n_ended = 0
    q_new = 0.0
    while taken < max_steps and n_ended < ends.shape[0] and np.isfinite(q_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
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
        alpha = step_size(knobs.step_size, visits[state, action])
        max_q_next = 0.0 if terminated else best_value(q, next_state)
        target = reward + knobs.gamma * max_q_next  # (1)
        q_old = q[state, action]
        delta = target - q_old  # (2)
        q_new = q_old + alpha * delta  # (3)
        q[state, action] = q_new

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0] = earned
    trace, last = course.trace[0], course.last_transition[0]
    trace[0], trace[1], trace[2], trace[3], trace[4] = last_state, action, reward, max_q_next, q_old
    trace[5], trace[6], trace[7], trace[8] = delta, alpha, knobs.gamma, q_new
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


METHOD = Method(
    name="q_learning",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=exploration_scalars,
)


def agent(config: QLearningConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="q_learning",
    name=_("Q-learning"),
    summary=_("Learns the value of every action from single steps, towards the best next action, while exploring."),
    family="tabular",
    version=2,
    config=QLearningConfig,
    agent=agent,
    check=check,
    smoke=Smoke("CliffWalking-v1", 20_000, {"gamma": 1.0}),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha"),
    signals=BASIC_SIGNALS,
    tabular=True,
    default_steps=200_000,
    inspector=Inspector(
        equation=r"Q(s,a) \leftarrow Q(s,a) + \alpha\,\bigl(r + \gamma \max_{a'} Q(s',a') - Q(s,a)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term("r", 2), Term(r"\max_{a'} Q(s',a')", 3), Term("Q(s,a)", 4),
            Term(r"\delta", 5), Term(r"\alpha", 6), Term(r"\gamma", 7),
        ),
        result=8,
        number=3,
        old=4,
        state=0,
        action=1,
        backup="max",
    ),
    references=(
        "Watkins (1989), Learning from Delayed Rewards, thesis, Cambridge",
        "Watkins and Dayan (1992), Q-learning, Machine Learning 8",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 6.5",
    ),
)  # fmt: skip
