r"""Iterative policy evaluation.

Computes what a given policy is worth from the exact model, without acting once: sweep after sweep, each state's value is
replaced by what one step under the policy and the old values of the next states promise. Compiled with numba, the loop
below is the loop that runs.

Outcome $k$ of an action has probability $p_k$, reward $r_k$ and next state $s'_k$; those that terminate have no next value, so
$c_k = p_k (1 - \text{terminated}_k)$. The policy $\pi$ mixes over the actions:

$$r_\pi(s) = \sum_a \pi(a \mid s) \sum_k p_k r_k, \qquad \overline{V}_\pi(s) = \sum_a \pi(a \mid s) \sum_k c_k\, V(s'_k) \tag{1}$$

$$V(s) \leftarrow r_\pi(s) + \gamma\, \overline{V}_\pi(s) \tag{2}$$

$$\Delta = \max_s \bigl| V_{\text{new}}(s) - V_{\text{old}}(s) \bigr| \tag{3}$$

Sweeps end when $\Delta < \theta$. For $\gamma < 1$ each sweep brings $V$ closer to $V^\pi$ by at least the factor $\gamma$. With $\gamma = 1$ it
converges where the policy ends from every state, which is checked before the run begins.

The policy that is drawn is the one that is evaluated. The curve "exact greedy return" is that of the policy greedy in $V$:
it is often optimal long before $V$ has converged, which is what policy iteration lives on.

What this file leaves out:

1. The linear solve $(I - \gamma P_\pi) V = r_\pi$, which gives $V^\pi$ at once; it is the truth that the sweeps are compared with.
2. Samples: TD(0) makes the same backup with one sampled outcome instead of all of them.
3. States in which nobody ever acts (behind an end, inside a wall): their value stays 0.

Sources: Puterman (1994), *Markov Decision Processes*, section 6.1; Sutton and Barto (2018), *Reinforcement Learning*, section 4.1.
"""

from typing import Any, NamedTuple

import numpy as np

from app.core.contracts import Problem
from app.core.jit import kernel
from app.core.specs import AlgorithmSpec, Inspector, Smoke, Term
from app.core.text import _
from app.parts.evaluated import EvaluatedPolicy, check_evaluated, policy_to_evaluate
from app.parts.exact import Exact
from app.parts.planner import (
    BASIC_SIGNALS,
    EVALUATION_SCALARS,
    Plan,
    Planner,
    Planning,
    SweepOrder,
    Swept,
    has_converged,
)

TRACE = ("s", "r", "v next", "v old", "gamma", "v new")


class PolicyEvaluationConfig(EvaluatedPolicy, SweepOrder, Planning):
    """Hyperparameters of iterative policy evaluation."""


class Memory(NamedTuple):
    """What sweeps change, and the policy that is evaluated, with a leading axis of lanes."""

    v: Any  # (1, S) float64
    policy: Any  # (1, S, A) float64


def memory(config: PolicyEvaluationConfig, exact: Exact) -> Memory:
    """Return the table before the first sweep."""
    return Memory(np.zeros((1, exact.mdp.n_states)), policy_to_evaluate(config, exact)[None])


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
            change = abs(value - v_old)  # (3)
            trace[0], trace[1], trace[2], trace[3], trace[4], trace[5] = state, reward, v_next, v_old, gamma, value
    return change


def step(planner: Planner) -> Swept:
    """Sweep once over all states."""
    v, config = planner.memory.v[0], planner.config
    v_new = v if config.sweep == "in_place" else v.copy()
    change = sweep(planner.model, planner.memory.policy[0], v, v_new, config.gamma, planner.trace[0])
    v[:] = v_new
    return Swept(is_finished=has_converged(change, v, config.theta))


PLAN = Plan(
    memory=memory,
    sweep=step,
    trace=TRACE,
    policy=lambda planner, q: planner.memory.policy[0].copy(),
    truth="target",
    evaluates_by="policy",
    kept=("v", "policy"),
)


def agent(config: PolicyEvaluationConfig, problem: Problem) -> Planner:
    """Return a planner that evaluates one policy."""
    return Planner(config, problem, PLAN)


SPEC = AlgorithmSpec(
    id="policy_evaluation",
    name=_("Policy evaluation"),
    summary=_("Computes what a given policy is worth in every state from the exact model, sweep after sweep."),
    family="planning",
    version=1,
    config=PolicyEvaluationConfig,
    agent=agent,
    check=check_evaluated,
    smoke=Smoke("FrozenLake-v1", 200),
    emits=EVALUATION_SCALARS,
    signals=BASIC_SIGNALS,
    tabular=True,
    needs_model=True,
    emits_episodes=False,
    step_unit="sweep",
    default_steps=20_000,
    inspector=Inspector(
        equation=r"V(s) \leftarrow r_\pi(s) + \gamma\,\overline{V}_\pi(s)",
        terms=(Term(r"r_\pi(s)", 1), Term(r"\overline{V}_\pi(s)", 2), Term(r"\gamma", 4)),
        result=5,
        number=2,
        old=3,
        state=0,
        backup="full_policy",
        waits=_("No sweep has been made yet."),
        about=_("Shown is the value that this sweep changed most: {entry}."),
    ),
    references=(
        "Puterman (1994), Markov Decision Processes, section 6.1, Wiley",
        "Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 4.1",
    ),
)  # fmt: skip
