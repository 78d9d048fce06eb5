r"""Actor-critic on a table.

Learns a softmax policy and the values of its states together, from single steps: the temporal-difference error of the critic tells
the actor whether the step went better than expected. Compiled with numba, the loop below is the loop that runs.

The policy is $\pi(a \mid s) = e^{\theta(s, a)} / \sum_b e^{\theta(s, b)}$. Each step is judged by

$$\delta_t = r_{t+1} + \gamma\, (1 - \text{terminated}_{t+1})\, V(s_{t+1}) - V(s_t) \tag{1}$$

whose mean is the advantage $A^\pi(s_t, a_t)$ if $V = V^\pi$. The critic and the actor follow it:

$$V(s_t) \leftarrow V(s_t) + \alpha_V\, \delta_t \tag{2}$$

$$\theta(s_t, b) \leftarrow \theta(s_t, b) + \alpha\, w_t\, \delta_t \bigl( [a_t = b] - \pi(b \mid s_t) \bigr) \quad \text{for all } b \tag{3}$$

The weight $w_t$ is $\gamma^t$ for the gradient of the discounted return, or 1, as most implementations have it, which
learns as fast far from the start as near it.

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (1) still bootstraps.

What this file leaves out:

1. Traces and n-step returns, which carry a reward back faster.
2. The bias of (1) while $V$ is wrong; REINFORCE has none, and more noise.
3. $\gamma = 1$: a policy that is learned may forget to end, and then has no value.

Sources: Barto, Sutton and Anderson (1983), *Neuronlike Adaptive Elements That Can Solve Difficult Learning Control Problems*, IEEE
Transactions on Systems, Man, and Cybernetics 13; Sutton and Barto (2018), *Reinforcement Learning*, section 13.5.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import philox_block, unit
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.exact import Exact
from app.parts.softmax import (
    SOFTMAX_SCALARS,
    ActorStep,
    CriticStep,
    SoftmaxDiscount,
    check,
    draw_action,
    softmax_row,
    softmax_scalars,
    softmax_tables,
)
from app.parts.tabular import sample_outcome
from app.parts.tabular_agent import BASIC_SIGNALS, DRAWS, Method, TabularAgent, first_state

TRACE = ("s", "a", "r", "v next", "v old", "gamma", "theta old", "alpha", "weight", "delta", "pi", "theta new")


class ActorCriticTabularConfig(CriticStep, SoftmaxDiscount, ActorStep):
    """Hyperparameters of the actor-critic on a table."""


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    theta: Any  # (1, S, A) float64: preferences
    v: Any  # (1, S) float64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    alpha: float
    alpha_v: float
    gamma: float
    discounts_states: bool


def memory(config: ActorCriticTabularConfig, exact: Exact) -> Memory:
    """Return the tables before the first step."""
    return Memory(np.zeros((1, exact.mdp.n_states, exact.mdp.n_actions)), np.zeros((1, exact.mdp.n_states)))


def knobs(config: ActorCriticTabularConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(config.alpha, config.alpha_v, config.gamma, config.discounts_states)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act and learn for `max_steps` ≥ 1 steps, fewer where the records are full or θ is no longer finite.

    Step t draws from block t of the stream `key`: the action, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E episodes, each (E,).
    Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world
    ends, returns, lengths, terminations = ended
    theta, v, visits = memory.theta[0], memory.v[0], course.visits[0]
    state, length, episode, step = course.position[0]
    earned, trace = course.earned[0], course.trace[0]
    words, policy = np.empty((4, DRAWS), np.uint64), np.empty(theta.shape[1])
    taken = n_ended = 0
    theta_new = 0.0
    while taken < max_steps and n_ended < ends.shape[0] and np.isfinite(theta_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        softmax_row(theta, state, policy)
        action = draw_action(policy, unit(words[0, draw]))

        outcome = sample_outcome(cumulative, state, action, unit(words[1, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= max_episode_steps

        visits[state, action] += 1
        v_old, v_next = v[state], 0.0 if terminated else v[next_state]
        delta = reward + knobs.gamma * v_next - v_old  # (1)
        weight = knobs.gamma**length if knobs.discounts_states else 1.0
        theta_old = theta[state, action]
        v[state] = v_old + knobs.alpha_v * delta  # (2)
        for b in range(theta.shape[1]):
            score = (1.0 if b == action else 0.0) - policy[b]
            theta[state, b] += knobs.alpha * weight * delta * score  # (3)
        theta_new = theta[state, action]
        trace[0], trace[1], trace[2], trace[3], trace[4], trace[5] = state, action, reward, v_next, v_old, knobs.gamma
        trace[6], trace[7], trace[8], trace[9] = theta_old, knobs.alpha, weight, delta
        trace[10], trace[11] = policy[action], theta_new

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0] = earned
    last = course.last_transition[0]
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


METHOD = Method(
    name="actor_critic_tabular",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=softmax_tables,
    scalars=softmax_scalars,
    truth="target",
)


def agent(config: ActorCriticTabularConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of preferences and a table of values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="actor_critic_tabular",
    name=_("Actor-critic (table)"),
    summary=_("A critic learns what each state is worth, and an actor makes likelier what went better than the critic expected."),
    family="tabular",
    version=1,
    config=ActorCriticTabularConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 50_000, {"alpha": 0.5}, {"is_slippery": False}),
    emits=SOFTMAX_SCALARS,
    signals=BASIC_SIGNALS,
    tabular=True,
    default_steps=200_000,
    parent="reinforce_tabular",
    inspector=Inspector(
        equation=r"\theta(s,a) \leftarrow \theta(s,a) + \alpha\,w_t\,\bigl(r + \gamma V(s') - V(s)\bigr)\bigl(1 - \pi(a \mid s)\bigr)",
        terms=(
            Term(r"\theta(s,a)", 6), Term(r"\alpha", 7), Term("w_t", 8), Term("r", 2), Term(r"\gamma", 5), Term("V(s')", 3),
            Term("V(s)", 4), Term(r"\pi(a \mid s)", 10),
        ),
        result=11,
        number=3,
        old=6,
        state=0,
        action=1,
        backup="gradient",
    ),
    references=(
        "Barto, Sutton and Anderson (1983), Neuronlike Adaptive Elements That Can Solve Difficult Learning Control Problems, IEEE Transactions on Systems, Man, and Cybernetics 13",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 13.5",
    ),
)  # fmt: skip
