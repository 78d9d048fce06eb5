"""TD(0): known values of the random walk, and the values of any policy."""

from typing import Any

import numpy as np
import pytest

from app.parts import tabular_agent
from tests.algorithms.tabular.tables import agent_in, agent_on, run

SHRINKING: dict[str, Any] = {"alpha": 1.0, "alpha_schedule": "visits", "alpha_exponent": 0.8, "gamma": 1.0}


def test_one_step_is_the_hand_worked_update() -> None:
    # r = −1, γ = .9, V(s′) = 0 at first: δ = −1, V = −.5. Second visit of the loop: δ = −1 − .45 + .5 = −.95.
    agent = agent_in("td0", [[[(1.0, 0, -1.0, False)]]], 100, alpha=0.5, gamma=0.9)
    agent.update(1)
    assert agent.signals()["trace"]().tolist() == [0, -1, 0, 0, -1, 0.5, 0.9, -0.5]
    agent.update(1)
    assert agent.signals()["trace"]() == pytest.approx([0, -1, -0.5, -0.5, -0.95, 0.5, 0.9, -0.975])
    assert agent.signals()["last_transition"]().tolist() == [0, 0, -1, 0, 0, 0]


def test_the_values_of_the_random_walk_are_sixths() -> None:
    for seed in range(5):
        agent = agent_on("td0", "random_walk", seed, **SHRINKING)
        run(agent, 1_000_000)
        assert agent.signals()["v"]()[1:6] == pytest.approx(np.arange(1, 6) / 6, abs=0.02)
        assert agent.signals()["truth"]()[1:6] == pytest.approx(np.arange(1, 6) / 6, abs=1e-12)
        assert agent.diagnostics()["tabular/value_error_max"] < 0.02


def test_the_error_after_a_hundred_episodes_is_the_textbooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Example 6.2: with α = .05 and V₀ = .5 the figure's RMS error after 100 episodes, averaged over runs, is about .04."""
    monkeypatch.setattr(tabular_agent, "CALL_EPISODES", 100)  # a call ends with the hundredth episode
    errors = []
    for seed in range(100):
        agent = agent_on("td0", "random_walk", seed, alpha=0.05, gamma=1.0, initial_v=0.5)
        assert len(agent.update(100_000).episodes) == 100
        errors.append(agent.diagnostics()["tabular/value_error_rms"])
    print(f"RMS error after 100 episodes {np.mean(errors):.3f}")  # noqa: T201
    assert 0.03 < np.mean(errors) < 0.05


def test_a_policy_of_ones_own_world_is_valued_rightly() -> None:
    """The values of a best policy that explores, on the slippery lake; the policy itself never changes."""
    agent = agent_on("td0", "FrozenLake-v1", policy="optimal", policy_epsilon=0.2, **{**SHRINKING, "gamma": 0.99})
    before = agent.signals()["policy"]()
    run(agent, 2_000_000)
    assert agent.diagnostics()["tabular/value_error_max"] < 0.03
    assert np.array_equal(agent.signals()["policy"](), before)
    assert 0 < before[0].min() < before[0].max() < 1


def test_step_size_shrinks_with_the_visits_of_the_state() -> None:
    # Two actions end with 0 or 1: with ω = 1 and α = 1, V is the plain mean of the returns.
    config: dict[str, Any] = {"alpha": 1.0, "alpha_schedule": "visits", "alpha_exponent": 1.0, "gamma": 0.9}
    agent = agent_in("td0", [[[(1.0, 0, 0.0, True)], [(1.0, 0, 1.0, True)]]], 10, **config)
    episodes = run(agent, 1000)
    assert agent.signals()["v"]()[0] == pytest.approx(episodes.returns.mean(), abs=1e-12)
    assert agent.diagnostics()["tabular/alpha"] == 1 / 1000
