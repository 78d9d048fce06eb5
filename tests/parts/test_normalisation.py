"""Running normalisation against direct computation and Stable-Baselines3's."""

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.core.contracts import Step
from app.core.errors import InvalidInput
from app.parts.normalisation import Identity, Normaliser, RunningMoments

ROWS = np.random.default_rng(0).normal(3.0, 2.0, size=(60, 2))


def step(rewards: np.ndarray, ended: np.ndarray) -> Step:
    return Step(np.zeros((len(rewards), 1)), rewards, ended, np.zeros_like(ended), np.zeros((len(rewards), 1)))


def test_moments_joined_batch_by_batch_equal_those_of_all_rows() -> None:
    moments = RunningMoments(2)
    for batch in np.split(ROWS, 6):
        moments.add(batch)
    np.testing.assert_allclose(moments.mean, ROWS.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(moments.variance, ROWS.var(axis=0), rtol=1e-4)


def test_moments_equal_stable_baselines3() -> None:
    from stable_baselines3.common.running_mean_std import RunningMeanStd

    ours, theirs = RunningMoments(2), RunningMeanStd(1e-4, (2,))
    for batch in np.split(ROWS, 6):
        ours.add(batch)
        theirs.update(batch)
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-12)
    np.testing.assert_allclose(ours.variance, theirs.var, rtol=1e-12)


def test_rewards_are_scaled_by_the_deviation_of_the_discounted_return() -> None:
    normaliser = Normaliser(2, 1)
    running, seen = np.zeros(2), []
    for _ in range(300):
        running = running * 0.9 + 1.0
        seen.append(running.copy())
        scaled = normaliser.rewards(step(np.ones(2), np.zeros(2, bool)), 0.9)
    np.testing.assert_allclose(scaled, 1.0 / np.std(seen), rtol=1e-3)


def test_an_end_restarts_the_running_return() -> None:
    normaliser = Normaliser(2, 1)
    normaliser.rewards(step(np.ones(2), np.array([True, False])), 0.9)
    assert normaliser.returns.tolist() == [0.0, 1.0]


def test_the_affine_numbers_carry_the_normalisation_over() -> None:
    one, other = Normaliser(1, 2), Normaliser(1, 2)
    one.see(ROWS)
    one.rewards(step(np.array([1.0]), np.zeros(1, bool)), 0.9)
    one.rewards(step(np.array([5.0]), np.zeros(1, bool)), 0.9)
    other.affine = one.affine
    np.testing.assert_array_equal(one.observations(ROWS), other.observations(ROWS))
    np.testing.assert_array_equal(one.scaled(np.array([2.0])), other.scaled(np.array([2.0])))
    assert one.scaled(np.array([2.0])) != 2.0
    np.testing.assert_allclose(one.unscaled(one.observations(ROWS)), ROWS, rtol=1e-6)


def test_state_returns_after_load() -> None:
    one, other = Normaliser(2, 2), Normaliser(2, 2)
    one.see(ROWS)
    one.rewards(step(np.ones(2), np.zeros(2, bool)), 0.9)
    other.load(one.state())
    assert not trees_equal(one.state(), other.state())


def test_identity_changes_nothing() -> None:
    taken = step(np.ones(2), np.zeros(2, bool))
    assert Identity().see(ROWS) is ROWS
    assert Identity().observations(ROWS) is ROWS
    assert Identity().rewards(taken, 0.9) is taken.rewards
    assert Identity().state() == {}


def test_weights_of_a_run_with_another_normalisation_are_refused() -> None:
    with pytest.raises(InvalidInput, match="5 numbers of normalisation"):
        Normaliser(1, 2).affine = np.empty(0)
    with pytest.raises(InvalidInput, match="0 numbers of normalisation"):
        Identity().affine = np.empty(4)


def test_a_scaled_reward_times_its_scale_is_the_reward() -> None:
    normaliser = Normaliser(2, 1)
    rewards = np.array([3.0, -1.0])
    for _step in range(5):
        scaled = normaliser.rewards(step(rewards, np.zeros(2, np.bool_)), 0.9)
    assert normaliser.reward_scale != 1
    np.testing.assert_allclose(scaled * normaliser.reward_scale, rewards)
    assert Identity().reward_scale == 1
