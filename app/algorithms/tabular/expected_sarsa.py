r"""Expected SARSA.

Learns the value of every action from single steps, towards the mean over everything that it might do next: the target of
SARSA without the noise of drawing one next action. Compiled with numba, the loop below is the loop that runs.

The return that is maximised discounts a reward $k$ steps ahead by $\gamma^k$. Under the $\varepsilon$-greedy policy $\pi$ the
mean over the $|A|$ actions of the next state is a mixture of the best and the average, however ties are broken:

$$\sum_a \pi(a \mid s)\, Q(s, a) = (1 - \varepsilon_{t+1}) \max_a Q(s, a) + \frac{\varepsilon_{t+1}}{|A|} \sum_a Q(s, a) \tag{1}$$

$$y_t = r_{t+1} + \gamma \,(1 - \text{terminated}_{t+1}) \sum_a \pi(a \mid s_{t+1})\, Q(s_{t+1}, a) \tag{2}$$

$$\delta_t = y_t - Q(s_t, a_t) \tag{3}$$

$$Q(s_t, a_t) \leftarrow Q(s_t, a_t) + \alpha_t\, \delta_t \tag{4}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (2) still bootstraps.

With $\varepsilon = 0$ in (1) this is Q-learning. While $\varepsilon$ stays above 0, the values approach those of the best
policy that explores so much, not $V^*$.

Exploration may also be by upper confidence bounds, as the part `exploration` describes them. The policy then takes one action, or
any of those whose bounds tie, and (2) is their mean.

What this file leaves out:

1. A target policy other than the one that acts; (2) allows any, and with the greedy one it is Q-learning.
2. Traces and returns of several steps: each step changes one number.

Sources: Van Seijen, Van Hasselt, Whiteson and Wiering (2009), *A theoretical and empirical analysis of expected Sarsa*, ADPRL;
Sutton and Barto (2018), *Reinforcement Learning*, section 6.6.
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
    promising_value,
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

TRACE = ("s", "a", "r", "expected q next", "q old", "delta", "alpha", "gamma", "q new")


class ExpectedSarsaConfig(InitialValue, EpsilonGreedy, ExplorationChoice, Discount, StepSize):
    """Hyperparameters of expected SARSA; the defaults are those of Sutton and Barto's example 6.6, with a discount."""


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, S, A) float64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs
    gamma: float


def memory(config: ExpectedSarsaConfig, exact: Exact) -> Memory:
    """Return the table before the first step."""
    return Memory(action_values(config.initial_q, exact))


def knobs(config: ExpectedSarsaConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), exploration_knobs(config), config.gamma)


@kernel
def expected_value(q: Any, state: Any, epsilon: Any) -> Any:
    """Return the mean of q (S, A) over the actions of an ε-greedy policy in `state`; actions that tie need no care."""
    total = 0.0
    for action in range(q.shape[1]):
        total += q[state, action]
    return (1 - epsilon) * best_value(q, state) + epsilon * total / q.shape[1]  # (1)


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
        next_epsilon = exploration_rate(knobs.exploration, step + 1)
        expected_q_next = 0.0 if terminated else expected_value(q, next_state, next_epsilon)
        if knobs.exploration.is_ucb and not terminated:
            expected_q_next = promising_value(q, visits, next_state, knobs.exploration.c)
        target = reward + knobs.gamma * expected_q_next  # (2)
        q_old = q[state, action]
        delta = target - q_old  # (3)
        q_new = q_old + alpha * delta  # (4)
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
    trace[0], trace[1], trace[2], trace[3], trace[4] = last_state, action, reward, expected_q_next, q_old
    trace[5], trace[6], trace[7], trace[8] = delta, alpha, knobs.gamma, q_new
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


METHOD = Method(
    name="expected_sarsa",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=exploration_scalars,
)


def agent(config: ExpectedSarsaConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="expected_sarsa",
    name=_("Expected SARSA"),
    summary=_("SARSA without the noise of drawing the next action: it averages over everything it might do next."),
    family="tabular",
    version=1,
    config=ExpectedSarsaConfig,
    agent=agent,
    check=check,
    smoke=Smoke("CliffWalking-v1", 20_000, {"gamma": 1.0}),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha"),
    signals=BASIC_SIGNALS,
    tabular=True,
    default_steps=200_000,
    parent="sarsa",
    inspector=Inspector(
        equation=r"Q(s,a) \leftarrow Q(s,a) + \alpha\,\bigl(r + \gamma \sum_{a'} \pi(a'|s') Q(s',a') - Q(s,a)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term("r", 2), Term(r"\sum_{a'} \pi(a'|s') Q(s',a')", 3), Term("Q(s,a)", 4),
            Term(r"\delta", 5), Term(r"\alpha", 6), Term(r"\gamma", 7),
        ),
        result=8,
        number=4,
        old=4,
        state=0,
        action=1,
        backup="expected",
    ),
    references=(
        "Van Seijen, Van Hasselt, Whiteson and Wiering (2009), A theoretical and empirical analysis of expected Sarsa",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 6.6",
    ),
)  # fmt: skip
