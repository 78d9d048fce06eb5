"""LunarLander: two ids of one world, as gymnasium declares them; gymnasium's own pilot lands in our batch as it does there."""

import warnings

import gymnasium
import numpy as np
import pytest

from app import catalog
from app.core.contracts import Array
from app.environments.lunar_lander import SPECS


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_what_is_declared_is_what_gymnasium_says(spec: catalog.EnvironmentSpec) -> None:
    environment, peer = spec.make(spec.config()), gymnasium.make(spec.id)
    assert environment.id == spec.id
    assert peer.observation_space.shape == (environment.observation_size,) == (len(spec.axes),)
    assert (peer.spec.max_episode_steps, peer.spec.reward_threshold) == (environment.max_episode_steps, spec.threshold)
    if spec.action_kind == "numbered":
        assert peer.action_space.n == environment.n_actions == len(spec.actions)
    else:
        np.testing.assert_array_equal(environment.action_bounds.T, [peer.action_space.low, peer.action_space.high])


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_gymnasiums_own_pilot_lands(spec: catalog.EnvironmentSpec) -> None:
    environment = spec.make(spec.config())
    batch = environment.batch(6, 0, "environment", True)
    observations, going, returns = batch.reset(), np.ones(6, np.bool_), np.zeros(6)
    while going.any():
        step = batch.step(_pilot(observations, is_continuous=spec.action_kind == "continuous"))
        returns += np.where(going, step.rewards, 0.0)
        going &= ~(step.terminated | step.truncated)
        observations = step.observations
    assert np.median(returns) > spec.success


def _pilot(observations: Array, *, is_continuous: bool) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gymnasium.envs.box2d.lunar_lander import LunarLander, heuristic
    peer = LunarLander(continuous=is_continuous)
    return np.array([heuristic(peer, row) for row in observations])
