"""What the tests of on-policy learners share: returns beside the cliff, and the best policy among those that explore."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.report import Episodes
from app.parts.exploration import epsilon_greedy_policy
from app.parts.tabular import q_from_v
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular.tables import agent_on, run

F64 = NDArray[np.float64]


def online_returns(algorithm: str, seeds: range) -> F64:
    """Return the mean return of the last 100 of 500 episodes beside the cliff (α = .5, ε = .1, γ = 1), one number a seed."""
    means = []
    for seed in seeds:
        agent = agent_on(algorithm, "CliffWalking-v1", seed, alpha=0.5, epsilon=0.1, gamma=1.0)
        episodes = Episodes.none()
        while len(episodes) < 500:
            episodes = Episodes.join([episodes, agent.update(2000).episodes])
        means.append(episodes.returns[400:500].mean())
    return np.array(means)


def mean_and_error(numbers: F64) -> tuple[float, float]:
    """Return the mean and its standard error."""
    return float(numbers.mean()), float(numbers.std(ddof=1) / np.sqrt(len(numbers)))


def best_soft_values(agent: TabularAgent, epsilon: float) -> F64:
    """Return the values (S,) of the best policy that explores with probability ε, by iterating its optimality equation."""
    mdp, gamma = agent.exact.mdp, agent.exact.gamma
    v = np.zeros(mdp.n_states)
    for _ in range(1000):
        q = q_from_v(mdp, v, gamma)
        v = (epsilon_greedy_policy(q, epsilon) * q).sum(axis=1)
    return v


def soft_errors(algorithm: str, epsilon: float, **config: Any) -> tuple[float, float]:
    """Return the largest distances of the learned values of acting to those of the best ε-soft policy, and to V*.

    On the 4 x 4 lake, over the states where an agent may have to act.
    """
    shrinking: dict[str, Any] = {"alpha": 1.0, "alpha_schedule": "visits", "alpha_exponent": 0.7}
    agent = agent_on(algorithm, "FrozenLake-v1", epsilon=epsilon, gamma=0.95, **shrinking, **config)
    run(agent, 2_000_000)
    where, tables = agent.exact.reachable, agent.tables()
    values = (tables.behaviour * tables.q).sum(axis=1)
    distance = [
        np.abs(values - truth)[where].max() for truth in (best_soft_values(agent, epsilon), agent.exact.optimum)
    ]
    return float(distance[0]), float(distance[1])
