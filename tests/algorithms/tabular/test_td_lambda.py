"""TD(λ): looking backward by traces equals looking forward by λ-returns."""

from typing import Any

import numpy as np
import pytest

from tests.algorithms.tabular.forward_view import (
    dense_traces,
    monte_carlo,
    offline_change,
    online_lambda_returns,
    values_of,
    walk,
)
from tests.algorithms.tabular.tables import agent_in, agent_on, run, slots

TINY = 1e-8  # a step size at which the values stay what they are during an episode, so that online is offline
KINDS = ("accumulating", "replacing", "dutch")


@pytest.mark.parametrize("kind", KINDS)
def test_lambda_zero_is_td0_bit_for_bit(kind: str) -> None:
    config: dict[str, Any] = {"alpha": 0.3, "policy": "optimal", "policy_epsilon": 0.5}
    one = agent_on("td_lambda", "FrozenLake-v1", lambda_=0.0, traces=kind, **config)
    two = agent_on("td0", "FrozenLake-v1", **config)
    one.key = two.key
    run(one, 5000)
    run(two, 5000)
    assert np.abs(two.memory.v).max() > 0
    assert np.array_equal(one.memory.v, two.memory.v)


def test_traces_are_the_hand_worked_ones() -> None:
    # A state that loops, γ = .9, λ = .5, α = .2; after two visits and the fading by .45:
    # accumulating (.45 + 1) · .45, replacing 1 · .45, Dutch (.8 · .45 + 1) · .45.
    expected = {"accumulating": 1.45 * 0.45, "replacing": 0.45, "dutch": 1.36 * 0.45}
    for kind, trace in expected.items():
        agent = agent_in("td_lambda", [[[(1.0, 0, 1.0, False)]]], 100, alpha=0.2, gamma=0.9, lambda_=0.5, traces=kind)
        run(agent, 2)
        assert agent.signals()["eligibility"]() == pytest.approx(np.array([[trace]]))


def test_a_reward_teaches_the_way_that_led_to_it() -> None:
    # 0 → 1 → end with reward 1; γλ = .45, α = .5: V(1) = .5, V(0) = .5 · .45; TD(0) leaves V(0) at 0.
    way = [[[(1.0, 1, 0.0, False)]], [[(1.0, 1, 1.0, True)]]]
    agent = agent_in("td_lambda", way, 100, alpha=0.5, gamma=0.9, lambda_=0.5)
    run(agent, 2)
    assert agent.signals()["v"]() == pytest.approx(np.array([0.225, 0.5]))
    assert slots(agent)["z"] == 1
    run(agent, 1)  # the next episode knows nothing of the last one: V(0) moves by .5 · (.9 · .5 − .225), V(1) does not
    assert agent.signals()["v"]() == pytest.approx(np.array([0.225 + 0.5 * 0.225, 0.5]))


@pytest.mark.parametrize("lambda_", [0.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("limit", [10_000, 6])
def test_backward_is_forward_for_fixed_values(lambda_: float, limit: int) -> None:
    """Summed over an episode, terminated or cut: Σ α δ z = Σ α (G^λ − V), by accumulating traces."""
    for seed in range(5):
        agent = agent_on(
            "td_lambda", "random_walk", seed, alpha=TINY, gamma=0.9, lambda_=lambda_, traces="accumulating"
        )
        agent.world = agent.world._replace(max_episode_steps=limit)
        agent.memory.v[0, 1:6] = [0.3, -0.2, 0.5, 0.1, 0.9]
        before = values_of(agent)
        while not agent.course.position[0, 2]:
            agent.update(1)
        moved = (values_of(agent) - before) / TINY
        again = agent_on("td_lambda", "random_walk", seed, alpha=0.0, gamma=0.9)
        again.world = agent.world
        episode = walk(again, 200)[0]
        assert moved == pytest.approx(offline_change(before, episode, 0.9, lambda_), abs=1e-6)
        assert np.abs(moved).max() > 0.01


def test_lambda_one_with_fixed_values_is_monte_carlo() -> None:
    agent = agent_on(
        "td_lambda", "random_walk", alpha=TINY, gamma=0.9, lambda_=1.0, traces="accumulating", initial_v=0.5
    )
    before = values_of(agent)
    episodes = walk(agent, 200)
    for episode in episodes[:1]:
        expected = (monte_carlo(before, episode, TINY, 0.9) - before) / TINY
        assert offline_change(before, episode, 0.9, 1.0) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("lambda_", [0.4, 0.9, 1.0])
def test_dutch_traces_are_the_online_lambda_returns_exactly(lambda_: float) -> None:
    """Van Seijen and others (2016), theorem 1, by brute force; accumulating and replacing traces are something else."""
    distance = {}
    for kind in KINDS:
        agent = agent_on(
            "td_lambda", "random_walk", 4, alpha=0.4, gamma=0.95, lambda_=lambda_, traces=kind, initial_v=0.5
        )
        expected = values_of(agent)
        for episode in walk(agent, 60):
            if episode:
                expected = online_lambda_returns(expected, episode, alpha=0.4, gamma=0.95, lambda_=lambda_)
        distance[kind] = np.abs(values_of(agent) - expected).max()
    assert distance["dutch"] < 1e-12
    assert distance["accumulating"] > 1e-3
    assert distance["replacing"] > 1e-3


@pytest.mark.parametrize("kind", ["accumulating", "replacing"])
def test_the_list_of_visited_states_is_as_good_as_the_whole_table(kind: str) -> None:
    agent = agent_on("td_lambda", "FrozenLake-v1", alpha=0.2, gamma=0.99, lambda_=0.9, traces=kind, initial_v=0.5)
    expected, z = values_of(agent), np.zeros(16)
    episodes = walk(agent, 500)
    for episode in episodes:
        if episode:
            expected, z = dense_traces(expected, episode, kind, alpha=0.2, gamma=0.99, lambda_=0.9)
    assert values_of(agent) == pytest.approx(expected, rel=1e-12)
    assert agent.signals()["eligibility"]()[:, 0] == pytest.approx(z, rel=1e-12)


def test_values_approach_the_truth() -> None:
    for kind in KINDS:
        agent = agent_on(
            "td_lambda", "random_walk", traces=kind, alpha=1.0, alpha_schedule="visits", alpha_exponent=0.8, gamma=1.0
        )  # fmt: skip
        run(agent, 1_000_000)
        assert agent.diagnostics()["tabular/value_error_max"] < 0.05
