"""MountainCarContinuous equals gymnasium's step from the same state, flags included."""

import gymnasium
import numpy as np

from app.core.jit import plain
from app.core.randomness import derive_key
from app.environments import mountain_car_continuous
from app.environments.mountain_car_continuous import SPEC, MountainCarContinuousConfig

STATES = 6_000


def random_states(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    states = np.stack([rng.uniform(-1.2, 0.6, count), rng.uniform(-0.07, 0.07, count)], axis=1)
    states[: count // 6] = np.stack([np.full(count // 6, -1.2), rng.uniform(-0.07, 0.0, count // 6)], axis=1)
    states[count // 6 : count // 3, 0] = rng.uniform(0.35, 0.6, count // 3 - count // 6)
    return states


def test_one_step_from_any_state_is_gymnasiums() -> None:
    peer = gymnasium.make("MountainCarContinuous-v0").unwrapped
    peer.reset(seed=0)
    states, actions = random_states(STATES), np.random.default_rng(1).uniform(-1, 1, (STATES, 1))
    batch = SPEC.make(MountainCarContinuousConfig()).batch(STATES, 0, "environment", True)
    batch.reset()
    batch.load({**batch.state(), "states": states})
    step = batch.step(actions)
    for lane in range(STATES):
        peer.state = states[lane]
        observation, reward, terminated, _truncated, _info = peer.step(actions[lane])
        np.testing.assert_allclose(step.final_observations[lane], observation, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(step.rewards[lane], reward, rtol=1e-9)
        assert step.terminated[lane] == terminated
    assert 0.02 < step.terminated.mean() < 0.9


def test_episodes_are_gymnasiums_with_the_time_limit() -> None:
    peer = gymnasium.make("MountainCarContinuous-v0")
    environment = SPEC.make(MountainCarContinuousConfig())
    assert peer.spec.max_episode_steps == environment.max_episode_steps == 999
    assert (peer.spec.reward_threshold, peer.observation_space.shape) == (SPEC.threshold, (2,))
    np.testing.assert_array_equal(environment.action_bounds[0], [peer.action_space.low[0], peer.action_space.high[0]])
    batch = environment.batch(1, 3, "environment", True)
    for pumps in (True, False):
        peer.reset(seed=0)
        batch.reset()
        peer.unwrapped.state = batch.states()[0]
        is_over, observation, total = False, np.zeros(2), 0.0
        while not is_over:
            throttle = (1.0 if observation[1] >= 0 else -1.0) if pumps else 0.0
            observation, reward, terminated, truncated, _info = peer.step(np.array([throttle]))
            step = batch.step(np.array([[throttle]]))
            # gymnasium rounds its state to float32 after every step
            np.testing.assert_allclose(step.final_observations[0], observation, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(step.rewards[0], reward, rtol=1e-9)
            assert (step.terminated[0], step.truncated[0]) == (terminated, truncated)
            is_over, total = terminated or truncated, total + float(step.rewards[0])
        assert terminated == pumps
        assert (total >= SPEC.success) == pumps


def test_a_throttle_beyond_its_bounds_is_put_on_them() -> None:
    batch = SPEC.make(MountainCarContinuousConfig()).batch(2, 0, "environment", True)
    batch.reset()
    batch.load({**batch.state(), "states": np.full((2, 2), [-0.5, 0.0])})
    step = batch.step(np.array([[7.0], [1.0]]))
    assert step.rewards[0] == step.rewards[1] == -0.1
    assert np.array_equal(step.observations[0], step.observations[1])


def test_starts_are_uniform_in_the_registered_range_and_at_rest() -> None:
    batch = SPEC.make(MountainCarContinuousConfig()).batch(20_000, 0, "environment", True)
    batch.reset()
    starts = batch.states()
    assert starts[:, 0].min() >= -0.6
    assert starts[:, 0].max() < -0.4
    assert not starts[:, 1].any()
    assert abs(starts[:, 0].mean() + 0.5) < 5 * 0.2 / np.sqrt(12 * 20_000)


def test_kernel_equals_its_plain_twin() -> None:
    module, key, results = mountain_car_continuous, derive_key(0, "environment"), []
    for kernel in (module.continuous_car_step, plain(module.continuous_car_step)):
        states, numbers, flags = random_states(60), np.zeros((2, 60), np.int64), np.zeros((2, 60), np.bool_)
        rows, rewards = np.zeros((2, 60, 2), np.float32), np.zeros(60)
        actions = np.linspace(-1, 1, 60)[:, None]
        kernel(999, key, actions, states, numbers[0], numbers[1], rows[0], rewards, flags[0], flags[1], rows[1])
        results.append((states, rewards, rows))
    for compiled, twin in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, twin, rtol=1e-12)
