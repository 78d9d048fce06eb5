r"""SARSA(λ).

Learns the value of every action from single steps, and lets each step change all pairs that were recently visited: how much,
says their eligibility trace. λ = 0 is SARSA, λ = 1 comes close to Monte Carlo. Compiled with numba, the loop below is the
loop that runs.

The return that is maximised discounts a reward $k$ steps ahead by $\gamma^k$. The error of a step is that of SARSA:

$$\delta_t = r_{t+1} + \gamma \,(1 - \text{terminated}_{t+1})\, Q(s_{t+1}, a_{t+1}) - Q(s_t, a_t) \tag{1}$$

The trace of the pair $(s_t, a_t)$ rises in the chosen way, as the part `traces` describes it. Every pair then learns from the
error by its own trace and step size, and all traces fade:

$$Q(s, a) \leftarrow Q(s, a) + \alpha \bigl(\delta_t\, z(s, a) + c_t\, (z(s, a) - \mathbb{1}[s = s_t, a = a_t])\bigr) \tag{2}$$

$$z(s, a) \leftarrow \gamma \lambda\, z(s, a) \tag{3}$$

For accumulating and replacing traces $c_t = 0$. For Dutch ones it is how much the step before has changed the value that it
counted on, which makes the result, exactly, that of looking forward with λ-returns as far as the episode goes (true online):

$$c_t = Q_t(s_t, a_t) - Q_{t-1}(s_t, a_t) \tag{4}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (1) still bootstraps. Both ends cut the
traces: the next episode begins without any.

Exploration is $\varepsilon$-greedy or by upper confidence bounds, and the step size constant or shrinking with the visits of
the pair, as the part `exploration` describes them.

What this file leaves out:

1. Clearing the traces of the actions that were not taken in a state, which Singh and Sutton tried with replacing traces.
2. A target policy other than the one that acts: Watkins' Q(λ) cuts the traces at each action that explores.

Sources: Rummery and Niranjan (1994), *On-line Q-learning using connectionist systems*; Singh and Sutton (1996), *Reinforcement
learning with replacing eligibility traces*, Machine Learning 22; Van Seijen, Mahmood, Pilarski, Machado and Sutton (2016),
*True online temporal-difference learning*, JMLR 17; Sutton and Barto (2018), *Reinforcement Learning*, section 12.7.
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
from app.parts.traces import DUTCH, TraceKnobs, Traces, fade, forget, mark, trace_knobs

CALL_STEPS = 50_000  # a step that changes twenty entries takes 1 µs
FIRST_ACTIONS = 1  # lane of the draws for the first action of an episode; the others come from lane 0
TRACE = ("s", "a", "delta", "z", "c", "q old", "alpha", "q new", "r", "q next", "gamma", "lambda")


class SarsaLambdaConfig(InitialValue, EpsilonGreedy, ExplorationChoice, Traces, Discount, StepSize):
    """Hyperparameters of SARSA(λ); the defaults are those of SARSA, with replacing traces at λ = .9."""


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, S, A) float64
    next_action: Any  # (1,) int64: what the running episode does next
    promised: Any  # (1,) float64: what the last step counted on for the next action
    z: Any  # (1, S, A) float64: the traces
    active: Any  # (1, S · A) int64: the pairs (s · A + a) that have one, in no order
    n_active: Any  # (1,) int64: how many they are


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs
    traces: TraceKnobs
    gamma: float


def memory(config: SarsaLambdaConfig, exact: Exact) -> Memory:
    """Return the table before the first step."""
    q = action_values(config.initial_q, exact)
    traces = np.zeros(q.shape), np.zeros((1, q.size), np.int64), np.zeros(1, np.int64)
    return Memory(q, np.zeros(1, np.int64), np.zeros(1), *traces)


def knobs(config: SarsaLambdaConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), exploration_knobs(config), trace_knobs(config), config.gamma)


@kernel
def first_action(q: Any, visits: Any, state: Any, exploration: Any, step: Any, key: Any) -> Any:
    """Return the action that opens an episode at `step`."""
    explore, any_action, tie, _ = philox(step, FIRST_ACTIONS, key)
    if exploration.is_ucb:
        return promising_action(q, visits, state, exploration.c, tie)
    return epsilon_greedy(q, state, exploration_rate(exploration, step), explore, any_action, tie)


@kernel
def back_up(tables: Any, active: Any, n_active: Any, pair: Any, delta: Any, change: Any, knobs: Any) -> None:
    """Let every pair with a trace learn from the error of the step that visited `pair`."""
    q, z, visits = tables
    for index in range(n_active):
        entry = active[index]
        alpha = step_size(knobs.step_size, visits[entry])
        q[entry] += alpha * (delta * z[entry] + change * (z[entry] - (entry == pair)))  # (2)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act and learn for `max_steps` ≥ 1 steps, fewer where the records are full or q is no longer finite.

    Step t draws from block t of the stream `key`: whether the next action explores, the random action, the tie, the outcome.
    Returns the number of steps taken and of episodes that ended; `ended` has room for E ends, returns, lengths and flags.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    q, visits, action, promised = memory.q[0], course.visits[0], memory.next_action[0], memory.promised[0]
    z, active, n_active = memory.z[0].reshape(-1), memory.active[0], memory.n_active[0]
    tables = q.reshape(-1), z, visits.reshape(-1)
    state, length, episode, step = course.position[0]
    earned, words = course.earned[0], np.empty((4, DRAWS), np.uint64)
    taken, n_ended, q_new = 0, 0, 0.0
    while taken < max_steps and n_ended < ends.shape[0] and np.isfinite(q_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        if length == 0:
            action = first_action(q, visits, state, knobs.exploration, step, key)
            n_active, promised = forget(z, active, n_active), q[state, action]

        outcome = sample_outcome(cumulative, state, action, unit(words[3, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= max_episode_steps

        visits[state, action] += 1
        q_old, alpha = q[state, action], step_size(knobs.step_size, visits[state, action])
        epsilon = exploration_rate(knobs.exploration, step + 1)
        next_action = epsilon_greedy(q, next_state, epsilon, words[0, draw], words[1, draw], words[2, draw])
        if knobs.exploration.is_ucb:
            next_action = promising_action(q, visits, next_state, knobs.exploration.c, words[2, draw])
        q_next = 0.0 if terminated else q[next_state, next_action]
        delta = reward + knobs.gamma * q_next - q_old  # (1)
        change = q_old - promised if knobs.traces.traces == DUTCH else 0.0  # (4)
        pair = state * q.shape[1] + action
        n_active = mark(z, active, n_active, pair, alpha, knobs.traces.traces)
        z_now, promised = z[pair], q_next
        back_up(tables, active, n_active, pair, delta, change, knobs)
        q_new = q[state, action]
        n_active = fade(z, active, n_active, knobs.gamma * knobs.traces.lambda_)  # (3)

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, last_action, state, action = state, action, next_state, next_action
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0], memory.next_action[0], memory.promised[0], memory.n_active[0] = earned, action, promised, n_active
    trace, last = course.trace[0], course.last_transition[0]
    trace[0], trace[1], trace[2], trace[3], trace[4] = last_state, last_action, delta, z_now, change
    trace[5], trace[6], trace[7], trace[8], trace[9] = q_old, alpha, q_new, reward, q_next
    trace[10], trace[11] = knobs.gamma, knobs.traces.lambda_
    last[0], last[1], last[2] = last_state, last_action, reward
    last[3], last[4], last[5] = next_state, terminated, truncated
    return taken, n_ended


METHOD = Method(
    name="sarsa_lambda",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=exploration_scalars,
    signals={"eligibility": lambda agent: agent.memory.z[0].copy()},
    call_steps=CALL_STEPS,
)


def agent(config: SarsaLambdaConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="sarsa_lambda",
    name=_("SARSA(λ)"),
    summary=_("SARSA in which each step teaches every pair recently visited, by a trace that fades."),
    family="tabular",
    version=1,
    config=SarsaLambdaConfig,
    agent=agent,
    check=check,
    smoke=Smoke("CliffWalking-v1", 20_000, {"gamma": 1.0, "alpha": 0.2}),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha"),
    signals=(*BASIC_SIGNALS, "eligibility"),
    tabular=True,
    default_steps=200_000,
    parent="sarsa",
    inspector=Inspector(
        equation=r"Q(s,a) \leftarrow Q(s,a) + \alpha\,\bigl(\delta\, z(s,a) + c\,(z(s,a) - 1)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term(r"\delta", 2), Term("z(s,a)", 3), Term("c", 4), Term("Q(s,a)", 5),
            Term(r"\alpha", 6), Term("r", 8), Term("Q(s',a')", 9), Term(r"\gamma", 10), Term(r"\lambda", 11),
        ),
        result=7,
        number=2,
        old=5,
        state=0,
        action=1,
        backup="sample",
    ),
    references=(
        "Rummery and Niranjan (1994), On-line Q-learning using connectionist systems, Cambridge University",
        "Singh and Sutton (1996), Reinforcement learning with replacing eligibility traces, Machine Learning 22",
        "Van Seijen, Mahmood, Pilarski, Machado and Sutton (2016), True online temporal-difference learning, JMLR 17",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 12.7",
    ),
)  # fmt: skip
