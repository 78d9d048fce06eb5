r"""Returns and advantages of a rollout. T steps, N environments, t grows downwards.

Both ends of an episode cut the recursion; they differ in what follows the last reward. A *terminated* episode is over, so
nothing follows. A *truncated* one was only stopped, so the value of the state it stopped in follows:

$$V^{next}_t = \begin{cases} 0 & \text{terminated at } t \\ V(s^{final}_t) & \text{truncated at } t \\ V(s_{t+1}) & \text{otherwise} \end{cases}$$
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.jit import kernel

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


def next_values(values: NDArray[Any], final_values: NDArray[Any], terminated: Bools, truncated: Bools) -> F64:
    """Return the value that follows each step (T, N).

    Args:
        values: V of the observations (T + 1, N); the last row belongs to the observation after the rollout.
        final_values: V of the final observation where a step truncated (T, N); other entries are not read.
        terminated, truncated: how each step ended (T, N); where both are True, it terminated.
    """
    _check(values.shape[0] == len(terminated) + 1, "values needs one row more than there are steps")
    following = np.where(truncated, final_values, values[1:]).astype(np.float64)
    following[terminated] = 0.0
    return following


def gae(rewards: F64, values: NDArray[Any], following: F64, *, ended: Bools, gamma: float, lambda_: float) -> F64:
    r"""Return generalized advantage estimates (T, N).

    $$\delta_t = r_t + \gamma V^{next}_t - V(s_t), \qquad \hat A_t = \delta_t + \gamma\lambda\,(1 - ended_t)\,\hat A_{t+1}$$

    λ = 0 gives the one-step error δ; λ = 1 the discounted return minus V.

    Args:
        rewards: (T, N).
        values: V(s_t), (T, N) or with a row more.
        following: what `next_values` returns (T, N).
        ended: terminated or truncated (T, N).

    Source: Schulman et al. (2016), "High-dimensional continuous control using generalized advantage estimation", eq. 16.
    """
    _check(rewards.shape == following.shape == ended.shape, "rewards, following and ended have one shape (T, N)")
    deltas = rewards + gamma * following - values[: len(rewards)]
    return backward_sum(deltas, ended, gamma * lambda_)


def discounted_returns(rewards: F64, following: F64, *, ended: Bools, gamma: float) -> F64:
    """Return G_t = r_t + γ G_{t+1} (T, N); at an end and after the last step, G_{t+1} is the value in `following`."""
    _check(rewards.shape == following.shape == ended.shape, "rewards, following and ended have one shape (T, N)")
    is_last = ended.copy()
    is_last[-1] = True
    return backward_sum(rewards + gamma * following * is_last, is_last, gamma)


def n_step_returns(rewards: F64, following: F64, *, ended: Bools, gamma: float, n: int) -> F64:
    """Return r_t + … + γ^{n−1} r_{t+n−1} + γ^n V (T, N), shorter where an episode or the rollout ends first."""
    _check(n >= 1, "n is at least 1")
    total = rewards + gamma * following
    for _ in range(n - 1):
        longer = np.where(ended[:-1], total[:-1], rewards[:-1] + gamma * total[1:])
        total = np.concatenate([longer, total[-1:]])
    return total


def first_of_episode(values: F64, ended: Bools) -> F64:
    """Return at each step the number that the first step of its episode has (T, N); a row after an end begins another."""
    firsts = values.copy()
    for t in range(1, len(values)):
        firsts[t] = np.where(ended[t - 1], values[t], firsts[t - 1])
    return firsts


def backward_sum(terms: F64, ended: Bools, factor: float) -> F64:
    """Return x_t = terms_t + factor · (1 − ended_t) · x_{t+1} (T, N), with 0 after the last step."""
    return _backward_sum(np.ascontiguousarray(terms, np.float64), np.ascontiguousarray(ended), float(factor))


@kernel
def _backward_sum(terms: F64, ended: Bools, factor: float) -> F64:
    sums = np.empty_like(terms)
    for env in range(terms.shape[1]):
        running = 0.0
        for t in range(terms.shape[0] - 1, -1, -1):
            if ended[t, env]:
                running = 0.0
            running = terms[t, env] + factor * running
            sums[t, env] = running
    return sums


def explained_variance(values: NDArray[Any], returns: NDArray[Any]) -> float:
    """Return 1 − Var(returns − values) / Var(returns): 1 is perfect, 0 as good as a constant, below 0 worse.

    It is 0 where all returns are equal, for then there is nothing to explain.
    """
    variance = float(np.var(returns))
    return 1.0 - float(np.var(returns - values)) / variance if variance > 0 else 0.0


def _check(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(rule)
