"""BipedalWalker: declared as gymnasium declares it, stepped as gymnasium steps it, every episode in a simulator of its own."""

import gymnasium
import numpy as np

from app.environments.bipedal_walker import SPEC, BipedalWalkerConfig


def test_what_is_declared_is_what_gymnasium_says() -> None:
    environment, peer = SPEC.make(BipedalWalkerConfig()), gymnasium.make(SPEC.id)
    assert peer.observation_space.shape == (environment.observation_size,) == (len(SPEC.axes),)
    assert (peer.spec.max_episode_steps, peer.spec.reward_threshold) == (environment.max_episode_steps, SPEC.threshold)
    np.testing.assert_array_equal(environment.action_bounds.T, [peer.action_space.low, peer.action_space.high])
    assert len(SPEC.actions) == environment.n_actions == 4
    assert environment.needs_renewal


def test_a_fall_costs_a_hundred_and_ends_the_episode() -> None:
    batch = SPEC.make(BipedalWalkerConfig()).batch(1, 0, "environment", True)
    batch.reset()
    for _number in range(400):
        step = batch.step(np.array([[1.0, -1.0, 1.0, -1.0]]))
        if step.terminated[0]:
            break
    assert step.rewards[0] == -100
    assert not step.truncated[0]
    assert abs(step.final_observations[0, 0]) > abs(step.observations[0, 0]), "the next episode begins upright"


def test_axes_are_named_as_the_numbers_are_seen() -> None:
    names = [axis.name for axis in SPEC.axes]
    assert names[4:9] == ["Hip 1", "Hip 1, speed", "Knee 1", "Knee 1, speed", "Foot 1 down"]
    assert names[14] == "Ground on ray 1"
    assert len(set(names)) == 24
    batch = SPEC.make(BipedalWalkerConfig()).batch(1, 0, "environment", True)
    first = batch.reset()[0]
    assert set(first[[8, 13]]) <= {0.0, 1.0}
    assert (first[14:] > 0).all()
    assert (first[14:] <= 1).all()
