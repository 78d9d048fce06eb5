"""The noise in B has the book's mean and variance exactly, and right is truly better than left."""

import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.environments.max_bias import A, B, MaxBiasConfig, model, references
from app.parts.tabular import optimal_values, q_from_v


def test_rewards_in_b_have_the_moments_of_a_normal_distribution() -> None:
    mdp = model(MaxBiasConfig())
    p, rewards = mdp.probabilities[B, 0], mdp.rewards[B, 0]
    mean = p @ rewards
    assert mean == pytest.approx(-0.1)
    central = [p @ (rewards - mean) ** power for power in range(2, 9)]
    assert central == pytest.approx([1, 0, 3, 0, 15, 0, 105], abs=1e-9)


def test_left_is_worse_by_a_tenth() -> None:
    mdp = model(MaxBiasConfig())
    q = q_from_v(mdp, optimal_values(mdp, 1.0), 1.0)[A]
    np.testing.assert_allclose(q, [-0.1] * 5 + [0.0] * 5, atol=1e-12)
    assert references(MaxBiasConfig())[0].value == 0.0


def test_half_of_the_actions_go_left_as_with_two() -> None:
    mdp = model(MaxBiasConfig(n_actions=4))
    assert mdp.next_states[A, :, 0].tolist() == [B, B, 3, 3]
    with pytest.raises(InvalidInput, match=r"must be even.*take 6"):
        MaxBiasConfig.parse({"n_actions": 5}, "environment_config")


def test_without_noise_there_is_one_outcome() -> None:
    mdp = model(MaxBiasConfig(spread=0.0))
    assert mdp.probabilities.shape == (4, 10, 1)
