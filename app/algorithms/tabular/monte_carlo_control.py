r"""Monte Carlo control.

Waits until an episode has ended, and moves the value of every action it took towards the return that followed. No estimate
is built upon another one, so there is no model and no bootstrap, and no learning inside an episode either.

The return is summed from the end of the episode back to its beginning:

$$G_t = r_{t+1} + \gamma\, G_{t+1}, \qquad G_T = 0 \tag{1}$$

$$\delta_t = G_t - Q(s_t, a_t) \tag{2}$$

$$Q(s_t, a_t) \leftarrow Q(s_t, a_t) + \alpha_t\, \delta_t \tag{3}$$

With step size $1/N$, where $N$ counts the returns of the pair, $Q$ is their plain average; a constant $\alpha$ follows a policy
that goes on changing. *First visit* counts a pair once in an episode, from where it was taken first; *every visit* counts each time.

The policy is $\varepsilon$-soft: greedy, with a random action now and then. With *exploring starts* an episode begins with a
pair drawn uniformly from all actions of all states in which an agent may have to act, which lets $\varepsilon$ be 0. That changes
where training episodes start, and so their returns; evaluation, and every exact return, still starts where the task does.

An episode cut by its time limit is *truncated*: what would have followed is missing from its return. Its last state stands in with
what the policy in force expects of it, $G_T = \sum_a \pi(a \mid s_T)\, Q(s_T, a)$, the one place where an estimate is built upon.

What this file leaves out:

1. Learning within an episode, so that a policy that never ends waits for the time limit before it changes.
2. Off-policy returns, weighted by importance sampling: `off_policy_monte_carlo`.
3. Upper confidence bounds: a policy that changes with every step gives returns of no single policy, and this method only averages.
4. An agent whose world is edited keeps the record it began with: a longer time limit does not lengthen its episodes.

Sources: Sutton and Barto (2018), *Reinforcement Learning*, sections 5.2 to 5.4; Singh and Sutton (1996), *Reinforcement Learning
with Replacing Eligibility Traces*, Machine Learning 22 (first and every visit).
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.randomness import below, philox, philox_block, unit
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.episodes import Record, StartStates, eligibility_of, episode_record, fresh_start_states, start_states_in
from app.parts.exact import Exact
from app.parts.exploration import (
    Discount,
    EpsilonGreedy,
    ExplorationKnobs,
    InitialValue,
    StepKnobs,
    StepSize,
    best_value,
    epsilon_greedy,
    exploration_knobs,
    exploration_rate,
    step_knobs,
    step_size,
)
from app.parts.tabular import sample_outcome
from app.parts.tabular_agent import (
    BASIC_SIGNALS,
    CONTROL_SCALARS,
    DRAWS,
    F64,
    Method,
    TabularAgent,
    action_values,
    check,
    control_tables,
    first_state,
)

TRACE = ("s", "a", "g", "q old", "delta", "alpha", "q new")
STARTS = 1  # lane of the draws of exploring starts


class MonteCarloControlConfig(InitialValue, EpsilonGreedy, Discount, StepSize):
    """Hyperparameters of Monte Carlo control; the defaults average the returns, as Sutton and Barto's section 5.4 does."""

    alpha: float = Hyper(
        1.0, low=0, high=1, symbol=r"\alpha", live="step",
        help=_("Step size: raising it learns faster from each return and remembers more of its noise; 1 when returns are averaged."),
    )  # fmt: skip
    alpha_schedule: str = Hyper(
        "visits", choices=("constant", "visits"), live="step",
        help=_("Constant, or divided by a power of how many returns of the pair were counted."),
    )  # fmt: skip
    alpha_exponent: float = Hyper(
        1.0, low=0, high=1, symbol=r"\omega", live="step", advanced=True,
        help=_("Power of the count that divides the step size: 1 is the plain average; raising it averages over more of the past."),
    )  # fmt: skip
    visit: str = Hyper(
        "first", choices=("first", "every"), live="update",
        help=_("Whether a pair counts once in an episode, from its first visit, or at each of its visits."),
    )  # fmt: skip
    exploring_starts: bool = Hyper(
        False, live="episode",
        help=_("Begin training episodes with a random action in a random state: raises exploration without random actions later."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, with a leading axis of lanes (one agent each); H is the longest episode that is recorded."""

    q: Any  # (1, S, A) float64
    counted: Any  # (1, S, A) int64: returns that were counted
    states: Any  # (1, H) int64, of the running episode, as all below
    actions: Any  # (1, H) int64
    rewards: Any  # (1, H) float64
    is_first: Any  # (1, H) bool: whether the pair was not taken earlier in the episode
    taken_in: Any  # (1, S, A) int64: 1 + the number of the last episode that took the pair
    start_states: Any  # (1, S) int64: states in which an agent may have to act, filled from the left
    n_start_states: Any  # (1,) int64


class Knobs(NamedTuple):
    """The configuration as the kernel reads it."""

    step_size: StepKnobs
    exploration: ExplorationKnobs
    gamma: float
    is_first_visit: bool
    has_exploring_starts: bool


def memory(config: MonteCarloControlConfig, exact: Exact) -> Memory:
    """Return the table, and an empty record of an episode."""
    shape = (1, exact.mdp.n_states, exact.mdp.n_actions)
    record, starts = episode_record(exact.horizon), fresh_start_states(exact)
    q, counted, taken_in = action_values(config.initial_q, exact), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    return Memory(q, counted, *record, taken_in, *starts)


def knobs(config: MonteCarloControlConfig) -> Knobs:
    """Return what the kernel reads."""
    is_first_visit = config.visit == "first"
    return Knobs(step_knobs(config), exploration_knobs(config), config.gamma, is_first_visit, config.exploring_starts)


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act for `max_steps` ≥ 1 steps and learn from every episode that ends, fewer where the records are full.

    Step t draws from block t of the stream `key`: whether to explore, the random action, the tie, the outcome. Episode e takes an
    exploring start from block e of the lane STARTS. `ended` has room for the ends, returns, lengths and terminated flags of
    E episodes, each (E,). Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world  # once: see World
    ends, returns, lengths, terminations = ended
    q, visits, taken_in = memory.q[0], course.visits[0], memory.taken_in[0]
    states, actions, record, is_first = memory.states[0], memory.actions[0], memory.rewards[0], memory.is_first[0]
    limit = min(max_episode_steps, states.shape[0])
    state, length, episode, step = course.position[0]
    earned = course.earned[0]
    words = np.empty((4, DRAWS), np.uint64)
    taken = n_ended = 0
    has_learned, is_finite = False, True
    while taken < max_steps and n_ended < ends.shape[0] and is_finite:
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        epsilon = exploration_rate(knobs.exploration, step)
        action = epsilon_greedy(q, state, epsilon, words[0, draw], words[1, draw], words[2, draw])
        if length == 0 and knobs.has_exploring_starts:
            start = philox(episode, STARTS, key)
            state = memory.start_states[0, below(start[0], memory.n_start_states[0])]
            action = below(start[1], q.shape[1])

        outcome = sample_outcome(cumulative, state, action, unit(words[3, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= limit

        visits[state, action] += 1
        states[length], actions[length], record[length] = state, action, reward
        is_first[length], taken_in[state, action] = taken_in[state, action] != episode + 1, episode + 1

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        has_learned = terminated or truncated
        if has_learned:
            follows = 0.0 if terminated else expected_value(q, next_state, epsilon)
            is_finite = learn_from_episode(memory, knobs, length, follows, course.trace[0])
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0] = earned
    if not has_learned:
        course.trace[0][:] = np.nan
    last = course.last_transition[0]
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


@kernel
def learn_from_episode(memory: Any, knobs: Any, length: Any, follows: Any, trace: Any) -> Any:
    """Learn from the recorded episode, from its end back to its beginning; `follows` is the return after its last step.

    Writes the numbers of the last update made, that of the first pair, and returns whether all values are finite.
    """
    q, counted = memory.q[0], memory.counted[0]
    states, actions, rewards, is_first = memory.states[0], memory.actions[0], memory.rewards[0], memory.is_first[0]
    g, q_new = follows, 0.0
    for t in range(length - 1, -1, -1):
        g = rewards[t] + knobs.gamma * g  # (1)
        if knobs.is_first_visit and not is_first[t]:
            continue
        state, action = states[t], actions[t]
        counted[state, action] += 1
        alpha = step_size(knobs.step_size, counted[state, action])
        q_old = q[state, action]
        delta = g - q_old  # (2)
        q_new = q_old + alpha * delta  # (3)
        q[state, action] = q_new
    trace[0], trace[1], trace[2], trace[3], trace[4], trace[5], trace[6] = state, action, g, q_old, delta, alpha, q_new
    return np.isfinite(q_new)


@kernel
def expected_value(q: Any, state: Any, epsilon: Any) -> Any:
    """Return what an ε-greedy policy expects of a state under q (S, A)."""
    total = 0.0
    for action in range(q.shape[1]):
        total += q[state, action]
    return (1 - epsilon) * best_value(q, state) + epsilon * (total / q.shape[1])


def refresh_starts(agent: TabularAgent) -> None:
    """Put the states of exploring starts right after the world changed."""
    start_states_in(agent.exact, StartStates(agent.memory.start_states, agent.memory.n_start_states))


def eligibility(agent: TabularAgent) -> F64:
    """Return the weight (S, A) with which the next reward enters the return of each pair of the running episode."""
    held, length = agent.memory, int(agent.course.position[0, 1])
    record = Record(held.states, held.actions, held.rewards, held.is_first)
    return eligibility_of(record, length, q=held.q[0], gamma=agent.knobs.gamma, first=agent.knobs.is_first_visit)


def scalars(agent: TabularAgent) -> dict[str, float]:
    """Return ε, and the mean step size over the states where an agent may have to act."""
    knobs, counted = agent.knobs, agent.memory.counted[0]
    alphas = knobs.step_size.alpha / np.maximum(counted, 1) ** knobs.step_size.alpha_exponent
    return {
        "tabular/epsilon": float(exploration_rate(knobs.exploration, agent.step)),
        "tabular/alpha": float(alphas[agent.exact.reachable].mean()),
    }


METHOD = Method(
    name="monte_carlo_control",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=control_tables,
    scalars=scalars,
    signals={"eligibility": eligibility},
    updates="episode",
    call_steps=100_000,
    entered=refresh_starts,
)


def agent(config: MonteCarloControlConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of action values and the record of an episode."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="monte_carlo_control",
    name=_("Monte Carlo control"),
    summary=_("Averages the returns that followed each action, episode by episode, and acts greedily but for ε."),
    family="tabular",
    version=1,
    config=MonteCarloControlConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 50_000),
    emits=(*CONTROL_SCALARS, "tabular/epsilon", "tabular/alpha"),
    signals=(*BASIC_SIGNALS, "eligibility"),
    tabular=True,
    default_steps=500_000,
    inspector=Inspector(
        equation=r"Q(s,a) \leftarrow Q(s,a) + \alpha\,\bigl(G - Q(s,a)\bigr)",
        terms=(
            Term("s", 0), Term("a", 1), Term("G", 2), Term("Q(s,a)", 3), Term(r"\delta", 4), Term(r"\alpha", 5),
        ),
        result=6,
        number=3,
        old=3,
        state=0,
        action=1,
        backup="episode",
        waits=_("The episode is still going on: Monte Carlo learns when it has ended. Step to its end."),
        about=_("The episode has ended, and its pairs learn from the end back to the beginning. Shown is the last of these updates, of the episode's first pair: {entry}."),
    ),
    references=(
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, sections 5.2 to 5.4",
        "Singh and Sutton (1996), Reinforcement Learning with Replacing Eligibility Traces, Machine Learning 22",
    ),
)  # fmt: skip
