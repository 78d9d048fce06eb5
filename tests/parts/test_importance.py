"""Target and behaviour of off-policy learners: their probabilities, and when one does not cover the other."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.errors import InvalidInput
from app.parts.importance import behaviour_chance, best_policy, target_chance, target_value
from tests.algorithms.tabular.tables import agent_on


def test_chances_of_the_behaviour_add_up_and_follow_epsilon() -> None:
    agent = agent_on("off_policy_monte_carlo", "FrozenLake-v1", epsilon=0.4)
    agent.memory.q[0, 0] = [1.0, 3.0, 3.0, 0.0]
    chances = [behaviour_chance(agent.memory, 0, action, 0.4, True) for action in range(4)]
    assert chances == pytest.approx([0.1, 0.4, 0.4, 0.1])
    assert [target_chance(agent.memory, 0, action, True) for action in range(4)] == [0, 0.5, 0.5, 0]
    assert target_value(agent.memory, 0, True) == 3.0
    assert [behaviour_chance(agent.memory, 0, action, 0.4, False) for action in range(4)] == pytest.approx(
        0.6 * agent.memory.base[0, 0] + 0.1
    )


def test_the_best_policy_is_optimal() -> None:
    agent = agent_on("off_policy_monte_carlo", "CliffWalking-v1", gamma=1.0)
    assert agent.exact.return_of(best_policy(agent.exact)) == pytest.approx(-13.0)


@pytest.mark.parametrize(
    ("config", "where", "names"),
    [
        ({"epsilon": 0.0}, "config.epsilon", "state 0 .* never takes action 0, which could become the greedy one"),
        ({"target": "evaluated", "epsilon": 0.0}, "config.epsilon", "state 0 .* never takes action 1"),
        ({"epsilon_schedule": "linear", "epsilon_final": 0.0}, "config.epsilon_final", "does not cover the target"),
    ],
)
def test_importance_sampling_without_coverage_is_refused(config: dict[str, object], where: str, names: str) -> None:
    with pytest.raises(InvalidInput, match=names) as caught:
        catalog.resolve("off_policy_monte_carlo", "FrozenLake-v1", config=config, preset="")
    assert caught.value.violations[0].where == where


def test_a_target_that_the_best_policy_covers_needs_no_exploration() -> None:
    config: dict[str, Any] = {"target": "evaluated", "policy": "optimal", "policy_epsilon": 0.0, "epsilon": 0.0}
    agent = agent_on("off_policy_monte_carlo", "FrozenLake-v1", **config)
    agent.update(1000)
    assert agent.diagnostics()["tabular/mean_weight"] == 1.0
    assert np.array_equal(agent.memory.target, agent.memory.base)
