r"""TD(λ).

Learns how good each state is under a given policy, and lets each step change all states that were recently visited: how much,
says their eligibility trace. λ = 0 is TD(0), λ = 1 comes close to Monte Carlo. Compiled with numba, the loop below is the
loop that runs.

The value of a state is the mean return from there on, which discounts a reward $k$ steps ahead by $\gamma^k$. The error of a step
is that of TD(0):

$$\delta_t = r_{t+1} + \gamma \,(1 - \text{terminated}_{t+1})\, V(s_{t+1}) - V(s_t) \tag{1}$$

The trace of the state $s_t$ rises in the chosen way, as the part `traces` describes it. Every state then learns from the error
by its own trace and step size, and all traces fade:

$$V(s) \leftarrow V(s) + \alpha \bigl(\delta_t\, z(s) + c_t\, (z(s) - \mathbb{1}[s = s_t])\bigr) \tag{2}$$

$$z(s) \leftarrow \gamma \lambda\, z(s) \tag{3}$$

For accumulating and replacing traces $c_t = 0$. For Dutch ones it is how much the step before has changed the value that it
counted on, which makes the result, exactly, that of looking forward with λ-returns as far as the episode goes (true online):

$$c_t = V_t(s_t) - V_{t-1}(s_t) \tag{4}$$

An episode cut by its time limit is *truncated*, not terminated: the world goes on, so (1) still bootstraps. Both ends cut the
traces: the next episode begins without any.

The policy is that of the part `evaluated`, and the step size constant or shrinking with the visits of the state, as the part
`exploration` describes it. The true values are known, because the environment's model is: the error is exact.

What this file leaves out:

1. Updates kept back until the episode ends: only then would accumulating traces equal λ-returns exactly (offline TD(λ)).
2. Learning about another policy than the one that acts; it needs importance sampling.

Sources: Sutton (1988), *Learning to predict by the methods of temporal differences*, Machine Learning 3; Van Seijen, Mahmood,
Pilarski, Machado and Sutton (2016), *True online temporal-difference learning*, JMLR 17; Sutton and Barto (2018), *Reinforcement
Learning*, sections 12.1 to 12.5.
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
from app.parts.traces import DUTCH, TraceKnobs, Traces, fade, forget, mark, trace_knobs

CALL_STEPS = 50_000  # a step that changes twenty entries takes 1 µs
TRACE = ("s", "delta", "z", "c", "v old", "alpha", "v new", "r", "v next", "gamma", "lambda")


class TDLambdaConfig(InitialStateValue, EvaluatedPolicy, Traces, Discount, StepSize):
    """Hyperparameters of TD(λ), and the policy that it evaluates."""


class Memory(NamedTuple):
    """What learning changes, and the policy, with a leading axis of lanes (one agent each)."""

    v: Any  # (1, S) float64
    policy: Any  # (1, S, A) float64: stays as it is
    promised: Any  # (1,) float64: what the last step counted on for the next state
    z: Any  # (1, S) float64: the traces
    active: Any  # (1, S) int64: the states that have one, in no order
    n_active: Any  # (1,) int64: how many they are


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    traces: TraceKnobs
    gamma: float


def memory(config: TDLambdaConfig, exact: Exact) -> Memory:
    """Return the table before the first step, and the policy."""
    v, policy = state_values(config.initial_v, exact), policy_to_evaluate(config, exact)[None]
    return Memory(v, policy, np.zeros(1), np.zeros(v.shape), np.zeros(v.shape, np.int64), np.zeros(1, np.int64))


def knobs(config: TDLambdaConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), trace_knobs(config), config.gamma)


@kernel
def back_up(tables: Any, active: Any, n_active: Any, state: Any, delta: Any, change: Any, knobs: Any) -> None:
    """Let every state with a trace learn from the error of the step that visited `state`."""
    v, z, visits = tables
    for index in range(n_active):
        entry = active[index]
        alpha = state_step_size(knobs.step_size, visits, entry)
        v[entry] += alpha * (delta * z[entry] + change * (z[entry] - (entry == state)))  # (2)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act and learn for `max_steps` ≥ 1 steps, fewer where the records are full or v is no longer finite.

    Step t draws from block t of the stream `key`: the action, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E episodes, each (E,).
    Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    v, policy, visits, promised = memory.v[0], memory.policy[0], course.visits[0], memory.promised[0]
    z, active, n_active = memory.z[0], memory.active[0], memory.n_active[0]
    state, length, episode, step = course.position[0]
    earned = course.earned[0]
    words = np.empty((4, DRAWS), np.uint64)
    taken = n_ended = 0
    v_new = 0.0
    while taken < max_steps and n_ended < ends.shape[0] and np.isfinite(v_new):
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        if length == 0:
            n_active, promised = forget(z, active, n_active), v[state]
        action = sample_action(policy, state, unit(words[0, draw]))

        outcome = sample_outcome(cumulative, state, action, unit(words[1, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= max_episode_steps

        visits[state, action] += 1
        alpha = state_step_size(knobs.step_size, visits, state)
        v_next = 0.0 if terminated else v[next_state]
        v_old = v[state]
        delta = reward + knobs.gamma * v_next - v_old  # (1)
        change = v_old - promised if knobs.traces.traces == DUTCH else 0.0  # (4)
        n_active = mark(z, active, n_active, state, alpha, knobs.traces.traces)
        z_now, promised = z[state], v_next
        back_up((v, z, visits), active, n_active, state, delta, change, knobs)
        v_new = v[state]
        n_active = fade(z, active, n_active, knobs.gamma * knobs.traces.lambda_)  # (3)

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        if terminated or truncated:
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0], memory.promised[0], memory.n_active[0] = earned, promised, n_active
    trace, last = course.trace[0], course.last_transition[0]
    trace[0], trace[1], trace[2], trace[3], trace[4] = last_state, delta, z_now, change, v_old
    trace[5], trace[6], trace[7], trace[8] = alpha, v_new, reward, v_next
    trace[9], trace[10] = knobs.gamma, knobs.traces.lambda_
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


METHOD = Method(
    name="td_lambda",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=prediction_tables,
    scalars=step_size_scalars,
    truth="target",
    evaluates_by="policy",
    signals={"eligibility": lambda agent: agent.memory.z[0][:, None].copy()},
    call_steps=CALL_STEPS,
)


def agent(config: TDLambdaConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of state values."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="td_lambda",
    name=_("TD(λ)"),
    summary=_("TD in which each step teaches every state recently visited, by a trace that fades."),
    family="tabular",
    version=1,
    config=TDLambdaConfig,
    agent=agent,
    check=check_evaluated,
    smoke=Smoke("random_walk", 20_000, {"gamma": 1.0, "alpha": 0.1}),
    emits=(*PREDICTION_SCALARS, "tabular/alpha"),
    signals=(*BASIC_SIGNALS, "eligibility"),
    tabular=True,
    default_steps=100_000,
    parent="td0",
    inspector=Inspector(
        equation=r"V(s) \leftarrow V(s) + \alpha\,\bigl(\delta\, z(s) + c\,(z(s) - 1)\bigr)",
        terms=(
            Term("s", 0), Term(r"\delta", 1), Term("z(s)", 2), Term("c", 3), Term("V(s)", 4), Term(r"\alpha", 5),
            Term("r", 7), Term("V(s')", 8), Term(r"\gamma", 9), Term(r"\lambda", 10),
        ),
        result=6,
        number=2,
        old=4,
        state=0,
        backup="td",
    ),
    references=(
        "Sutton (1988), Learning to predict by the methods of temporal differences, Machine Learning 3",
        "Van Seijen, Mahmood, Pilarski, Machado and Sutton (2016), True online temporal-difference learning, JMLR 17",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, sections 12.1 to 12.5",
    ),
)  # fmt: skip
