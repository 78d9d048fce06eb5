"""Kernels over the arrays of a finite model: exact backups, the way to an end, and sweeps that improve a policy.

Letters: S states, A actions, K outcomes of one state–action pair. They take arrays and know no names, so that
`tabular` and `optimum` can be read without loops. The two that solve read one-dimensional arrays and states without a
sign: an index that cannot be negative spares a test, and a call inside the loop would cost more than the backup
(5 to 7 times faster together).
"""

from typing import Any

import numpy as np

from app.core.jit import kernel


@kernel
def backup(
    probabilities: Any, next_states: Any, rewards: Any, terminated: Any, v: Any, gamma: Any, state: Any, action: Any
) -> Any:
    """Return q(state, action) = Σ p · (r + γ · v(next), the last term only where the outcome does not terminate)."""
    total = 0.0
    for outcome in range(probabilities.shape[2]):
        target = rewards[state, action, outcome]
        if not terminated[state, action, outcome]:
            target += gamma * v[next_states[state, action, outcome]]
        total += probabilities[state, action, outcome] * target
    return total


@kernel
def q_into(probabilities: Any, next_states: Any, rewards: Any, terminated: Any, v: Any, gamma: Any, q: Any) -> None:
    """Write the exact backup of v (S,) into q (S, A)."""
    n_states, n_actions = q.shape
    for state in range(n_states):
        for action in range(n_actions):
            q[state, action] = backup(probabilities, next_states, rewards, terminated, v, gamma, state, action)


@kernel
def horizon_values(
    probabilities: Any, next_states: Any, rewards: Any, terminated: Any, policy: Any, horizon: Any
) -> Any:
    """Return V (S,) of a policy (S, A) with `horizon` steps to go; a step that changes nothing ends the loop early.

    The policy's transitions are gathered once, so a step costs one multiplication for each that is possible.
    """
    n_states = policy.shape[0]
    first, followers, weights, expected = policy_rows(probabilities, next_states, rewards, terminated, policy)
    v, v_next = np.zeros(n_states), np.zeros(n_states)
    for _ in range(horizon):
        v, v_next = v_next, v
        has_changed = False
        for state in range(n_states):
            total = expected[state]
            for index in range(first[state], first[state + 1]):
                total += weights[index] * v_next[followers[index]]
            has_changed = has_changed or total != v_next[state]
            v[state] = total
        if not has_changed:
            break
    return v


@kernel
def policy_rows(probabilities: Any, next_states: Any, rewards: Any, terminated: Any, policy: Any) -> Any:
    """Return the chain of a policy (S, A) as rows: state s goes on to `followers` with `weights` from first[s] to first[s + 1].

    The last of the four is the mean reward of a step in each state (S,).
    """
    n_states, n_actions, n_outcomes = probabilities.shape
    first, expected = np.zeros(n_states + 1, np.uint32), np.zeros(n_states)
    followers, weights = np.empty(probabilities.size, np.uint32), np.empty(probabilities.size)
    count = 0
    for state in range(n_states):
        for action in range(n_actions):
            for outcome in range(n_outcomes):
                weight = policy[state, action] * probabilities[state, action, outcome]
                if weight > 0:
                    expected[state] += weight * rewards[state, action, outcome]
                    if not terminated[state, action, outcome]:
                        followers[count], weights[count] = next_states[state, action, outcome], weight
                        count += 1
        first[state + 1] = count
    return first, followers, weights, expected


@kernel
def horizon_visits(start: Any, first: Any, followers: Any, weights: Any, horizon: Any) -> Any:
    """Return how often each state is acted in (S,) within `horizon` steps from `start` (S,), on the chain of `policy_rows`."""
    n_states = start.shape[0]
    visits, here, there = np.zeros(n_states), start.copy(), np.zeros(n_states)
    for _ in range(horizon):
        left = 0.0
        there[:] = 0.0
        for state in range(n_states):
            share = here[state]
            visits[state] += share
            if share > 0:
                for index in range(first[state], first[state + 1]):
                    there[followers[index]] += share * weights[index]
                    left += share * weights[index]
        here, there = there, here
        if left == 0.0:
            break
    return visits


@kernel
def optimal_horizon_values(expected: Any, continues: Any, next_states: Any, horizon: Any) -> Any:
    """Return the best V (S,) with `horizon` steps to go; a step that changes nothing ends the loop early.

    `expected` (S, A) is the mean reward, `continues` (S, A, K) the probability of each outcome, 0 where it terminates.
    """
    n_states, n_actions = expected.shape
    means, weights, followers = expected.ravel(), continues.ravel(), next_states.ravel().astype(np.uint32)
    n_outcomes = continues.shape[2]
    v, v_next = np.zeros(n_states), np.zeros(n_states)
    for _ in range(horizon):
        v, v_next = v_next, v
        has_changed = False
        for state in range(n_states):
            best = -np.inf
            for pair in range(state * n_actions, (state + 1) * n_actions):
                q = means[pair]
                for index in range(pair * n_outcomes, (pair + 1) * n_outcomes):
                    q += weights[index] * v_next[followers[index]]
                if q > best:
                    best = q
            v[state] = best
            has_changed = has_changed or best != v_next[state]
        if not has_changed:
            break
    return v


@kernel
def improve(
    model: Any, order: Any, can_rest: Any, v: Any, actions: Any, gamma: Any, max_sweeps: Any, tolerance: Any
) -> Any:
    """Sweep over the states of `order`, take the better action where one is strictly better, and back v up along it.

    Args:
        model: mean reward (S, A), probability of each outcome (S, A, K), 0 where it terminates, next states (S, A, K).
        can_rest: (S,) where an agent may stop acting, for the value 0; written as action A.
        v, actions: (S,) changed in place; v must not exceed what `actions` are worth, and it never will.
        tolerance: of a gain, relative to values above 1; smaller gains count as ties.

    Returns:
        How often an action was changed.
    """
    expected, continues, next_states = model
    n_actions, n_changes = expected.shape[1], 0
    means, weights, followers = expected.ravel(), continues.ravel(), next_states.ravel().astype(np.uint32)
    n_outcomes = continues.shape[2]
    for _ in range(max_sweeps):
        change = 0.0
        for state in order:
            chosen, value, best, best_action = actions[state], 0.0, -np.inf, n_actions
            for action in range(n_actions):
                pair, following = state * n_actions + action, 0.0
                for index in range(pair * n_outcomes, (pair + 1) * n_outcomes):
                    following += weights[index] * v[followers[index]]
                q = means[pair] + gamma * following
                if action == chosen:
                    value = q
                if q > best:
                    best, best_action = q, action
            if can_rest[state] and best < 0:
                best, best_action = 0.0, n_actions
            if best > value + tolerance * max(1.0, abs(value)):
                actions[state], value = best_action, best
                n_changes += 1
            change = max(change, (value - v[state]) / max(1.0, abs(value)))
            v[state] = value
        if change <= tolerance:
            break
    return n_changes


@kernel
def way_out(weights: Any, next_states: Any, terminated: Any) -> Any:
    """Return (order (n,), actions (S,)): the states from which an end is possible, the nearest first, and how.

    `weights` (S, A, K) are positive where an outcome is possible. The action of a state may end, or lead to a state
    that is nearer to an end; −1 where there is no way out. So these actions end from every state of `order`.
    """
    n_states, n_actions, n_outcomes = weights.shape
    first = np.zeros(n_states + 1, np.int64)
    order, actions = np.empty(n_states, np.int64), np.full(n_states, -1, np.int64)
    n_found = 0
    for state in range(n_states):
        for action in range(n_actions):
            for outcome in range(n_outcomes):
                if weights[state, action, outcome] <= 0:
                    continue
                if not terminated[state, action, outcome]:
                    first[next_states[state, action, outcome] + 1] += 1
                elif actions[state] < 0:
                    actions[state], order[n_found] = action, state
                    n_found += 1
    first = np.cumsum(first)
    filled, pairs = first.copy(), np.empty(first[n_states], np.int64)
    for pair in range(n_states * n_actions):
        state, action = pair // n_actions, pair % n_actions
        for outcome in range(n_outcomes):
            if weights[state, action, outcome] > 0 and not terminated[state, action, outcome]:
                following = next_states[state, action, outcome]
                pairs[filled[following]] = pair
                filled[following] += 1
    n_followed = 0
    while n_followed < n_found:
        following = order[n_followed]
        n_followed += 1
        for index in range(first[following], first[following + 1]):
            state = pairs[index] // n_actions
            if actions[state] < 0:
                actions[state], order[n_found] = pairs[index] % n_actions, state
                n_found += 1
    return order[:n_found], actions


@kernel
def distances(weights: Any, next_states: Any, terminated: Any) -> Any:
    """Return how many steps of luck an end is away from each state (S,), infinity where none is possible."""
    order, actions = way_out(weights, next_states, terminated)
    steps = np.full(weights.shape[0], np.inf)
    for state in order:
        nearest = np.inf
        for outcome in range(weights.shape[2]):
            if weights[state, actions[state], outcome] > 0:
                is_end = terminated[state, actions[state], outcome]
                nearest = min(nearest, 0.0 if is_end else steps[next_states[state, actions[state], outcome]])
        steps[state] = nearest + 1
    return steps


@kernel
def can_stay(allowed: Any, probabilities: Any, next_states: Any) -> Any:
    """Return the states (S,) in which one can stay for ever, moving among them by `allowed` pairs (S, A) only."""
    n_states, n_actions = allowed.shape
    stays = np.ones(n_states, np.bool_)
    has_changed = True
    while has_changed:
        has_changed = False
        for number in range(2 * n_states):  # forth and back, so that a corridor takes one pass in either direction
            state = number if number < n_states else 2 * n_states - 1 - number
            if not stays[state]:
                continue
            is_kept = False
            for action in range(n_actions):
                is_safe = allowed[state, action]
                for outcome in range(probabilities.shape[2]):
                    if probabilities[state, action, outcome] > 0:
                        is_safe = is_safe and stays[next_states[state, action, outcome]]
                is_kept = is_kept or is_safe
            if not is_kept:
                stays[state], has_changed = False, True
    return stays
