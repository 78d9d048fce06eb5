r"""Dyna-Q.

Q-learning that also remembers what happened after each action, and after every step in the world takes $n$ steps in that memory.
Learning, planning and acting are one loop over the same table; experience that is dear is used many times.

A step in the world is Q-learning's:

$$y_t = r_{t+1} + \gamma \,(1 - \text{terminated}_{t+1}) \max_{a} Q(s_{t+1}, a) \tag{1}$$

$$\delta_t = y_t - Q(s_t, a_t) \tag{2}$$

$$Q(s_t, a_t) \leftarrow Q(s_t, a_t) + \alpha_t\, \delta_t \tag{3}$$

and is then put into the model. A planning step draws a state that was acted in, and an action that was taken there, and makes the
same update with what the model expects, where $\tau$ is the number of steps since the pair was last taken in the world:

$$y = \hat r(s, a) + \kappa \sqrt{\tau} + \gamma\, \hat{\mathbb{E}}\bigl[\max_{a'} Q(s', a')\bigr] \tag{4}$$

$$Q(s, a) \leftarrow Q(s, a) + \alpha\, \bigl(y - Q(s, a)\bigr) \tag{5}$$

The model keeps the *last* outcome of a pair, as the textbook's does for worlds without chance, or *counts* all of them and expects
over their shares. With $\kappa > 0$ this is Dyna-Q+: what was not tried for long earns a bonus, in the model alone, so that a world
that changed is noticed. Planning then also draws actions that were never taken, and supposes that they lead nowhere and earn
nothing, as the textbook does.

With $n = 0$ it is Q-learning, bit for bit: planning draws from a lane of its own.

What this file leaves out:

1. A choice of what to plan: every remembered pair is as likely as any other. That is `prioritized_sweeping`.
2. Planning by sampled outcomes: (4) takes the model's expectation, which for the last outcome is the same.
3. Upper confidence bounds in the model: they may choose what is done in the world, by what was done there; planning adds $\kappa$.
4. Forgetting: a counts model of a world that changes remembers the old world too.

Sources: Sutton (1990), *Integrated architectures for learning, planning, and reacting*, ICML; Sutton and Barto (2018),
*Reinforcement Learning*, sections 8.2 and 8.3.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import below, philox, philox_block, unit
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
from app.parts.learned_model import (
    MODEL_SCALARS,
    MODEL_SIGNALS,
    empty_model,
    expectation,
    model_scalars,
    model_signals,
    observe,
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
PLANNING = 1 << 33  # lanes of the draws of planning: one for each planning step of a step
CALL_UPDATES = 400_000  # updates of one call, planned ones included: about 40 ms


class DynaQConfig(InitialValue, EpsilonGreedy, ExplorationChoice, Discount, StepSize):
    """Hyperparameters of Dyna-Q; the defaults are those of Sutton and Barto's figure 8.2, with a discount."""

    planning_steps: int = Hyper(
        5, low=0, high=1000, unit=_("updates"), symbol="n", live="step",
        help=_("Planned updates after each step in the world: raising it learns more from each step and takes longer; 0 is Q-learning."),
    )  # fmt: skip
    model: str = Hyper(
        "last", choices=("last", "counts"), settled=True,
        help=_("Whether the model remembers the last outcome of a pair, or counts all of them, as a world of chance needs."),
    )  # fmt: skip
    kappa: float = Hyper(
        0.0, low=0, high=100, symbol=r"\kappa", live="step",
        help=_("Bonus for what was not tried for long, per root of a step: raising it notices changes sooner and wanders more; 0 is off."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each)."""

    q: Any  # (1, S, A) float64
    last_taken: Any  # (1, S, A) int64: the step that last took the pair
    acted_in: Any  # (1, S) int64: states that were acted in, in the order of their first time
    n_acted_in: Any  # (1,) int64
    next_states: Any  # (1, S, A, M) int64, of the learned model, as all below
    rewards: Any  # (1, S, A, M) float64
    ends: Any  # (1, S, A, M) bool
    counts: Any  # (1, S, A, M) int64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs
    gamma: float
    planning_steps: int
    kappa: float


def memory(config: DynaQConfig, exact: Exact) -> Memory:
    """Return the table and an empty model."""
    q, model = action_values(config.initial_q, exact), empty_model(exact, config.model == "counts")
    counters = np.zeros(q.shape, np.int64), np.zeros(q.shape[:2], np.int64), np.zeros(1, np.int64)
    return Memory(q, *counters, *model)


def knobs(config: DynaQConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(step_knobs(config), exploration_knobs(config), config.gamma, config.planning_steps, config.kappa)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act, learn and plan for `max_steps` ≥ 1 steps, fewer where the records are full or q is no longer finite.

    Step t draws from block t of the stream `key`: whether to explore, the random action, the tie, the outcome.
    Returns the number of steps taken and of episodes that ended; `ended` has room for E ends, returns, lengths and flags.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    q, visits, last_taken = memory.q[0], course.visits[0], memory.last_taken[0]
    model = memory.next_states[0], memory.rewards[0], memory.ends[0], memory.counts[0]
    state, length, episode, step = course.position[0]
    earned = course.earned[0]
    words = np.empty((4, DRAWS), np.uint64)
    taken = n_ended = 0
    q_new = 0.0
    max_steps = min(max_steps, 1 + CALL_UPDATES // (1 + knobs.planning_steps))
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

        if not is_known(visits, state):
            memory.acted_in[0, memory.n_acted_in[0]] = state
            memory.n_acted_in[0] += 1
        last_taken[state, action] = step
        visits[state, action] += 1
        alpha = step_size(knobs.step_size, visits[state, action])
        max_q_next = 0.0 if terminated else best_value(q, next_state)
        target = reward + knobs.gamma * max_q_next  # (1)
        q_old = q[state, action]
        delta = target - q_old  # (2)
        q_new = q_old + alpha * delta  # (3)
        q[state, action] = q_new
        observe(*model, (state, action, next_state, reward, terminated))
        plan(memory, visits, knobs, step, key)

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


@kernel
def is_known(visits: Any, state: Any) -> Any:
    """Return whether an action was taken in a state."""
    known = False
    for action in range(visits.shape[1]):
        known = known or visits[state, action] > 0
    return known


@kernel
def plan(memory: Any, visits: Any, knobs: Any, step: Any, key: Any) -> None:
    """Update n remembered pairs by what the model expects; the i-th is drawn by block `step` of the lane PLANNING + i."""
    q, last_taken, acted_in, n_acted_in = memory.q[0], memory.last_taken[0], memory.acted_in[0], memory.n_acted_in[0]
    next_states, rewards, ends, counts = memory.next_states[0], memory.rewards[0], memory.ends[0], memory.counts[0]
    gamma, kappa = knobs.gamma, knobs.kappa
    for number in range(knobs.planning_steps):
        words = philox(step, PLANNING + number, key)
        state = acted_in[below(words[0], n_acted_in)]
        action = below(words[1], q.shape[1]) if kappa > 0 else taken_action(visits, state, words[1])
        if visits[state, action] == 0:
            reward, follows = 0.0, best_value(q, state)
        else:
            reward, follows = expectation(next_states, rewards, ends, counts, q, state, action)
        bonus = kappa * np.sqrt(step - last_taken[state, action])
        alpha = step_size(knobs.step_size, max(visits[state, action], 1))
        target = reward + bonus + gamma * follows  # (4)
        q[state, action] += alpha * (target - q[state, action])  # (5)


@kernel
def taken_action(visits: Any, state: Any, word: Any) -> Any:
    """Return one of the actions that were taken in a state, each as likely, by a random word."""
    n_taken = 0
    for action in range(visits.shape[1]):
        n_taken += visits[state, action] > 0
    left, chosen = below(word, n_taken), -1
    while left >= 0:
        chosen += 1
        left -= visits[state, chosen] > 0
    return chosen


def scalars(agent: TabularAgent) -> dict[str, float]:
    """Return ε, the mean step size, and how wrong the model is."""
    return {**exploration_scalars(agent), **model_scalars(agent)}


METHOD = Method(
    name="q_learning",  # its stream, so that without planning the very same numbers come out
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=scalars,
    signals=model_signals(),
)


def agent(config: DynaQConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values and a model that it learns."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="dyna_q",
    name=_("Dyna-Q"),
    summary=_("Q-learning that remembers what happened, and after each step learns again from what it remembers."),
    family="tabular",
    version=1,
    config=DynaQConfig,
    agent=agent,
    check=check,
    smoke=Smoke("CliffWalking-v1", 20_000, {"gamma": 1.0}),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha", "tabular/model_error"),
    signals=(*BASIC_SIGNALS, "model_next", "true_next"),
    tabular=True,
    default_steps=50_000,
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
        note=lambda trace: _("The planned updates came after this one, and may have changed the entry again."),
    ),
    parent="q_learning",
    references=(
        "Sutton (1990), Integrated architectures for learning, planning, and reacting, ICML",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, sections 8.2 and 8.3",
    ),
    scalars=MODEL_SCALARS,
    own_signals=MODEL_SIGNALS,
)  # fmt: skip
