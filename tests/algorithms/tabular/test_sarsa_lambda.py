"""SARSA(λ): every pair on the way learns, and only those."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from tests.algorithms.tabular.forward_view import dense_traces, online_lambda_returns, values_of, walk
from tests.algorithms.tabular.tables import agent_on, run


@pytest.mark.parametrize("kind", ["accumulating", "replacing", "dutch"])
@pytest.mark.parametrize("config", [{"alpha": 0.3}, {"alpha": 1.0, "alpha_schedule": "visits"}])
def test_lambda_zero_is_sarsa_bit_for_bit(kind: str, config: dict[str, Any]) -> None:
    one = agent_on("sarsa_lambda", "FrozenLake-v1", lambda_=0.0, traces=kind, epsilon=0.5, **config)
    two = agent_on("sarsa", "FrozenLake-v1", epsilon=0.5, **config)
    one.key = two.key
    run(one, 5000)
    run(two, 5000)
    same = {name: one.state()[name] for name in ("q", "next_action", "visits", "position", "last_transition")}
    assert np.abs(two.memory.q).max() > 0
    assert trees_equal(same, {name: two.state()[name] for name in same}) == []


@pytest.mark.parametrize("kind", ["accumulating", "replacing"])
def test_the_list_of_visited_pairs_is_as_good_as_the_whole_table(kind: str) -> None:
    agent = agent_on("sarsa_lambda", "FrozenLake-v1", alpha=0.2, gamma=0.99, lambda_=0.9, traces=kind, epsilon=0.5)
    agent.memory.q[0, :5] = 0.5
    expected, z = values_of(agent), np.zeros(64)
    for episode in walk(agent, 500):
        if episode:
            expected, z = dense_traces(expected, episode, kind, alpha=0.2, gamma=0.99, lambda_=0.9)
    assert values_of(agent) == pytest.approx(expected, rel=1e-12)
    assert agent.signals()["eligibility"]().reshape(-1) == pytest.approx(z, rel=1e-12)
    listed = agent.memory.active[0, : agent.memory.n_active[0]]
    assert sorted(listed.tolist()) == np.flatnonzero(z).tolist()


def test_dutch_traces_are_the_online_lambda_returns_exactly() -> None:
    config: dict[str, Any] = {"alpha": 0.4, "gamma": 0.95, "lambda_": 0.8}
    agent = agent_on("sarsa_lambda", "FrozenLake-v1", 1, traces="dutch", epsilon=0.5, **config)
    agent.memory.q[0, :5] = 0.5
    expected = values_of(agent)
    for episode in walk(agent, 100):
        if episode:
            expected = online_lambda_returns(expected, episode, **config)
    assert np.abs(values_of(agent) - expected).max() < 1e-12


def test_a_step_in_a_large_table_touches_only_the_pairs_of_the_episode() -> None:
    agent = agent_on("sarsa_lambda", "Taxi-v4", lambda_=0.9, epsilon=1.0)
    most = 0
    for _ in range(300):
        agent.update(7)
        length = max(agent.course.position[0, 1], 1)
        pairs = int(agent.memory.n_active[0])
        assert pairs <= length or length == 1
        most = max(most, pairs)
    assert 20 < most <= 200
    assert np.count_nonzero(agent.memory.z) == agent.memory.n_active[0]
