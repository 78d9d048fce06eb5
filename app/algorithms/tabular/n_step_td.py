r"""n-step TD.

Learns how good each state is under a given policy, from the rewards of the next $n$ steps and the value of what follows them.
$n = 1$ is TD(0); an $n$ as long as the episode is Monte Carlo. Compiled with numba, the loop below is the loop that runs.

The value of a state is the mean return from there on, which discounts a reward $k$ steps ahead by $\gamma^k$. A state is updated
$m = n$ steps after it was visited, or when the episode ends at step $T$, $m = T - t$ steps later; the last $n$ updates of an
episode happen at its end:

$$R_t = \sum_{k=0}^{m-1} \gamma^k\, r_{t+k+1} \tag{1}$$

$$G_t = R_t + \gamma^m \,(1 - \text{terminated}_{t+m})\, V(s_{t+m}) \tag{2}$$

$$V(s_t) \leftarrow V(s_t) + \alpha_t \bigl(G_t - V(s_t)\bigr) \tag{3}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (2) bootstraps from the last state, as it
was valued before the updates of the end.

The policy is that of the part `evaluated`, and the step size constant or shrinking with the visits of the state, as the part
`exploration` describes it. The true values are known, because the environment's model is: the error is exact.

What this file leaves out:

1. Learning about another policy than the one that acts; it needs importance sampling.
2. The mean of the returns of all $n$; that is TD(λ).

Sources: Watkins (1989), *Learning from Delayed Rewards*; Sutton and Barto (2018), *Reinforcement Learning*, section 7.1.
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
from app.parts.n_steps import NSteps, discounted_rewards
from app.parts.tabular import sample_outcome
from app.parts.tabular_agent import BASIC_SIGNALS, DRAWS, PREDICTION_SCALARS, Method, TabularAgent, first_state

CALL_STEPS = 50_000  # at the longest n a step costs 1 µs
TRACE = ("s", "rewards", "discount", "v last", "v old", "alpha", "v new", "m")


class NStepTDConfig(NSteps, InitialStateValue, EvaluatedPolicy, Discount, StepSize):
    """Hyperparameters of n-step TD, and the policy that it evaluates."""


class Memory(NamedTuple):
    """What learning changes, and the policy, with a leading axis of lanes (one agent each)."""

    v: Any  # (1, S) float64
    policy: Any  # (1, S, A) float64: stays as it is
    states: Any  # (1, n) int64: of the last n steps, step t of the episode at t mod n
    rewards: Any  # (1, n) float64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    gamma: float


def memory(config: NStepTDConfig, exact: Exact) -> Memory:
    """Return the table before the first step, and the policy."""
    window = np.zeros((1, config.n_steps), np.int64), np.zeros((1, config.n_steps))
    return Memory(state_values(config.initial_v, exact), policy_to_evaluate(config, exact)[None], *window)


def knobs(config: NStepTDConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), config.gamma)


@kernel
def back_up(v: Any, visits: Any, window: Any, first: Any, now: Any, v_last: Any, knobs: Any, trace: Any) -> Any:
    """Update the state of step `first` of the episode, of which `now` steps are done, and return its new value."""
    states, rewards = window
    state = states[first % states.shape[0]]
    total, discount = discounted_rewards(rewards, first, now, knobs.gamma)  # (1)
    target = total + discount * v_last  # (2)
    alpha = state_step_size(knobs.step_size, visits, state)
    v_old = v[state]
    v_new = v_old + alpha * (target - v_old)  # (3)
    v[state] = v_new
    trace[0], trace[1], trace[2], trace[3] = state, total, discount, v_last
    trace[4], trace[5], trace[6], trace[7] = v_old, alpha, v_new, now - first
    return v_new


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
    window = memory.states[0], memory.rewards[0]
    n, trace, last = memory.states.shape[1], course.trace[0], course.last_transition[0]
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
        v_next = 0.0 if terminated else v[next_state]
        window[0][length % n], window[1][length % n] = state, reward
        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last[0], last[1], last[2], last[3], last[4], last[5] = state, action, reward, next_state, terminated, truncated

        trace[0] = np.nan
        until = length if terminated or truncated else length - n + 1
        for first in range(max(length - n, 0), until):
            v_new = back_up(v, visits, window, first, length, v_next, knobs, trace)

        state = next_state
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0] = earned
    if np.isnan(trace[0]):
        trace[:] = np.nan  # the last step made no update
    return taken, n_ended


METHOD = Method(
    name="n_step_td",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=prediction_tables,
    scalars=step_size_scalars,
    truth="target",
    evaluates_by="policy",
    call_steps=CALL_STEPS,
)


def agent(config: NStepTDConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of state values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="n_step_td",
    name=_("n-step TD"),
    summary=_("Waits n steps, then learns a state's value from their rewards and the value of what follows."),
    family="tabular",
    version=1,
    config=NStepTDConfig,
    agent=agent,
    check=check_evaluated,
    smoke=Smoke("random_walk", 20_000, {"gamma": 1.0, "alpha": 0.1}),
    emits=(*PREDICTION_SCALARS, "tabular/alpha"),
    signals=BASIC_SIGNALS,
    tabular=True,
    default_steps=100_000,
    parent="td0",
    inspector=Inspector(
        equation=r"V(s) \leftarrow V(s) + \alpha\,\bigl(R + \gamma^{m}\, V(s_{m}) - V(s)\bigr)",
        terms=(
            Term("s", 0), Term("R", 1), Term(r"\gamma^{m}", 2), Term("V(s_{m})", 3), Term("V(s)", 4), Term(r"\alpha", 5),
            Term("m", 7),
        ),
        result=6,
        number=3,
        old=4,
        state=0,
        backup="n_step",
        waits=_("The first n steps of an episode change nothing yet: the rewards that the first update needs are still to come."),
        about=_("The rewards that followed an earlier step are known now. Shown is its update: {entry}."),
    ),
    references=(
        "Watkins (1989), Learning from Delayed Rewards, thesis, Cambridge",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 7.1",
    ),
)  # fmt: skip
