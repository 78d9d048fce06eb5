r"""SARSA.

Learns the value of every action from single steps, towards the action that it really takes next: it learns about the policy
it follows, its exploration included. Compiled with numba, the loop below is the loop that runs.

The return that is maximised discounts a reward $k$ steps ahead by $\gamma^k$. The target of one step needs five things, which
give the method its name: $s_t, a_t, r_{t+1}, s_{t+1}, a_{t+1}$. The next action is chosen before the update, and then taken:

$$y_t = r_{t+1} + \gamma \,(1 - \text{terminated}_{t+1})\, Q(s_{t+1}, a_{t+1}) \tag{1}$$

$$\delta_t = y_t - Q(s_t, a_t) \tag{2}$$

$$Q(s_t, a_t) \leftarrow Q(s_t, a_t) + \alpha_t\, \delta_t \tag{3}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (1) bootstraps from the action that
would have been taken.

Exploration is $\varepsilon$-greedy or by upper confidence bounds, and the step size constant or shrinking with the visits of
the pair, as the part `exploration` describes them. While $\varepsilon$ stays above 0, the values approach those of the best
policy that explores so much, not $V^*$; it is why SARSA keeps away from a cliff's edge. The greedy policy approaches the best
one as $\varepsilon$ falls to 0.

What this file leaves out:

1. Traces and returns of several steps: each step changes one number (SARSA(λ), n-step SARSA).
2. The expectation over the next action, which takes the noise of the draw out of (1): expected SARSA.

Sources: Rummery and Niranjan (1994), *On-line Q-learning using connectionist systems*; Singh, Jaakkola, Littman and Szepesvári
(2000), *Convergence results for single-step on-policy algorithms*, Machine Learning 38; Sutton and Barto (2018),
*Reinforcement Learning*, section 6.4.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import philox, philox_block, unit
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

FIRST_ACTIONS = 1  # lane of the draws for the first action of an episode; the others come from lane 0
TRACE = ("s", "a", "r", "q next", "q old", "delta", "alpha", "gamma", "q new")


class SarsaConfig(InitialValue, EpsilonGreedy, ExplorationChoice, Discount, StepSize):
    """Hyperparameters of SARSA; the defaults are those of Sutton and Barto's example 6.6, with a discount."""


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, S, A) float64
    next_action: Any  # (1,) int64: what the running episode does next


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs
    gamma: float


def memory(config: SarsaConfig, exact: Exact) -> Memory:
    """Return the table before the first step."""
    return Memory(action_values(config.initial_q, exact), np.zeros(1, np.int64))


def knobs(config: SarsaConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), exploration_knobs(config), config.gamma)


@kernel
def first_action(q: Any, visits: Any, state: Any, exploration: Any, step: Any, key: Any) -> Any:
    """Return the action that opens an episode at `step`."""
    explore, any_action, tie, _ = philox(step, FIRST_ACTIONS, key)
    if exploration.is_ucb:
        return promising_action(q, visits, state, exploration.c, tie)
    return epsilon_greedy(q, state, exploration_rate(exploration, step), explore, any_action, tie)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act and learn for `max_steps` ≥ 1 steps, fewer where the records are full or q is no longer finite.

    Step t draws from block t of the stream `key`: whether the next action explores, the random action, the tie, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E episodes, each (E,).
    Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    q, visits, action = memory.q[0], course.visits[0], memory.next_action[0]
    state, length, episode, step = course.position[0]
    earned = course.earned[0]
    words = np.empty((4, DRAWS), np.uint64)
    taken = n_ended = 0
    q_new = 0.0
    while taken < max_steps and n_ended < ends.shape[0] and np.isfinite(q_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        if length == 0:
            action = first_action(q, visits, state, knobs.exploration, step, key)

        outcome = sample_outcome(cumulative, state, action, unit(words[3, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= max_episode_steps

        visits[state, action] += 1
        alpha = step_size(knobs.step_size, visits[state, action])
        epsilon = exploration_rate(knobs.exploration, step + 1)
        next_action = epsilon_greedy(q, next_state, epsilon, words[0, draw], words[1, draw], words[2, draw])
        if knobs.exploration.is_ucb:
            next_action = promising_action(q, visits, next_state, knobs.exploration.c, words[2, draw])
        q_next = 0.0 if terminated else q[next_state, next_action]
        target = reward + knobs.gamma * q_next  # (1)
        q_old = q[state, action]
        delta = target - q_old  # (2)
        q_new = q_old + alpha * delta  # (3)
        q[state, action] = q_new

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, last_action, state, action = state, action, next_state, next_action
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0], memory.next_action[0] = earned, action
    trace, last = course.trace[0], course.last_transition[0]
    trace[0], trace[1], trace[2], trace[3], trace[4] = last_state, last_action, reward, q_next, q_old
    trace[5], trace[6], trace[7], trace[8] = delta, alpha, knobs.gamma, q_new
    last[0], last[1], last[2] = last_state, last_action, reward
    last[3], last[4], last[5] = next_state, terminated, truncated
    return taken, n_ended


METHOD = Method(
    name="sarsa",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=exploration_scalars,
)


def agent(config: SarsaConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="sarsa",
    name=_("SARSA"),
    summary=_("Learns from single steps towards the action it takes next, so it counts with its own exploration."),
    family="tabular",
    version=1,
    config=SarsaConfig,
    agent=agent,
    check=check,
    smoke=Smoke("CliffWalking-v1", 20_000, {"gamma": 1.0}),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha"),
    signals=BASIC_SIGNALS,
    tabular=True,
    default_steps=200_000,
    parent="q_learning",
    inspector=Inspector(
        equation=r"Q(s,a) \leftarrow Q(s,a) + \alpha\,\bigl(r + \gamma\, Q(s',a') - Q(s,a)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term("r", 2), Term("Q(s',a')", 3), Term("Q(s,a)", 4),
            Term(r"\delta", 5), Term(r"\alpha", 6), Term(r"\gamma", 7),
        ),
        result=8,
        number=3,
        old=4,
        state=0,
        action=1,
        backup="sample",
    ),
    references=(
        "Rummery and Niranjan (1994), On-line Q-learning using connectionist systems, Cambridge University",
        "Singh, Jaakkola, Littman and Szepesvári (2000), Convergence results for single-step on-policy algorithms",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 6.4",
    ),
)  # fmt: skip
