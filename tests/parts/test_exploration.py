"""Exploration and step sizes follow their formulas, and the kernels equal their plain twins."""

import math

import numpy as np
import pytest

from app.algorithms.tabular.q_learning import QLearningConfig
from app.core.errors import InvalidInput
from app.core.jit import plain
from app.parts.exploration import (
    EpsilonGreedy,
    StepSize,
    behaviour_policy,
    best_value,
    epsilon_greedy,
    epsilon_greedy_policy,
    exploration_knobs,
    exploration_rate,
    greedy_action,
    promising_action,
    promising_value,
    step_knobs,
    step_size,
    upper_bounds,
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


# Upper confidence bounds: a state with 9 + 1 + 4 visits, so ln N(s) = ln 14 = 2.639, and one whose last action is untried

Q = np.array([[1.0, 0.5, 0.8], [3.0, 2.0, -5.0]])
VISITS = np.array([[9, 1, 4], [7, 2, 0]])
UCB = exploration_knobs(QLearningConfig(exploration="ucb", c=2.0, epsilon=0.5))


def test_a_bound_is_the_value_and_a_bonus_that_shrinks_with_the_visits() -> None:
    bounds = upper_bounds(Q, VISITS, 2.0)
    bonuses = [2 * math.sqrt(math.log(14) / n) for n in (9, 1, 4)]  # 1.083, 3.249, 1.624
    assert bounds[0] == pytest.approx([1.0 + bonuses[0], 0.5 + bonuses[1], 0.8 + bonuses[2]], rel=1e-12)
    assert bounds[0] == pytest.approx([2.083, 3.749, 2.424], abs=1e-3)
    np.testing.assert_allclose(plain(upper_bounds)(Q, VISITS, 2.0), bounds, rtol=1e-12)


@pytest.mark.parametrize(("c", "chosen"), [(0.0, 0), (0.1, 0), (0.5, 1), (2.0, 1)])
def test_the_highest_bound_is_taken_and_raising_c_doubts_more(c: float, chosen: int) -> None:
    # at c = .1 the bounds are 1.054, .662 and .881; at c = .5 they are 1.271, 1.312 and 1.206
    assert promising_action(Q, VISITS, 0, c, HALF) == plain(promising_action)(Q, VISITS, 0, c, HALF) == chosen
    assert promising_value(Q, VISITS, 0, c) == plain(promising_value)(Q, VISITS, 0, c) == Q[0, chosen]


def test_an_untried_action_comes_first_however_bad_it_looks() -> None:
    assert promising_action(Q, VISITS, 1, 0.0, HALF) == 2
    assert promising_value(Q, VISITS, 1, 0.0) == -5.0
    fresh = np.zeros((1, 4), np.int64)
    words = [np.uint64(quarter * 2**30) for quarter in range(4)]
    for function in (promising_action, plain(promising_action)):
        assert [function(np.zeros((1, 4)), fresh, 0, 1.0, word) for word in words] == [0, 1, 2, 3]


def test_equal_bounds_share_at_random() -> None:
    q, visits = np.array([[1.0, 0.0, 1.0]]), np.array([[5, 5, 5]])
    assert [promising_action(q, visits, 0, 1.0, word) for word in (np.uint64(0), TOP)] == [0, 2]
    assert promising_value(np.array([[1.0, 3.0]]), np.zeros((1, 2), np.int64), 0, 1.0) == 2.0
    assert behaviour_policy(q, visits, UCB, 0).tolist() == [[0.5, 0.0, 0.5]]


def test_who_explores_by_bounds_never_acts_at_random_and_the_policy_says_so() -> None:
    assert exploration_rate(UCB, 0) == 0.0
    for word in (np.uint64(0), HALF, TOP):
        assert epsilon_greedy(Q, 0, exploration_rate(UCB, 0), word, word, word) == 0
    assert behaviour_policy(Q, VISITS, UCB, 0).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_epsilon_greedy_takes_no_heed_of_the_bounds() -> None:
    given = exploration_knobs(QLearningConfig(epsilon=0.2, c=50.0))
    assert not given.is_ucb
    np.testing.assert_array_equal(behaviour_policy(Q, VISITS, given, 0), epsilon_greedy_policy(Q, 0.2))
