"""Acrobot equals gymnasium's step from the same state, flags included."""

import gymnasium
import numpy as np

from app.core.jit import plain
from app.core.randomness import derive_key
from app.environments import acrobot
from app.environments.acrobot import SPEC, AcrobotConfig

STATES = 3_000


def random_states(count: int) -> np.ndarray:
    scale = np.array([np.pi, np.pi, acrobot.MAX_SPEED_1, acrobot.MAX_SPEED_2])
    states = np.random.default_rng(0).uniform(-1, 1, (count, 4)) * scale
    states[: count // 2, 2:] *= 0.1  # as slow as an episode mostly is
    return states


def test_one_step_from_any_state_is_gymnasiums() -> None:
    peer = gymnasium.make("Acrobot-v1").unwrapped
    peer.reset(seed=0)
    states, actions = random_states(STATES), np.random.default_rng(1).integers(0, 3, STATES)
    batch = SPEC.make(AcrobotConfig()).batch(STATES, 0, "environment", True)
    batch.reset()
    batch.load({**batch.state(), "states": states})
    step = batch.step(actions)
    for lane in range(STATES):
        peer.state = states[lane]
        observation, reward, terminated, _truncated, _info = peer.step(int(actions[lane]))
        np.testing.assert_allclose(step.final_observations[lane], observation, rtol=1e-6, atol=1e-6)
        assert (step.rewards[lane], step.terminated[lane]) == (reward, terminated)
    assert 0.1 < step.terminated.mean() < 0.5
    assert (np.abs(step.final_observations[:, 5]) > acrobot.MAX_SPEED_2 - 1e-4).any(), "the speed limit is met"


def test_episodes_are_gymnasiums_with_the_time_limit() -> None:
    peer = gymnasium.make("Acrobot-v1")
    environment = SPEC.make(AcrobotConfig())
    assert peer.spec.max_episode_steps == environment.max_episode_steps == 500
    assert (peer.spec.reward_threshold, peer.observation_space.shape) == (SPEC.threshold, (6,))
    batch = environment.batch(1, 3, "environment", True)
    for pumps in (True, False):
        peer.reset(seed=0)
        batch.reset()
        peer.unwrapped.state = batch.state()["states"][0]
        is_over, observation = False, np.zeros(6)
        while not is_over:
            action = (2 if observation[4] < 0 else 0) if pumps else 1  # the torque acts against the first link
            observation, reward, terminated, truncated, _info = peer.step(action)
            step = batch.step(np.array([action]))
            np.testing.assert_allclose(step.final_observations[0], observation, rtol=1e-4, atol=1e-4)
            assert (step.rewards[0], step.terminated[0], step.truncated[0]) == (reward, terminated, truncated)
            is_over = terminated or truncated
        assert terminated == pumps


def test_starts_are_uniform_in_the_registered_range() -> None:
    batch = SPEC.make(AcrobotConfig()).batch(20_000, 0, "environment", True)
    batch.reset()
    starts = batch.state()["states"]
    assert np.abs(starts).max() < 0.1
    assert (np.abs(starts.mean(axis=0)) < 5 * 0.2 / np.sqrt(12 * 20_000)).all()
    np.testing.assert_allclose(starts.var(axis=0), 0.2**2 / 12, rtol=0.04)


def test_kernel_equals_its_plain_twin() -> None:
    key, results = derive_key(0, "environment"), []
    for kernel in (acrobot.acrobot_step, plain(acrobot.acrobot_step)):
        states, numbers, flags = random_states(50), np.zeros((2, 50), np.int64), np.zeros((2, 50), np.bool_)
        rows, rewards = np.zeros((2, 50, 6), np.float32), np.zeros(50)
        kernel(
            500, key, np.arange(50) % 3, states, numbers[0], numbers[1], rows[0], rewards, flags[0], flags[1], rows[1]
        )
        results.append((states, rewards, rows))
    for compiled, twin in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, twin, rtol=1e-9, atol=1e-12)


def test_the_maps_points_and_the_observations_belong_together() -> None:
    points = random_states(20)
    np.testing.assert_allclose(SPEC.placed(SPEC.seen(points)), points, atol=1e-12)
    batch = SPEC.make(AcrobotConfig()).batch(20, 0, "environment", True)
    batch.reset()
    batch.load({**batch.state(), "states": points})
    np.testing.assert_allclose(batch.states(), SPEC.seen(points), atol=1e-5)
