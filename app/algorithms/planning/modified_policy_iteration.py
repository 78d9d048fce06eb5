r"""Modified policy iteration.

Computes the best policy from the exact model by turns of $m$ sweeps: one that improves the policy, and $m - 1$ that only
follow it. With $m = 1$ this is value iteration; with $m$ so large that the values stand still, policy iteration.

The sweep that improves is the one of value iteration, and remembers the best action. With $c_k = p_k (1 - \text{terminated}_k)$,

$$Q(s, a) = r(s, a) + \gamma\, \overline{V}(s, a), \qquad \overline{V}(s, a) = \sum_k c_k\, V(s'_k) \tag{1}$$

$$\pi(s) \leftarrow \arg\max_a Q(s, a), \qquad \Delta = \max_s \bigl| Q(s, \pi(s)) - V(s) \bigr| \tag{2}$$

All $m$ sweeps of a turn make the same backup, along one action only, which is cheaper than a maximum by the number of actions:

$$V(s) \leftarrow Q(s, \pi(s)) \tag{3}$$

A turn whose first sweep has $\Delta < \theta$ is the last: then $\max_s |V(s) - V^*(s)| \le \gamma \Delta / (1 - \gamma)$. A turn also ends early when
a sweep changes nothing by $\theta$ or more. An *update* is one turn.

What this file leaves out:

1. A number of sweeps that grows with the turns, as the theory of its rate would have it.
2. With $\gamma = 1$, a guarantee: the policy of an early turn may never end, and its values then fall with each of its sweeps.
3. States in which nobody ever acts (behind an end, inside a wall): their value stays 0.

Sources: Puterman and Shin (1978), *Modified Policy Iteration Algorithms for Discounted Markov Decision Problems*, Management
Science 24; Puterman (1994), *Markov Decision Processes*, section 6.5.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.config import Hyper
from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.exact import Exact
from app.parts.planner import (
    BACKUP_TRACE,
    BASIC_SIGNALS,
    CONTROL_SCALARS,
    Plan,
    Planner,
    Planning,
    SweepOrder,
    Swept,
    best_action,
    check,
    has_converged,
    note_backup,
)


class ModifiedPolicyIterationConfig(SweepOrder, Planning):
    """Hyperparameters of modified policy iteration."""

    evaluation_sweeps: int = Hyper(
        5, low=1, high=1_000_000, symbol="m", scale="log", live="update",
        help=_("Sweeps of a turn: raising it evaluates each policy longer; 1 is value iteration, very many is policy iteration."),
    )  # fmt: skip


class Memory(NamedTuple):
    """What sweeps change, with a leading axis of lanes."""

    v: Any  # (1, S) float64
    actions: Any  # (1, S) int64: the policy
    swept: Any  # (1,) int64: sweeps of this turn so far


def memory(config: ModifiedPolicyIterationConfig, exact: Exact) -> Memory:
    """Return the tables before the first sweep."""
    n_states = exact.mdp.n_states
    return Memory(np.zeros((1, n_states)), np.zeros((1, n_states), np.int64), np.zeros(1, np.int64))


@kernel
def sweep(model: Any, actions: Any, improves: Any, v: Any, v_new: Any, gamma: Any, trace: Any) -> Any:
    """Back up every state of v (S,) along actions (S,) into v_new (S,), which may be v; return the largest change.

    A sweep that improves chooses the actions first. The numbers of the largest change go into `trace`.
    """
    rewards, continues, next_states, states = model
    n_outcomes = continues.shape[2]
    change = -1.0
    for state in states:
        if improves:
            actions[state] = best_action(model, v, gamma, state)  # (2)
        action, v_old, v_next = actions[state], v[state], 0.0
        for k in range(n_outcomes):
            v_next += continues[state, action, k] * v[next_states[state, action, k]]
        value = rewards[state, action] + gamma * v_next  # (1)
        if abs(value - v_old) > change:
            change = abs(value - v_old)
            note_backup(model, v, gamma, state, action, trace)
        v_new[state] = value  # (3)
    return change


def step(planner: Planner) -> Swept:
    """Sweep once: the first sweep of a turn improves the policy, the others follow it."""
    config, memory = planner.config, planner.memory
    v, improves = memory.v[0], memory.swept[0] == 0
    v_new = v if config.sweep == "in_place" else v.copy()
    change = sweep(planner.model, memory.actions[0], improves, v, v_new, config.gamma, planner.trace[0])
    v[:] = v_new
    stands_still = has_converged(change, v, config.theta)
    ends_turn = stands_still or memory.swept[0] + 1 >= config.evaluation_sweeps
    memory.swept[0] = 0 if ends_turn else memory.swept[0] + 1
    return Swept(updates=int(ends_turn), is_finished=bool(improves and stands_still))


PLAN = Plan(memory=memory, sweep=step, trace=BACKUP_TRACE)


def agent(config: ModifiedPolicyIterationConfig, problem: Problem) -> Planner:
    """Return a planner with a table of state values and an action for each state."""
    return Planner(config, problem, PLAN)


SPEC = AlgorithmSpec(
    id="modified_policy_iteration",
    name=_("Modified policy iteration"),
    summary=_("Improves a policy by the exact model and follows it for a few cheap sweeps: all that lies between value and policy iteration."),
    family="planning",
    version=1,
    config=ModifiedPolicyIterationConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 200),
    emits=CONTROL_SCALARS,
    signals=BASIC_SIGNALS,
    tabular=True,
    needs_model=True,
    emits_episodes=False,
    step_unit="sweep",
    default_steps=10_000,
    parent="value_iteration",
    inspector=Inspector(
        equation=r"V(s) \leftarrow r(s,\pi(s)) + \gamma\,\overline{V}(s,\pi(s))",
        terms=(Term(r"r(s,\pi(s))", 2), Term(r"\overline{V}(s,\pi(s))", 3), Term(r"\gamma", 5)),
        result=6,
        number=3,
        old=4,
        state=0,
        action=1,
        backup="full_action",
        waits=_("No sweep has been made yet."),
        about=_("Shown is the value that this sweep changed most: {entry}."),
    ),
    references=(
        "Puterman and Shin (1978), Modified Policy Iteration Algorithms for Discounted Markov Decision Problems, Management Science 24",
        "Puterman (1994), Markov Decision Processes, section 6.5, Wiley",
    ),
)  # fmt: skip
