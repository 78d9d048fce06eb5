r"""REINFORCE on a table.

Plays whole episodes with a softmax policy, and then makes each action that was taken likelier in proportion to what followed it.
It learns a policy directly; values serve only to lower the noise. Compiled with numba, the loops below are the loops that run.

The policy is $\pi(a \mid s) = e^{\theta(s, a)} / \sum_b e^{\theta(s, b)}$. At the end of an episode of $T$ steps, backwards,

$$G_t = r_{t+1} + \gamma\, G_{t+1}, \qquad G_T = \begin{cases} 0 & \text{terminated} \\ V(s_T) & \text{truncated} \end{cases} \tag{1}$$

with the policy of the whole episode, so that the sum over $t$ is an unbiased estimate of the gradient of the expected return,

$$\theta(s_t, b) \leftarrow \theta(s_t, b) + \alpha\, w_t\, \bigl( G_t - B(s_t) \bigr) \bigl( [a_t = b] - \pi(b \mid s_t) \bigr) \quad \text{for all } b \tag{2}$$

$$V(s_t) \leftarrow V(s_t) + \alpha_V \bigl( G_t - V(s_t) \bigr) \tag{3}$$

The baseline $B$ is $V$ as it was when the episode was played, or 0 where it is switched off. It may depend on the state but not on the
action: then it leaves the mean of (2) unchanged, because $\sum_b \pi(b \mid s) ([a = b] - \pi(b \mid s))$ vanishes on average, and lowers its
variance. $V$ is learned in both cases, so that it can be looked at.

The weight $w_t$ is $\gamma^t$ for the gradient of the discounted return, or 1, as most implementations have it, which
learns as fast far from the start as near it.

An episode cut by its time limit is *truncated*, not terminated: what would have followed is not known, so (1) bootstraps from $V$.

What this file leaves out:

1. Learning before the episode ends; the actor-critic does.
2. Normalised returns and entropy bonuses, which deep implementations add.
3. $\gamma = 1$: a policy that is learned may forget to end, and then has no value.

Sources: Williams (1992), *Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning*, Machine Learning 8;
Sutton, McAllester, Singh and Mansour (2000), *Policy Gradient Methods*, NIPS 12; Sutton and Barto (2018), *Reinforcement Learning*,
sections 13.3 and 13.4.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Array, Problem
from app.core.jit import kernel
from app.core.randomness import philox_block, unit
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.episodes import Record, eligibility_of
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

TRACE = ("s", "a", "theta old", "alpha", "weight", "return", "baseline", "pi", "theta new")


class ReinforceTabularConfig(CriticStep, SoftmaxDiscount, ActorStep):
    """Hyperparameters of REINFORCE on a table."""

    baseline: bool = Hyper(
        True, live="episode",
        help=_("Subtract the learned value of the state from the return: the mean of the update stays, its noise falls."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What learning changes, and the running episode of at most H steps, with a leading axis of lanes."""

    theta: Any  # (1, S, A) float64: preferences
    v: Any  # (1, S) float64
    states: Any  # (1, H) int64
    actions: Any  # (1, H) int64
    rewards: Any  # (1, H) float64
    policies: Any  # (1, H, A) float64: the policy in each state when it was acted in
    values: Any  # (1, H) float64: its value then


class Knobs(NamedTuple):
    """The configuration as the kernels read it."""

    alpha: float
    alpha_v: float
    gamma: float
    discounts_states: bool
    baseline: bool


def memory(config: ReinforceTabularConfig, exact: Exact) -> Memory:
    """Return the tables before the first step."""
    n_states, n_actions, horizon = exact.mdp.n_states, exact.mdp.n_actions, exact.horizon
    record = (np.zeros((1, horizon), np.int64), np.zeros((1, horizon), np.int64), np.zeros((1, horizon)))
    tables = np.zeros((1, n_states, n_actions)), np.zeros((1, n_states))
    return Memory(*tables, *record, np.zeros((1, horizon, n_actions)), np.zeros((1, horizon)))


def knobs(config: ReinforceTabularConfig) -> Knobs:
    """Return what the kernels read."""
    return Knobs(config.alpha, config.alpha_v, config.gamma, config.discounts_states, config.baseline)


@kernel
def learn_from_episode(memory: Any, knobs: Any, length: Any, v_last: Any, trace: Any) -> Any:
    """Make what the recorded episode of `length` steps did likelier by its returns; `v_last` is what followed it.

    The numbers of its first step, the last to be looked at, go into `trace`. Returns whether everything stayed finite.
    """
    theta, v, states, actions, rewards = (
        memory.theta[0], memory.v[0], memory.states[0], memory.actions[0], memory.rewards[0],
    )  # fmt: skip
    policies, values = memory.policies[0], memory.values[0]
    returns, is_finite = v_last, True
    for t in range(length - 1, -1, -1):
        state, action = states[t], actions[t]
        returns = rewards[t] + knobs.gamma * returns  # (1)
        baseline = values[t] if knobs.baseline else 0.0
        weight = knobs.gamma**t if knobs.discounts_states else 1.0
        theta_old = theta[state, action]
        for b in range(theta.shape[1]):
            score = (1.0 if b == action else 0.0) - policies[t, b]
            theta[state, b] += knobs.alpha * weight * (returns - baseline) * score  # (2)
        v[state] += knobs.alpha_v * (returns - v[state])  # (3)
        is_finite = is_finite and np.isfinite(theta[state, action]) and np.isfinite(v[state])
        trace[0], trace[1], trace[2], trace[3], trace[4] = state, action, theta_old, knobs.alpha, weight
        trace[5], trace[6], trace[7], trace[8] = returns, baseline, policies[t, action], theta[state, action]
    return is_finite


@kernel
def learn(world: Any, course: Any, memory: Any, knobs: Any, key: Any, ended: Any, max_steps: Any) -> Any:
    """Act for `max_steps` ≥ 1 steps, and learn where an episode ends; fewer where the records are full or θ is not finite.

    Step t draws from block t of the stream `key`: the action, the outcome.
    `ended` has room for the ends, returns, lengths and terminated flags of E episodes, each (E,).
    Returns the number of steps taken and of episodes that ended.
    """
    cumulative, next_states, rewards, terminates, cumulative_start, max_episode_steps = world
    ends, returns, lengths, terminations = ended
    theta, v, visits = memory.theta[0], memory.v[0], course.visits[0]
    limit = min(max_episode_steps, memory.rewards.shape[1])
    state, length, episode, step = course.position[0]
    earned, trace = course.earned[0], course.trace[0]
    words = np.empty((4, DRAWS), np.uint64)
    taken = n_ended = 0
    is_finite = True
    while taken < max_steps and n_ended < ends.shape[0] and is_finite:
        draw = taken % DRAWS
        if draw == 0:
            philox_block(step, 0, key, words)
        policy = memory.policies[0, length]
        softmax_row(theta, state, policy)
        action = draw_action(policy, unit(words[0, draw]))

        outcome = sample_outcome(cumulative, state, action, unit(words[1, draw]))
        reward = rewards[state, action, outcome]
        next_state = next_states[state, action, outcome]
        terminated = terminates[state, action, outcome]
        truncated = not terminated and length + 1 >= limit

        visits[state, action] += 1
        memory.states[0, length], memory.actions[0, length] = state, action
        memory.rewards[0, length], memory.values[0, length] = reward, v[state]

        earned, length, step, taken = earned + reward, length + 1, step + 1, taken + 1
        last_state, state = state, next_state
        if terminated or truncated:
            is_finite = learn_from_episode(memory, knobs, length, 0.0 if terminated else v[next_state], trace)
            ends[n_ended], returns[n_ended], lengths[n_ended], terminations[n_ended] = step, earned, length, terminated
            n_ended, episode, length, earned = n_ended + 1, episode + 1, 0, 0.0
            state = first_state(cumulative_start, episode, key)

    course.position[0] = state, length, episode, step
    course.earned[0] = earned
    if length > 0:
        trace[:] = np.nan
    last = course.last_transition[0]
    last[0], last[1], last[2], last[3], last[4], last[5] = last_state, action, reward, next_state, terminated, truncated
    return taken, n_ended


def eligibility(agent: TabularAgent) -> Array:
    """Return with which weight the next reward will count for each pair (S, A) of the running episode."""
    held, length = agent.memory, int(agent.course.position[0, 1])
    record = Record(held.states, held.actions, held.rewards, is_first=None)
    return eligibility_of(record, length, q=held.theta[0], gamma=agent.knobs.gamma, first=False)


METHOD = Method(
    name="reinforce_tabular",
    learn=learn,
    memory=memory,
    knobs=knobs,
    trace=TRACE,
    tables=softmax_tables,
    scalars=softmax_scalars,
    signals={"eligibility": eligibility},
    truth="target",
    updates="episode",
)


def agent(config: ReinforceTabularConfig, problem: Problem) -> TabularAgent:
    """Return an agent with a table of preferences."""
    return TabularAgent(config, problem, METHOD)


SPEC = AlgorithmSpec(
    id="reinforce_tabular",
    name=_("REINFORCE (table)"),
    summary=_("Plays an episode, then makes the actions that it took likelier in proportion to what followed them."),
    family="tabular",
    version=1,
    config=ReinforceTabularConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 50_000, {"alpha": 0.5}, {"is_slippery": False}),
    emits=SOFTMAX_SCALARS,
    signals=(*BASIC_SIGNALS, "eligibility"),
    tabular=True,
    default_steps=200_000,
    inspector=Inspector(
        equation=r"\theta(s,a) \leftarrow \theta(s,a) + \alpha\,w_t\,\bigl(G_t - B(s)\bigr)\bigl(1 - \pi(a \mid s)\bigr)",
        terms=(
            Term(r"\theta(s,a)", 2), Term(r"\alpha", 3), Term("w_t", 4), Term("G_t", 5), Term("B(s)", 6),
            Term(r"\pi(a \mid s)", 7),
        ),
        result=8,
        number=2,
        old=2,
        state=0,
        action=1,
        backup="episode",
        waits=_("The episode has not ended: REINFORCE learns at its end. Shown then is the first step of the episode."),
        about=_("The episode has ended, and the preferences of each of its steps move. Shown is the update of its first step: {entry}."),
    ),
    references=(
        "Williams (1992), Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning, Machine Learning 8",
        "Sutton, McAllester, Singh and Mansour (2000), Policy Gradient Methods for Reinforcement Learning with Function Approximation, NIPS 12",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, sections 13.3 and 13.4",
    ),
)  # fmt: skip
