"""n-step TD: one step is TD(0), whole episodes are Monte Carlo, and the last updates wait for the end."""

import numpy as np
import pytest

from tests.algorithms.tabular.forward_view import monte_carlo, values_of, walk
from tests.algorithms.tabular.tables import agent_in, agent_on, run, slots

CHAIN = [[[(1.0, 1, 1.0, False)]], [[(1.0, 2, 2.0, False)]], [[(1.0, 2, 4.0, True)]]]


def test_one_step_is_td0_bit_for_bit() -> None:
    one = agent_on("n_step_td", "FrozenLake-v1", n_steps=1, alpha=0.3, policy="optimal", policy_epsilon=0.5)
    two = agent_on("td0", "FrozenLake-v1", alpha=0.3, policy="optimal", policy_epsilon=0.5)
    one.key = two.key
    run(one, 5000)
    run(two, 5000)
    assert np.abs(two.memory.v).max() > 0
    assert np.array_equal(one.memory.v, two.memory.v)
    assert np.array_equal(one.course.visits, two.course.visits)


@pytest.mark.parametrize("seed", range(3))
def test_whole_episodes_are_monte_carlo(seed: int) -> None:
    agent = agent_on("n_step_td", "random_walk", seed, n_steps=1000, alpha=0.1, gamma=0.9, initial_v=0.5)
    expected = values_of(agent)
    episodes = walk(agent, 300)
    for episode in episodes[:-1]:
        expected = monte_carlo(expected, episode, 0.1, 0.9)
    assert len(episodes) > 10
    assert values_of(agent) == pytest.approx(expected, rel=1e-12)


def test_two_steps_are_the_hand_worked_updates() -> None:
    # 0 → 1 → 2 → end, rewards 1, 2, 4; γ = .5, α = .5, V₀ = (0, 0, 8), n = 2.
    agent = agent_in("n_step_td", CHAIN, 100, n_steps=2, alpha=0.5, gamma=0.5)
    agent.memory.v[0] = [0.0, 0.0, 8.0]
    agent.update(1)  # too early: the second reward is still to come
    assert np.isnan(agent.signals()["trace"]()).all()
    assert agent.signals()["v"]().tolist() == [0, 0, 8]
    agent.update(1)  # G = 1 + .5 · 2 + .25 · 8 = 4, V(0) = 2
    assert slots(agent) == {
        "s": 0, "rewards": 2, "discount": 0.25, "v last": 8, "v old": 0, "alpha": 0.5, "v new": 2, "m": 2
    }  # fmt: skip
    agent.update(1)  # the end: V(1) = .5 · (2 + .5 · 4) = 2, then V(2) = 8 + .5 · (4 − 8) = 6
    assert agent.signals()["v"]().tolist() == [2, 2, 6]
    assert slots(agent)["s"] == 2
    assert slots(agent)["m"] == 1


def test_a_cut_episode_bootstraps_all_its_last_updates() -> None:
    # The same way, cut after two steps: V(0) = .5 · (1 + .5 · 2 + .25 · 8) = 2, V(1) = .5 · (2 + .5 · 8) = 3; an end gives 1 and 1.
    agent = agent_in("n_step_td", CHAIN, 2, n_steps=2, alpha=0.5, gamma=0.5)
    agent.memory.v[0] = [0.0, 0.0, 8.0]
    run(agent, 2)
    assert agent.signals()["v"]().tolist() == [2, 3, 8]


def test_values_approach_the_truth() -> None:
    for n_steps in (2, 8):
        agent = agent_on(
            "n_step_td", "random_walk", n_steps=n_steps, alpha=1.0, alpha_schedule="visits", alpha_exponent=0.8, gamma=1.0
        )  # fmt: skip
        run(agent, 1_000_000)
        assert agent.diagnostics()["tabular/value_error_max"] < 0.03
