r"""Prioritized sweeping.

Learns a model of the world, and spends its planned updates where they change most: what surprises moves backwards through the
pairs that lead to it, largest change first, instead of waiting to be drawn.

What the model expects of a pair, and by how much an update would change it:

$$y(s, a) = \hat r(s, a) + \gamma\, \hat{\mathbb{E}}\bigl[\max_{a'} Q(s', a')\bigr] \tag{1}$$

$$p(s, a) = \bigl| y(s, a) - Q(s, a) \bigr| \tag{2}$$

After a step the pair that was taken enters the queue with (2), if that is above the threshold $\theta$. Then, at most $n$ times and
while the queue is not empty, the pair of highest priority leaves it and is updated,

$$Q(s, a) \leftarrow Q(s, a) + \alpha\, \bigl(y(s, a) - Q(s, a)\bigr) \tag{3}$$

and every pair that the model knows to lead to $s$ enters the queue with its own (2), if that is above $\theta$.

The step in the world itself changes no value: it goes through the model and the queue, as everything else. The model *counts* the
outcomes of a pair and expects over their shares; for worlds without chance it can keep the *last* one only, and then this is the
textbook's algorithm. The queue is a binary heap whose pairs know their place; it and the pairs that lead to each state are kept
up to date as the model changes.

What this file leaves out:

1. Sweeps of small backups, one outcome at a time (van Seijen and Sutton, 2013).
2. Moore and Atkeson's optimism about what was tried too rarely; exploration is ε-greedy or by upper confidence bounds, and a first
   value may be optimistic.
3. Values of the queue itself: a pair keeps its priority until it leaves, also where another update has made it smaller.

Sources: Moore and Atkeson (1993), *Prioritized Sweeping*, Machine Learning 13; Peng and Williams (1993), *Efficient learning and
planning within the Dyna framework*; Sutton and Barto (2018), *Reinforcement Learning*, section 8.4.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import philox_block, unit
from app.core.scalars import Scalar
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
from app.parts.learned_model import (
    MODEL_SCALARS,
    MODEL_SIGNALS,
    empty_model,
    expectation,
    link,
    model_scalars,
    model_signals,
    no_predecessors,
    observe,
    place_of,
    unlink,
)
from app.parts.priorities import empty_queue, pop, push
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

TRACE = ("s", "a", "r expected", "max q next expected", "q old", "priority", "alpha", "gamma", "q new")
CALL_UPDATES = 100_000  # planned updates of one call: about 40 ms
SCALARS = (
    *MODEL_SCALARS,
    Scalar("tabular/queued_pairs", _("Queued pairs"), _("pairs"), "neither",
           _("Pairs that wait for an update; it empties where the table agrees with the model.")),
)  # fmt: skip


class PrioritizedSweepingConfig(InitialValue, EpsilonGreedy, ExplorationChoice, Discount, StepSize):
    """Hyperparameters of prioritized sweeping; five updates a step, as in Sutton and Barto's example 8.4."""

    alpha: float = Hyper(
        1.0, low=0, high=1, symbol=r"\alpha", live="step",
        help=_("Step size: 1 sets a pair to what the model expects; lower moves it only part of the way."),
    )  # fmt: skip
    planning_steps: int = Hyper(
        5, low=1, high=1000, unit=_("updates"), symbol="n", live="step",
        help=_("Most updates after each step in the world: raising it carries a surprise further at once and takes longer."),
    )  # fmt: skip
    threshold: float = Hyper(
        0.0001, low=0, high=1000, unit=_("reward"), symbol=r"\theta", scale="log", live="step",
        help=_("Smallest change worth an update: raising it plans less and leaves larger errors."),
    )  # fmt: skip
    model: str = Hyper(
        "counts", choices=("last", "counts"), settled=True,
        help=_("Whether the model remembers the last outcome of a pair, or counts all of them, as a world of chance needs."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each); M outcomes of a pair, P = S·A pairs."""

    q: Any  # (1, S, A) float64
    next_states: Any  # (1, S, A, M) int64, of the learned model
    rewards: Any  # (1, S, A, M) float64
    ends: Any  # (1, S, A, M) bool
    counts: Any  # (1, S, A, M) int64
    first_before: Any  # (1, S) int64, of the pairs that lead to each state
    next_before: Any  # (1, S·A·M) int64
    heap: Any  # (1, P) int64, of the queue
    places: Any  # (1, P) int64
    priorities: Any  # (1, P) float64
    size: Any  # (1,) int64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs
    gamma: float
    planning_steps: int
    threshold: float


def memory(config: PrioritizedSweepingConfig, exact: Exact) -> Memory:
    """Return the table, an empty model and an empty queue."""
    q, model = action_values(config.initial_q, exact), empty_model(exact, config.model == "counts")
    return Memory(q, *model, *no_predecessors(model), *empty_queue(q.size))


def knobs(config: PrioritizedSweepingConfig) -> Knobs:
    """Return what the kernel reads."""
    return Knobs(
        step_knobs(config), exploration_knobs(config), config.gamma, config.planning_steps, config.threshold
    )  # fmt: skip


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act and plan for `max_steps` ≥ 1 steps, fewer where the records are full or q is no longer finite.

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
    is_finite = True
    max_steps = min(max_steps, 1 + CALL_UPDATES // (1 + knobs.planning_steps))
    while taken < max_steps and n_ended < ends.shape[0] and is_finite:
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
        remember(memory, (state, action, next_state, reward, terminated))
        is_finite = sweep(memory, visits, knobs, state * q.shape[1] + action, course.trace[0])

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


@kernel
def sweep(memory: Any, visits: Any, knobs: Any, pair: Any, trace: Any) -> Any:
    """Queue the pair that was taken, then update at most n pairs, each time the one that would change most.

    Writes the numbers of the last update, or not a number where there was none, and returns whether all values are finite.
    """
    q, first_before, next_before = memory.q[0], memory.first_before[0], memory.next_before[0]
    model = memory.next_states[0], memory.rewards[0], memory.ends[0], memory.counts[0]
    queue = memory.heap[0], memory.places[0], memory.priorities[0], memory.size
    gamma, n_actions, n_outcomes = knobs.gamma, q.shape[1], model[3].shape[2]
    priority = surprise(model, q, gamma, pair)[3]
    if priority > knobs.threshold:
        push(*queue, pair, priority)
    n_updates, q_new = 0, 0.0
    while n_updates < knobs.planning_steps and memory.size[0] > 0 and np.isfinite(q_new):
        pair = pop(*queue)
        state, action = pair // n_actions, pair % n_actions
        reward, follows, target, priority = surprise(model, q, gamma, pair)
        q_old, alpha = q[state, action], step_size(knobs.step_size, visits[state, action])
        q_new = q_old + alpha * (target - q_old)  # (3)
        q[state, action] = q_new
        n_updates += 1
        before = first_before[state]
        while before >= 0:
            other = before // n_outcomes
            change = surprise(model, q, gamma, other)[3]
            if change > knobs.threshold:
                push(*queue, other, change)
            before = next_before[before]
    trace[:] = np.nan
    if n_updates > 0:
        trace[0], trace[1], trace[2], trace[3], trace[4] = state, action, reward, follows, q_old
        trace[5], trace[6], trace[7], trace[8] = priority, alpha, gamma, q_new
    return np.isfinite(q_new)


@kernel
def surprise(model: Any, q: Any, gamma: Any, pair: Any) -> Any:
    """Return the expected reward, what follows, what the model expects of a pair, and how far the table is from it."""
    state, action = pair // q.shape[1], pair % q.shape[1]
    next_states, rewards, ends, counts = model
    reward, follows = expectation(next_states, rewards, ends, counts, q, state, action)
    target = reward + gamma * follows  # (1)
    priority = abs(target - q[state, action])  # (2)
    return reward, follows, target, priority


@kernel
def remember(memory: Any, outcome: Any) -> None:
    """Put an outcome (state, action, next state, reward, whether the episode ended) into the model and its predecessors."""
    state, action, next_state, _reward, _ended = outcome
    model = memory.next_states[0], memory.rewards[0], memory.ends[0], memory.counts[0]
    n_actions, n_outcomes = memory.q.shape[2], model[3].shape[2]
    place, is_there = place_of(*model, outcome)
    if not is_there:
        number = (state * n_actions + action) * n_outcomes + place
        if model[3][state, action, place] > 0:
            unlink(memory.first_before[0], memory.next_before[0], model[0][state, action, place], number)
        link(memory.first_before[0], memory.next_before[0], next_state, number)
    observe(*model, outcome)


def scalars(agent: TabularAgent) -> dict[str, float]:
    """Return ε, the mean step size, how wrong the model is, and how many pairs wait."""
    waiting = float(agent.memory.size[0])
    return {**exploration_scalars(agent), **model_scalars(agent), "tabular/queued_pairs": waiting}


METHOD = Method(
    name="prioritized_sweeping",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=scalars,
    signals=model_signals(),
)


def agent(config: PrioritizedSweepingConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values, a model that it learns, and a queue."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="prioritized_sweeping",
    name=_("Prioritized sweeping"),
    summary=_("Learns a model, and updates first what would change most: surprises travel backwards through the world."),
    family="tabular",
    version=1,
    config=PrioritizedSweepingConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 20_000, {"epsilon": 0.5}),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha", "tabular/model_error", "tabular/queued_pairs"),
    signals=(*BASIC_SIGNALS, "model_next", "true_next"),
    tabular=True,
    default_steps=50_000,
    inspector=Inspector(
        equation=r"Q(s,a) \leftarrow Q(s,a) + \alpha\,\bigl(\hat r + \gamma\,\hat v - Q(s,a)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term(r"\hat r", 2), Term(r"\hat v", 3), Term("Q(s,a)", 4),
            Term("p", 5), Term(r"\alpha", 6), Term(r"\gamma", 7),
        ),
        result=8,
        number=3,
        old=4,
        state=0,
        action=1,
        backup="full_max",
        waits=_("Nothing waits in the queue that would change by more than the threshold: the last step made no update."),
        about=_("Then pairs from the queue were updated, the most surprising first. Shown is the last of them: {entry}."),
    ),
    parent="dyna_q",
    references=(
        "Moore and Atkeson (1993), Prioritized Sweeping, Machine Learning 13",
        "Peng and Williams (1993), Efficient learning and planning within the Dyna framework, Adaptive Behavior 1",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 8.4",
    ),
    scalars=SCALARS,
    own_signals=MODEL_SIGNALS,
)  # fmt: skip
