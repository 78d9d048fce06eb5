r"""n-step SARSA.

Learns the value of every action from the rewards of the next $n$ steps, and the value of what follows them. $n = 1$ is SARSA;
an $n$ as long as the episode is Monte Carlo. Compiled with numba, the loop below is the loop that runs.

The return that is maximised discounts a reward $k$ steps ahead by $\gamma^k$. A pair is updated $m = n$ steps after it was
visited, or when the episode ends at step $T$, $m = T - t$ steps later; the last $n$ updates of an episode happen at its end:

$$R_t = \sum_{k=0}^{m-1} \gamma^k\, r_{t+k+1} \tag{1}$$

$$G_t = R_t + \gamma^m \,(1 - \text{terminated}_{t+m})\, Q(s_{t+m}, a_{t+m}) \tag{2}$$

$$Q(s_t, a_t) \leftarrow Q(s_t, a_t) + \alpha_t \bigl(G_t - Q(s_t, a_t)\bigr) \tag{3}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (2) bootstraps from the action that
would have been taken, as it was valued before the updates of the end.

Exploration is $\varepsilon$-greedy or by upper confidence bounds, and the step size constant or shrinking with the visits of
the pair, as the part `exploration` describes them.

What this file leaves out:

1. The correction for learning about another policy than the one that acts: importance sampling, or the tree backup.
2. The mean of the returns of all $n$; that is SARSA(λ).

Sources: Watkins (1989), *Learning from Delayed Rewards*; Sutton and Barto (2018), *Reinforcement Learning*, section 7.2.
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
from app.parts.n_steps import NSteps, discounted_rewards
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

CALL_STEPS = 50_000  # at the longest n a step costs 1 µs
FIRST_ACTIONS = 1  # lane of the draws for the first action of an episode; the others come from lane 0
TRACE = ("s", "a", "rewards", "discount", "q last", "q old", "alpha", "q new", "m")


class NStepSarsaConfig(NSteps, InitialValue, EpsilonGreedy, ExplorationChoice, Discount, StepSize):
    """Hyperparameters of n-step SARSA; n = 4 as in Sutton and Barto's figure 7.2 at its best, the others those of SARSA."""


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, S, A) float64
    next_action: Any  # (1,) int64: what the running episode does next
    states: Any  # (1, n) int64: of the last n steps, step t of the episode at t mod n
    actions: Any  # (1, n) int64
    rewards: Any  # (1, n) float64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs
    gamma: float


def memory(config: NStepSarsaConfig, exact: Exact) -> Memory:
    """Return the table before the first step."""
    shape = (1, config.n_steps)
    window = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape)
    return Memory(action_values(config.initial_q, exact), np.zeros(1, np.int64), *window)


def knobs(config: NStepSarsaConfig) -> Knobs:
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
def back_up(q: Any, visits: Any, window: Any, first: Any, now: Any, q_last: Any, knobs: Any, trace: Any) -> Any:
    """Update the pair of step `first` of the episode, of which `now` steps are done, and return its new value."""
    states, actions, rewards = window
    state, action = states[first % states.shape[0]], actions[first % states.shape[0]]
    total, discount = discounted_rewards(rewards, first, now, knobs.gamma)  # (1)
    target = total + discount * q_last  # (2)
    alpha = step_size(knobs.step_size, visits[state, action])
    q_old = q[state, action]
    q_new = q_old + alpha * (target - q_old)  # (3)
    q[state, action] = q_new
    trace[0], trace[1], trace[2], trace[3], trace[4] = state, action, total, discount, q_last
    trace[5], trace[6], trace[7], trace[8] = q_old, alpha, q_new, now - first
    return q_new


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
    window = memory.states[0], memory.actions[0], memory.rewards[0]
    n, trace, last = memory.states.shape[1], course.trace[0], course.last_transition[0]
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
        epsilon = exploration_rate(knobs.exploration, step + 1)
        next_action = epsilon_greedy(q, next_state, epsilon, words[0, draw], words[1, draw], words[2, draw])
        if knobs.exploration.is_ucb:
            next_action = promising_action(q, visits, next_state, knobs.exploration.c, words[2, draw])
        q_next = 0.0 if terminated else q[next_state, next_action]
        window[0][length % n], window[1][length % n], window[2][length % n] = state, action, reward
        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last[0], last[1], last[2], last[3], last[4], last[5] = state, action, reward, next_state, terminated, truncated

        trace[0] = np.nan
        until = length if terminated or truncated else length - n + 1
        for first in range(max(length - n, 0), until):
            q_new = back_up(q, visits, window, first, length, q_next, knobs, trace)

        state, action = next_state, next_action
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0], memory.next_action[0] = earned, action
    if np.isnan(trace[0]):
        trace[:] = np.nan  # the last step made no update
    return taken, n_ended


METHOD = Method(
    name="n_step_sarsa",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=exploration_scalars,
    call_steps=CALL_STEPS,
)


def agent(config: NStepSarsaConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="n_step_sarsa",
    name=_("n-step SARSA"),
    summary=_("Waits n steps, then learns from their rewards and the value of what follows: between SARSA and Monte Carlo."),
    family="tabular",
    version=1,
    config=NStepSarsaConfig,
    agent=agent,
    check=check,
    smoke=Smoke("CliffWalking-v1", 20_000, {"gamma": 1.0, "alpha": 0.2}),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha"),
    signals=BASIC_SIGNALS,
    tabular=True,
    default_steps=200_000,
    parent="sarsa",
    inspector=Inspector(
        equation=r"Q(s,a) \leftarrow Q(s,a) + \alpha\,\bigl(R + \gamma^{m}\, Q(s_{m},a_{m}) - Q(s,a)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term("R", 2), Term(r"\gamma^{m}", 3), Term("Q(s_{m},a_{m})", 4), Term("Q(s,a)", 5),
            Term(r"\alpha", 6), Term("m", 8),
        ),
        result=7,
        number=3,
        old=5,
        state=0,
        action=1,
        backup="n_step",
        waits=_("The first n steps of an episode change nothing yet: the rewards that the first update needs are still to come."),
        about=_("The rewards that followed an earlier step are known now. Shown is its update: {entry}."),
    ),
    references=(
        "Watkins (1989), Learning from Delayed Rewards, thesis, Cambridge",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 7.2",
    ),
)  # fmt: skip
