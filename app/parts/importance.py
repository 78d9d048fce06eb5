"""Target and behaviour of an off-policy learner: what each does, how likely an episode is under them, and whether one covers the other.

For control the target takes any of the best actions of q, each as likely, and the behaviour is ε-greedy in q. (A target that took
the first of them would never follow the others: where the behaviour ends its episodes by one of those, nothing before it would ever
be learned.) For prediction the target is given, and
the behaviour mixes a best policy of the true model with random actions. The kernels read a memory with q, target and base
(1, S, A), and of the running episode states, actions and chances (1, H). S states, A actions, H steps.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Environment
from app.core.errors import InvalidInput
from app.core.jit import kernel
from app.core.randomness import below, unit
from app.core.text import _
from app.parts.evaluated import EvaluatedPolicy, check_evaluated, policy_to_evaluate, sample_action
from app.parts.exact import Exact, model_of
from app.parts.exploration import exploration_rate, greedy_action
from app.parts.tabular import greedy_policy
from app.parts.tabular_agent import Tables, TabularAgent, check, control_tables

F64 = NDArray[np.float64]


def best_policy(exact: Exact) -> F64:
    """Return a best policy (S, A) of the true model."""
    return policy_to_evaluate(EvaluatedPolicy(policy="optimal", policy_epsilon=0.0), exact)


def refuse_uncovered(config: Any, is_control: bool, environment: Environment) -> None:
    """Raise InvalidInput where returns have no end, or where the target may take an action that the behaviour never takes.

    `config` has gamma, the fields of `EpsilonGreedy`, and for prediction those of `EvaluatedPolicy`.
    """
    check(config, environment) if is_control else check_evaluated(config, environment)
    falls_to_zero = config.epsilon_schedule != "constant" and config.epsilon_final == 0
    if config.epsilon > 0 and not falls_to_zero:
        return
    name = "epsilon_final" if config.epsilon > 0 else "epsilon"
    mdp = model_of(environment, config.gamma)
    exact = Exact(mdp, config.gamma, environment.max_episode_steps)
    state, action, why = int(np.flatnonzero(exact.reachable)[0]), 0, _("could become the greedy one")
    if not is_control:
        target, base = policy_to_evaluate(config, exact), best_policy(exact)
        uncovered = np.argwhere((target > 0) & (base == 0) & exact.reachable[:, None])
        if not len(uncovered):
            return
        state, action, why = int(uncovered[0, 0]), int(uncovered[0, 1]), _("is one that the target takes")
    where = mdp.name_of(state)
    rule = _("the behaviour does not cover the target: in {state} it never takes action {action}, which {why}")
    way_out = _("Raise it, so that the behaviour sometimes takes every action.")
    raise InvalidInput.one(f"config.{name}", 0, rule.format(state=where, action=action, why=why), way_out)


@kernel
def behave(memory: Any, state: Any, epsilon: Any, is_control: Any, words: Any) -> Any:
    """Return an action by three random words (3,): whether to explore, which action then, which of the others else."""
    if unit(words[0]) < epsilon:
        return below(words[1], memory.q.shape[2])
    if is_control:
        return greedy_action(memory.q[0], state, words[2])
    return sample_action(memory.base[0], state, unit(words[2]))


@kernel
def behaviour_chance(memory: Any, state: Any, action: Any, epsilon: Any, is_control: Any) -> Any:
    """Return b(action | state), with which `behave` takes it."""
    greedy = greedy_chance(memory.q[0], state, action) if is_control else memory.base[0, state, action]
    return (1 - epsilon) * greedy + epsilon / memory.q.shape[2]


@kernel
def greedy_chance(q: Any, state: Any, action: Any) -> Any:
    """Return the chance of an action where all best ones of q (S, A) are as likely."""
    best = q[state].max()
    if q[state, action] < best:
        return 0.0
    n_best = 0
    for other in range(q.shape[1]):
        n_best += q[state, other] == best
    return 1.0 / n_best


@kernel
def target_chance(memory: Any, state: Any, action: Any, is_control: Any) -> Any:
    """Return π(action | state): of the evaluated policy, or of the one that takes any of the best actions."""
    if is_control:
        return greedy_chance(memory.q[0], state, action)
    return memory.target[0, state, action]


@kernel
def target_value(memory: Any, state: Any, is_control: Any) -> Any:
    """Return what the target policy expects of a state under the table."""
    if is_control:
        return memory.q[0, state].max()
    total = 0.0
    for action in range(memory.q.shape[2]):
        total += memory.target[0, state, action] * memory.q[0, state, action]
    return total


@kernel
def count_weight(memory: Any, is_control: Any, length: Any) -> None:
    """Count the weight of the whole recorded episode, under the target as it is before it learns from it."""
    weight = 1.0
    for t in range(length):
        chance = target_chance(memory, memory.states[0, t], memory.actions[0, t], is_control)
        weight *= chance / memory.chances[0, t]
    memory.weights[0, 0] += 1
    memory.weights[0, 1] += weight
    memory.weights[0, 2] += weight * weight


def tables_of_control(agent: TabularAgent) -> Tables:
    """Return the tables of control: the target takes any of the best actions, as exactly as the kernel compares them."""
    tables = control_tables(agent)
    return replace(tables, target=greedy_policy(tables.q, 0.0))


def tables_of_prediction(agent: TabularAgent) -> Tables:
    """Return the tables of prediction: v is what the target expects under q."""
    held, epsilon = agent.memory, float(exploration_rate(agent.knobs.exploration, agent.step))
    q, target = held.q[0].copy(), held.target[0].copy()
    return Tables((target * q).sum(axis=1), q, target, (1 - epsilon) * held.base[0] + epsilon / q.shape[1])
