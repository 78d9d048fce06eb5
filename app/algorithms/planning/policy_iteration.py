r"""Policy iteration.

Computes the best policy from the exact model by turns: evaluate the policy until its values no longer change, then take
the better action wherever one is better. Compiled with numba, the loops below are the loops that run.

*Evaluation*, sweep after sweep, as in policy evaluation: with $c_k = p_k (1 - \text{terminated}_k)$,

$$r_\pi(s) = \sum_a \pi(a \mid s) \sum_k p_k r_k, \qquad \overline{V}_\pi(s) = \sum_a \pi(a \mid s) \sum_k c_k\, V(s'_k) \tag{1}$$

$$V(s) \leftarrow r_\pi(s) + \gamma\, \overline{V}_\pi(s) \tag{2}$$

until no value changes by $\theta$ or more. *Improvement*, one sweep more:

$$Q(s, a) = \sum_k \bigl( p_k r_k + \gamma\, c_k V(s'_k) \bigr) \tag{3}$$

$$\pi(s) \leftarrow \arg\max_a Q(s, a) \quad \text{where } \max_a Q(s, a) > \sum_a \pi(a \mid s)\, Q(s, a) \tag{4}$$

The new policy is at least as good in every state, up to what the evaluation leaves uncertain. As there are only finitely many, the
run ends with the first improvement that changes nothing. Then no action is better than the policy's by more than $10\,\theta$ (times
the value, where that is above 1), and so $V$ is within $11\,\theta / (1 - \gamma)$ of $V^*$; with $\gamma = 1$ there is no such bound.

It begins with the policy that takes every action equally often. An action is kept unless another is *strictly* better, by
$10\,\theta$: among actions that tie, changing for the sake of change can go on for ever, and with $\gamma = 1$ it can make a policy that
never ends. Every sweep is counted, those of the evaluation and those of the improvement; an *update* is one turn of both.

What this file leaves out:

1. Howard's linear solve of the evaluation, which needs no sweeps; the exact values beside the estimate are computed so.
2. Stopping the evaluation early; that is modified policy iteration.
3. With $\gamma = 1$, resting for ever where that costs nothing: the policies it finds end.

Sources: Howard (1960), *Dynamic Programming and Markov Processes*; Puterman (1994), *Markov Decision Processes*, section 6.4;
Sutton and Barto (2018), *Reinforcement Learning*, section 4.3.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.exact import Exact
from app.parts.planner import (
    BASIC_SIGNALS,
    CONTROL_SCALARS,
    Plan,
    Planner,
    Planning,
    SweepOrder,
    Swept,
    check,
    has_converged,
)
from app.parts.tabular import uniform_policy

TRACE = ("s", "r", "v next", "v old", "gamma", "v new")
TIE = 10  # of θ: what an evaluation that has just converged leaves uncertain


class PolicyIterationConfig(SweepOrder, Planning):
    """Hyperparameters of policy iteration."""


class Memory(NamedTuple):
    """What sweeps change, with a leading axis of lanes."""

    v: Any  # (1, S) float64
    policy: Any  # (1, S, A) float64
    is_evaluated: Any  # (1,) bool: the next sweep improves


def memory(config: PolicyIterationConfig, exact: Exact) -> Memory:
    """Return the tables before the first sweep."""
    return Memory(np.zeros((1, exact.mdp.n_states)), uniform_policy(exact.mdp)[None], np.zeros(1, np.bool_))


@kernel
def sweep(model: Any, policy: Any, v: Any, v_new: Any, gamma: Any, trace: Any) -> Any:
    """Back up every state of v (S,) under the policy (S, A) into v_new (S,), which may be v; return the largest change.

    The numbers of that change go into `trace`.
    """
    rewards, continues, next_states, states = model
    _, n_actions, n_outcomes = continues.shape
    change = -1.0
    for state in states:
        v_old, reward, v_next = v[state], 0.0, 0.0
        for action in range(n_actions):
            share = policy[state, action]
            reward += share * rewards[state, action]
            for k in range(n_outcomes):
                v_next += share * continues[state, action, k] * v[next_states[state, action, k]]  # (1)
        value = reward + gamma * v_next
        v_new[state] = value  # (2)
        if abs(value - v_old) > change:
            change = abs(value - v_old)
            trace[0], trace[1], trace[2], trace[3], trace[4], trace[5] = state, reward, v_next, v_old, gamma, value
    return change


@kernel
def improve(model: Any, policy: Any, v: Any, gamma: Any, tolerance: Any) -> Any:
    """Take the best action wherever it is better than the policy (S, A) by more than `tolerance`; return in how many states."""
    rewards, continues, next_states, states = model
    _, n_actions, n_outcomes = continues.shape
    n_changes = 0
    for state in states:
        best, best_action, value = -np.inf, 0, 0.0
        for action in range(n_actions):
            v_next = 0.0
            for k in range(n_outcomes):
                v_next += continues[state, action, k] * v[next_states[state, action, k]]
            q = rewards[state, action] + gamma * v_next  # (3)
            best_action = action if q > best else best_action
            best = max(best, q)
            value += policy[state, action] * q
        if best > value + tolerance * max(1.0, abs(value)):
            policy[state] = 0.0
            policy[state, best_action] = 1.0  # (4)
            n_changes += 1
    return n_changes


def step(planner: Planner) -> Swept:
    """Sweep once: evaluate the policy, or improve it where its values no longer change."""
    config, memory, trace = planner.config, planner.memory, planner.trace[0]
    v, policy = memory.v[0], memory.policy[0]
    if memory.is_evaluated[0]:
        n_changes = improve(planner.model, policy, v, config.gamma, TIE * config.theta)
        memory.is_evaluated[0], trace[:] = False, np.nan
        trace[0] = n_changes  # in place of a state: no value was backed up
        return Swept(is_finished=n_changes == 0)
    v_new = v if config.sweep == "in_place" else v.copy()
    change = sweep(planner.model, policy, v, v_new, config.gamma, trace)
    v[:] = v_new
    memory.is_evaluated[0] = has_converged(change, v, config.theta)
    return Swept(updates=0)


def improved(trace: Sequence[float]) -> str:
    """Return what an improvement did, in words."""
    n_changes = int(trace[0]) if math.isfinite(trace[0]) else 0
    if n_changes == 0:
        return _("The last sweep looked for a better action in every state and found none: the policy is optimal.")
    if n_changes == 1:
        return _("The last sweep improved the policy in 1 state; it changed no value.")
    return _("The last sweep improved the policy in {count} states; it changed no value.").format(count=n_changes)


PLAN = Plan(
    memory=memory,
    sweep=step,
    trace=TRACE,
    policy=lambda planner, q: planner.memory.policy[0].copy(),
    evaluates_by="policy",
    kept=("v", "policy"),
)


def agent(config: PolicyIterationConfig, problem: Problem) -> Planner:
    """Return a planner that starts from the policy of equal shares."""
    return Planner(config, problem, PLAN)


SPEC = AlgorithmSpec(
    id="policy_iteration",
    name=_("Policy iteration"),
    summary=_("Evaluates a policy from the exact model until its values stand still, improves it, and so on until nothing is better."),
    family="planning",
    version=1,
    config=PolicyIterationConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 200, {"gamma": 0.9}),
    emits=CONTROL_SCALARS,
    signals=BASIC_SIGNALS,
    tabular=True,
    needs_model=True,
    emits_episodes=False,
    step_unit="sweep",
    default_steps=20_000,
    parent="policy_evaluation",
    inspector=Inspector(
        equation=r"V(s) \leftarrow r_\pi(s) + \gamma\,\overline{V}_\pi(s)",
        terms=(Term(r"r_\pi(s)", 1), Term(r"\overline{V}_\pi(s)", 2), Term(r"\gamma", 4)),
        result=5,
        number=2,
        old=3,
        state=0,
        backup="full_policy",
        waits=improved,
        about=_("Shown is the value that this sweep changed most: {entry}."),
    ),
    references=(
        "Howard (1960), Dynamic Programming and Markov Processes, MIT Press",
        "Puterman (1994), Markov Decision Processes, section 6.4, Wiley",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 4.3",
    ),
)  # fmt: skip
