"""Exploration and step sizes follow their formulas, and the kernels equal their plain twins."""

import numpy as np
import pytest

from app.algorithms.tabular.q_learning import QLearningConfig
from app.core.errors import InvalidInput
from app.core.jit import plain
from app.parts.exploration import (
    EpsilonGreedy,
    StepSize,
    best_value,
    epsilon_greedy,
    epsilon_greedy_policy,
    exploration_knobs,
    exploration_rate,
    greedy_action,
    step_knobs,
    step_size,
)

HALF, TOP = np.uint64(2**31), np.uint64(2**32 - 1)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", [1.0, 1.0, 1.0, 1.0]), ("linear", [1.0, 0.505, 0.01, 0.01]), ("exponential", [1.0, 0.1, 0.01, 0.01])],
)
def test_exploration_falls_as_its_schedule_says(schedule: str, expected: list[float]) -> None:
    config = EpsilonGreedy(epsilon=1.0, epsilon_schedule=schedule, epsilon_final=0.01, epsilon_decay_steps=100)
    given = exploration_knobs(config)
    assert [exploration_rate(given, step) for step in (0, 50, 100, 1000)] == pytest.approx(expected, rel=1e-12)


def test_exponential_schedule_of_no_exploration_stays_zero() -> None:
    config = EpsilonGreedy(epsilon=0.0, epsilon_schedule="exponential", epsilon_final=0.1, epsilon_decay_steps=100)
    assert exploration_rate(exploration_knobs(config), 50) == 0.0


def test_equal_factors_to_zero_are_refused_because_exploring_would_end_at_once() -> None:
    exploration = {"epsilon": 0.5, "epsilon_schedule": "exponential", "epsilon_final": 0.0}
    with pytest.raises(InvalidInput, match=r"epsilon_final.*0.*must be > 0.*linear schedule"):
        EpsilonGreedy.parse(exploration)
    for changes in ({"epsilon": 0.0}, {"epsilon_schedule": "linear"}, {"epsilon_final": 0.001}):
        EpsilonGreedy.parse({**exploration, **changes})
    running = EpsilonGreedy.parse({**exploration, "epsilon_final": 0.01})
    with pytest.raises(InvalidInput, match="must be > 0"):
        running.edited({"epsilon_final": 0.0})
    with pytest.raises(InvalidInput, match="must be > 0"):
        QLearningConfig.parse(exploration)
    rate = exploration_rate(exploration_knobs(running)._replace(epsilon_final=0.0), 1)
    assert rate == 0.0, "what it would do: nothing is left after one step"


def test_step_size_is_constant_or_divided_by_a_power_of_the_visits() -> None:
    assert step_size(step_knobs(StepSize(alpha=0.5)), 7) == 0.5
    given = step_knobs(StepSize(alpha=0.5, alpha_schedule="visits", alpha_exponent=0.6))
    assert step_size(given, 7) == plain(step_size)(given, 7) == pytest.approx(0.5 / 7**0.6, rel=1e-15)


def test_kernels_agree_with_their_twins() -> None:
    q = np.array([[1.0, 2.0, 2.0]])
    for word in (np.uint64(0), HALF, TOP):
        assert greedy_action(q, 0, word) == plain(greedy_action)(q, 0, word)
    assert best_value(q, 0) == plain(best_value)(q, 0) == 2.0


def test_a_draw_below_epsilon_explores_and_any_other_is_greedy() -> None:
    q = np.array([[1.0, 5.0, 2.0, 0.0]])
    assert epsilon_greedy(q, 0, 0.5, HALF - np.uint64(1), TOP, HALF) == 3
    assert epsilon_greedy(q, 0, 0.5, HALF, TOP, HALF) == 1
    assert epsilon_greedy(q, 0, 0.0, np.uint64(0), TOP, HALF) == 1


def test_the_policy_is_greedy_one_minus_epsilon_of_the_time_and_ties_share() -> None:
    policy = epsilon_greedy_policy(np.array([[1.0, 5.0, 2.0, 0.0], [1.0, 1.0, 0.0, 0.0]]), 0.2)
    np.testing.assert_allclose(policy, [[0.05, 0.85, 0.05, 0.05], [0.45, 0.45, 0.05, 0.05]], rtol=1e-15)
