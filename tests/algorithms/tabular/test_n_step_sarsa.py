"""n-step SARSA: one step is SARSA, whole episodes are Monte Carlo."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from tests.algorithms.tabular.forward_view import monte_carlo, n_step_return, values_of, walk
from tests.algorithms.tabular.tables import agent_on, run


@pytest.mark.parametrize("config", [{"alpha": 0.3}, {"alpha": 1.0, "alpha_schedule": "visits"}])
def test_one_step_is_sarsa_bit_for_bit(config: dict[str, Any]) -> None:
    one = agent_on("n_step_sarsa", "FrozenLake-v1", n_steps=1, epsilon=0.5, **config)
    two = agent_on("sarsa", "FrozenLake-v1", epsilon=0.5, **config)
    one.key = two.key
    run(one, 5000)
    run(two, 5000)
    same = {name: one.state()[name] for name in ("q", "next_action", "visits", "position", "last_transition")}
    assert np.abs(two.memory.q).max() > 0
    assert trees_equal(same, {name: two.state()[name] for name in same}) == []


@pytest.mark.parametrize("seed", range(3))
def test_whole_episodes_are_monte_carlo(seed: int) -> None:
    agent = agent_on("n_step_sarsa", "FrozenLake-v1", seed, n_steps=1000, alpha=0.1, gamma=0.9, epsilon=0.8)
    agent.memory.q[0, :5] = 0.5
    expected = values_of(agent)
    episodes = walk(agent, 600)
    for episode in episodes[:-1]:
        assert episode[-1].terminated
        expected = monte_carlo(expected, episode, 0.1, 0.9)
    assert values_of(agent) == pytest.approx(expected, rel=1e-12)


def test_every_target_is_the_n_step_return() -> None:
    """Until its end, an episode of n + k steps has made k + 1 updates, each towards n rewards and the value n steps on."""
    walker, agent = (
        agent_on("n_step_sarsa", "CliffWalking-v1", n_steps=3, alpha=0.5, gamma=0.9, epsilon=0.3) for _ in range(2)
    )
    expected, (episode,) = values_of(agent), walk(walker, 13)
    for now in range(1, 14):
        agent.update(1)
        if now >= 3:
            steps = episode[now - 3 : now]
            expected[steps[0].entry] += 0.5 * (n_step_return(expected, steps, 0.9) - expected[steps[0].entry])
        assert values_of(agent) == pytest.approx(expected, rel=1e-12)
