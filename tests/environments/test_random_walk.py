"""The walk's true values are those of the book: i / 6 for five states, −0.9 to 0.9 for nineteen."""

import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.environments.random_walk import SPEC, RandomWalkConfig, model, references
from app.parts.tabular import optimal_values, policy_evaluation, uniform_policy


def true_values(config: RandomWalkConfig) -> np.ndarray:
    mdp = model(config)
    return policy_evaluation(mdp, uniform_policy(mdp), 1.0)[1:-1]


def test_five_states_have_the_values_i_over_6() -> None:
    np.testing.assert_allclose(true_values(RandomWalkConfig()), np.arange(1, 6) / 6, atol=1e-14)


def test_nineteen_states_have_values_from_minus_to_plus_nine_tenths() -> None:
    config = RandomWalkConfig(n_states=19, left_reward=-1.0)
    np.testing.assert_allclose(true_values(config), np.arange(-9, 10) / 10, atol=1e-14)


def test_control_goes_straight_to_the_right() -> None:
    mdp = model(RandomWalkConfig())
    np.testing.assert_allclose(optimal_values(mdp, 0.5)[1:-1], 0.5 ** np.arange(4, -1, -1.0))
    optimum, walk = references(RandomWalkConfig())
    assert optimum.value == 1.0
    assert walk.value == pytest.approx(0.5)


def test_episodes_start_in_the_middle_and_end_outside() -> None:
    batch = SPEC.make(RandomWalkConfig()).batch(1, 0, "environment", False)
    assert batch.reset()[0] == 3
    steps = [(int(step.final_observations[0]), bool(step.terminated[0])) for step in (batch.step(np.array([1])),)]
    assert steps == [(4, False)]


def test_an_even_number_of_states_is_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidInput, match=r"n_states=6: must be odd.*take 7"):
        RandomWalkConfig.parse({"n_states": 6}, "environment_config")


def test_a_long_walk_is_drawn_in_several_rows() -> None:
    layout = model(RandomWalkConfig(n_states=99)).layout
    assert layout is not None
    assert (layout.rows, layout.cols) == (5, 21)
