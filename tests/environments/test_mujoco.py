"""MuJoCo's bodies: as gymnasium declares them where the extra is installed, absent with the install command where it is not."""

import warnings

import numpy as np
import pytest

from app import catalog
from app.core.errors import UnknownName
from app.core.specs import EnvironmentSpec
from app.environments.mujoco import SPECS


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_it_is_as_gymnasium_declares_it_or_absent_with_a_way_out(spec: EnvironmentSpec) -> None:
    environment = spec.make(spec.config())
    assert len(spec.axes) == environment.observation_size
    assert len(spec.actions) == environment.n_actions
    if spec.missing() is not None:
        assert spec.id not in catalog.environments()
        with pytest.raises(UnknownName, match=r"pip install -e '\.\[mujoco\]'"):
            catalog.resolve("ppo", spec.id)
        return
    import gymnasium

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = gymnasium.make(spec.id)
    assert peer.observation_space.shape == (environment.observation_size,)
    assert (peer.spec.max_episode_steps, peer.spec.reward_threshold) == (environment.max_episode_steps, spec.threshold)
    np.testing.assert_array_equal(environment.action_bounds.T, [peer.action_space.low, peer.action_space.high])
    assert environment.is_replayable
    _same_episode(environment, peer)


def _same_episode(environment, peer) -> None:  # type: ignore[no-untyped-def]
    batch = environment.batch(1, 3, "environment", True)
    first = np.array(batch.reset()[0])
    observation, _info = peer.reset(seed=batch.episode_seed(0))
    np.testing.assert_array_equal(first, observation.astype(np.float32))
    random = np.random.default_rng(0)
    for _number in range(200):
        action = random.uniform(*environment.action_bounds.T).astype(np.float32)
        observation, reward, terminated, _truncated, _info = peer.step(action)
        step = batch.step(action[None])
        np.testing.assert_array_equal(step.final_observations[0], observation.astype(np.float32))
        assert (step.rewards[0], step.terminated[0]) == (reward, terminated)
        if terminated:
            return
