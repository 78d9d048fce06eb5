r"""Value iteration.

Computes the value of every state from the exact model, without acting once: sweep after sweep, each state's value is
replaced by the best that one step and the old values of the next states promise. Compiled with numba, the loop below is
the loop that runs.

The backup of one state and action. Its outcomes $k$ have probability $p_k$, reward $r_k$ and next state $s'_k$; those that
terminate have no next value. The expected reward $r(s, a) = \sum_k p_k r_k$ and the probabilities $c_k = p_k (1 - \text{terminated}_k)$
of going on never change, so they are computed once:

$$Q(s, a) = r(s, a) + \gamma\, \overline{V}(s, a), \qquad \overline{V}(s, a) = \sum_k c_k\, V(s'_k) \tag{1}$$

$$V(s) \leftarrow \max_a Q(s, a) \tag{2}$$

$$\Delta = \max_s \bigl| V_{\text{new}}(s) - V_{\text{old}}(s) \bigr| \tag{3}$$

With $a^*$ the action of the maximum, (2) is $V(s) \leftarrow r(s, a^*) + \gamma \overline{V}(s, a^*)$: the inspector shows it for the
state that changed most.

Sweeps end when $\Delta < \theta$. For $\gamma < 1$ each sweep brings $V$ closer to $V^*$ by at least the factor $\gamma$, so that
afterwards $\max_s |V(s) - V^*(s)| \le \gamma \Delta / (1 - \gamma)$. With $\gamma = 1$ it still converges where every policy worth
following ends.

A *synchronous* sweep reads only the values of the sweep before. An *in-place* one (Gauss–Seidel) reads what it has just
written, which needs one table instead of two and usually fewer sweeps; how many then depends on the order of the states.

What this file leaves out:

1. Orders of backup: the states are swept by number. Prioritised sweeping starts where the change is largest.
2. Several evaluation sweeps for each improvement; that is modified policy iteration.
3. States in which nobody ever acts (behind an end, inside a wall): their value stays 0.

Sources: Bellman (1957), *Dynamic Programming*; Puterman (1994), *Markov Decision Processes*, section 6.3;
Sutton and Barto (2018), *Reinforcement Learning*, section 4.4.
"""

from typing import Any, NamedTuple

import numpy as np

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


class ValueIterationConfig(SweepOrder, Planning):
    """Hyperparameters of value iteration."""


class Memory(NamedTuple):
    """What sweeps change, with a leading axis of lanes."""

    v: Any  # (1, S) float64


def memory(config: ValueIterationConfig, exact: Exact) -> Memory:
    """Return the table before the first sweep."""
    return Memory(np.zeros((1, exact.mdp.n_states)))


@kernel
def sweep(model: Any, v: Any, v_new: Any, gamma: Any, trace: Any) -> Any:
    """Back up every state of v (S,) into v_new (S,), which may be the same array; return the largest change.

    The numbers of that change go into `trace`.
    """
    rewards, continues, next_states, states = model
    _, n_actions, n_outcomes = continues.shape
    change = -1.0
    for state in states:
        v_old, best = v[state], -np.inf
        for action in range(n_actions):
            v_next = 0.0
            for k in range(n_outcomes):
                v_next += continues[state, action, k] * v[next_states[state, action, k]]
            q = rewards[state, action] + gamma * v_next  # (1)
            best = max(best, q)
        if abs(best - v_old) > change:
            change = abs(best - v_old)  # (3)
            note_backup(model, v, gamma, state, best_action(model, v, gamma, state), trace)
        v_new[state] = best  # (2)
    return change


def step(planner: Planner) -> Swept:
    """Sweep once over all states."""
    v, config = planner.memory.v[0], planner.config
    v_new = v if config.sweep == "in_place" else v.copy()
    change = sweep(planner.model, v, v_new, config.gamma, planner.trace[0])
    v[:] = v_new
    return Swept(is_finished=has_converged(change, v, config.theta))


PLAN = Plan(memory=memory, sweep=step, trace=BACKUP_TRACE)


def agent(config: ValueIterationConfig, problem: Problem) -> Planner:
    """Return a planner with a table of state values."""
    return Planner(config, problem, PLAN)


SPEC = AlgorithmSpec(
    id="value_iteration",
    name=_("Value iteration"),
    summary=_("Computes the best value of every state from the exact model, sweep after sweep, without acting once."),
    family="planning",
    version=2,
    config=ValueIterationConfig,
    agent=agent,
    check=check,
    smoke=Smoke("FrozenLake-v1", 200),
    emits=CONTROL_SCALARS,
    signals=BASIC_SIGNALS,
    tabular=True,
    needs_model=True,
    emits_episodes=False,
    step_unit="sweep",
    default_steps=2_000,
    inspector=Inspector(
        equation=r"V(s) \leftarrow r(s,a^*) + \gamma\,\overline{V}(s,a^*)",
        terms=(Term("r(s,a^*)", 2), Term(r"\overline{V}(s,a^*)", 3), Term(r"\gamma", 5)),
        result=6,
        number=2,
        old=4,
        state=0,
        backup="full_max",
        waits=_("No sweep has been made yet."),
        about=_("Shown is the value that this sweep changed most: {entry}."),
    ),
    references=(
        "Bellman (1957), Dynamic Programming, Princeton University Press",
        "Puterman (1994), Markov Decision Processes, section 6.3, Wiley",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 4.4",
    ),
)  # fmt: skip
