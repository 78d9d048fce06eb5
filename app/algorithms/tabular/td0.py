r"""TD(0).

Learns how good each state is under a given policy, from single steps: every step moves one value towards the reward plus
the value of the next state. It controls nothing, the policy stays as it is. Compiled with numba, the loop below is the loop
that runs.

The value of a state is the mean return from there on, which discounts a reward $k$ steps ahead by $\gamma^k$. The target of one
step bootstraps from the next state, and from nothing where the environment has ended:

$$y_t = r_{t+1} + \gamma \,(1 - \text{terminated}_{t+1})\, V(s_{t+1}) \tag{1}$$

$$\delta_t = y_t - V(s_t) \tag{2}$$

$$V(s_t) \leftarrow V(s_t) + \alpha_t\, \delta_t \tag{3}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (1) still bootstraps.

The policy is that of the part `evaluated`, and the step size constant or shrinking with the visits of the state, as the part
`exploration` describes it. The true values are known, because the environment's model is: the error is exact.

What this file leaves out:

1. Learning about another policy than the one that acts; it needs importance sampling.
2. Traces and returns of several steps: each step changes one number (TD(λ), n-step TD).

Sources: Sutton (1988), *Learning to predict by the methods of temporal differences*, Machine Learning 3; Sutton and Barto (2018),
*Reinforcement Learning*, sections 6.1 to 6.3.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import philox_block, unit
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.evaluated import (
    EvaluatedPolicy,
    InitialStateValue,
    check_evaluated,
    policy_to_evaluate,
    prediction_tables,
    sample_action,
    state_step_size,
    state_values,
    step_size_scalars,
)
from app.parts.exact import Exact
from app.parts.exploration import Discount, StepKnobs, StepSize, step_knobs
from app.parts.tabular import sample_outcome
from app.parts.tabular_agent import BASIC_SIGNALS, DRAWS, PREDICTION_SCALARS, Method, TabularAgent, first_state

TRACE = ("s", "r", "v next", "v old", "delta", "alpha", "gamma", "v new")


class TD0Config(InitialStateValue, EvaluatedPolicy, Discount, StepSize):
    """Hyperparameters of TD(0), and the policy that it evaluates."""


class Memory(NamedTuple):
    """What learning changes, and the policy, with a leading axis of lanes (one agent each)."""

    v: Any  # (1, S) float64
    policy: Any  # (1, S, A) float64: stays as it is


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    gamma: float


def memory(config: TD0Config, exact: Exact) -> Memory:
    """Return the table before the first step, and the policy."""
    return Memory(state_values(config.initial_v, exact), policy_to_evaluate(config, exact)[None])


def knobs(config: TD0Config) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), config.gamma)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act and learn for `max_steps` ≥ 1 steps, fewer where the records are full or v is no longer finite.

    Step t draws from block t of the stream `key`: the action, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E episodes, each (E,).
    Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    v, policy, visits = memory.v[0], memory.policy[0], course.visits[0]
    state, length, episode, step = course.position[0]
    earned = course.earned[0]
    words = np.empty((4, DRAWS), np.uint64)
    taken = n_ended = 0
    v_new = 0.0
    while taken < max_steps and n_ended < ends.shape[0] and np.isfinite(v_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        action = sample_action(policy, state, unit(words[0, draw]))

        outcome = sample_outcome(cumulative, state, action, unit(words[1, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= max_episode_steps

        visits[state, action] += 1
        alpha = state_step_size(knobs.step_size, visits, state)
        v_next = 0.0 if terminated else v[next_state]
        target = reward + knobs.gamma * v_next  # (1)
        v_old = v[state]
        delta = target - v_old  # (2)
        v_new = v_old + alpha * delta  # (3)
        v[state] = v_new

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0] = earned
    trace, last = course.trace[0], course.last_transition[0]
    trace[0], trace[1], trace[2], trace[3] = last_state, reward, v_next, v_old
    trace[4], trace[5], trace[6], trace[7] = delta, alpha, knobs.gamma, v_new
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


METHOD = Method(
    name="td0",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=prediction_tables,
    scalars=step_size_scalars,
    truth="target",
    evaluates_by="policy",
)


def agent(config: TD0Config, problem: Problem) -> TabularAgent:
    """Return an agent with a table of state values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="td0",
    name=_("TD(0)"),
    summary=_("Learns how good each state is under a given policy, from one step to the next."),
    family="tabular",
    version=1,
    config=TD0Config,
    agent=agent,
    check=check_evaluated,
    smoke=Smoke("random_walk", 20_000, {"gamma": 1.0, "alpha": 0.1}),
    emits=(*PREDICTION_SCALARS, "tabular/alpha"),
    signals=BASIC_SIGNALS,
    tabular=True,
    default_steps=100_000,
    inspector=Inspector(
        equation=r"V(s) \leftarrow V(s) + \alpha\,\bigl(r + \gamma\, V(s') - V(s)\bigr)",
        terms=(
            Term("s", 0), Term("r", 1), Term("V(s')", 2), Term("V(s)", 3), Term(r"\delta", 4), Term(r"\alpha", 5),
            Term(r"\gamma", 6),
        ),
        result=7,
        number=3,
        old=3,
        state=0,
        backup="td",
    ),
    references=(
        "Sutton (1988), Learning to predict by the methods of temporal differences, Machine Learning 3",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, sections 6.1 to 6.3",
    ),
)  # fmt: skip
