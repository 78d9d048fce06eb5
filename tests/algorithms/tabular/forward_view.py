"""What a learner with traces or n-step returns must equal: the same walk, learned from by plain loops that look forward.

A walk is a list of steps through the entries of a table: states, or pairs numbered s · A + a.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.parts.tabular_agent import TabularAgent

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """One step: the entry it left, the entry it came to, and whether the episode ends there, by itself or cut."""

    entry: int
    reward: float
    next_entry: int
    terminated: bool
    truncated: bool


def walk(agent: TabularAgent, steps: int) -> list[list[Step]]:
    """Let `agent` take single steps and return its episodes, the last one perhaps unfinished."""
    episodes: list[list[Step]] = [[]]
    for _ in range(steps):
        agent.update(1)
        state, action, reward, next_state, terminated, truncated = agent.signals()["last_transition"]().tolist()
        entry, next_entry = int(state), int(next_state)
        if hasattr(agent.memory, "q"):
            n_actions = agent.memory.q.shape[2]
            entry, next_entry = (
                entry * n_actions + int(action),
                next_entry * n_actions + int(agent.memory.next_action[0]),
            )
        episodes[-1].append(Step(entry, reward, next_entry, bool(terminated), bool(truncated)))
        if terminated or truncated:
            episodes.append([])
    return episodes


def values_of(agent: TabularAgent) -> F64:
    """Return the table as one row of entries."""
    table = agent.memory.q if hasattr(agent.memory, "q") else agent.memory.v
    return np.array(table[0]).reshape(-1)


def bootstrap(values: F64, step: Step) -> float:
    """Return the value that follows a step: none where it terminated."""
    return 0.0 if step.terminated else float(values[step.next_entry])


def n_step_return(values: F64, steps: list[Step], gamma: float) -> float:
    """Return the discounted rewards of `steps` and the value of what follows."""
    rewards = sum(gamma**k * step.reward for k, step in enumerate(steps))
    return rewards + gamma ** len(steps) * bootstrap(values, steps[-1])


def monte_carlo(values: F64, episode: list[Step], alpha: float, gamma: float) -> F64:
    """Return the values after constant-α every-visit Monte Carlo updates, first step first."""
    values = values.copy()
    for start, step in enumerate(episode):
        target = sum(gamma**k * later.reward for k, later in enumerate(episode[start:]))
        values[step.entry] += alpha * (target - values[step.entry])
    return values


def lambda_return(returns: list[float], lambda_: float) -> float:
    """Return (1 − λ) Σ λ^(n−1) G⁽ⁿ⁾ over all but the last of the n-step returns, which takes the weight that is left."""
    mixed = sum((1 - lambda_) * lambda_**k * value for k, value in enumerate(returns[:-1]))
    return mixed + lambda_ ** (len(returns) - 1) * returns[-1]


def offline_change(values: F64, episode: list[Step], gamma: float, lambda_: float) -> F64:
    """Return Σ_t (G^λ_t − V(s_t)), entry by entry, with V fixed during the episode."""
    change = np.zeros_like(values)
    for start, step in enumerate(episode):
        ends = range(start + 1, len(episode) + 1)
        returns = [n_step_return(values, episode[start:end], gamma) for end in ends]
        change[step.entry] += lambda_return(returns, lambda_) - values[step.entry]
    return change


def online_lambda_returns(values: F64, episode: list[Step], *, alpha: float, gamma: float, lambda_: float) -> F64:
    """Return the values after the online λ-return algorithm: at every step, all updates again with the longer returns.

    Sutton and Barto (2018), section 12.4; a return that ends at step k bootstraps from the values that step k − 1 left.
    """
    known = [values]  # known[k]: after k steps
    for horizon in range(1, len(episode) + 1):
        again = values.copy()
        for start, step in enumerate(episode[:horizon]):
            ends = range(start + 1, horizon + 1)
            returns = [n_step_return(known[end - 1], episode[start:end], gamma) for end in ends]
            again[step.entry] += alpha * (lambda_return(returns, lambda_) - again[step.entry])
        known.append(again)
    return known[-1]


def dense_traces(
    values: F64, episode: list[Step], kind: str, *, alpha: float, gamma: float, lambda_: float
) -> tuple[F64, F64]:
    """Return values and traces after an episode in which every entry of the table has a trace and is updated."""
    values, z = values.copy(), np.zeros_like(values)
    for step in episode:
        delta = step.reward + gamma * bootstrap(values, step) - values[step.entry]
        z[step.entry] = 1.0 if kind == "replacing" else z[step.entry] + 1.0
        values += alpha * delta * z
        z *= gamma * lambda_
    return values, z
