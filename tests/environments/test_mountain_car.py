"""MountainCar equals gymnasium's step from the same state, flags included."""

import gymnasium
import numpy as np

from app.core.jit import plain
from app.core.randomness import derive_key
from app.environments import mountain_car
from app.environments.mountain_car import SPEC, MountainCarConfig

STATES = 6_000


def random_states(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    states = np.stack([rng.uniform(-1.2, 0.6, count), rng.uniform(-0.07, 0.07, count)], axis=1)
    states[: count // 6] = np.stack([np.full(count // 6, -1.2), rng.uniform(-0.07, 0.0, count // 6)], axis=1)
    states[count // 6 : count // 3, 0] = rng.uniform(0.4, 0.6, count // 3 - count // 6)
    return states


def test_one_step_from_any_state_is_gymnasiums() -> None:
    peer = gymnasium.make("MountainCar-v0").unwrapped
    peer.reset(seed=0)
    states, actions = random_states(STATES), np.random.default_rng(1).integers(0, 3, STATES)
    batch = SPEC.make(MountainCarConfig()).batch(STATES, 0, "environment", True)
    batch.reset()
    batch.load({**batch.state(), "states": states})
    step = batch.step(actions)
    for lane in range(STATES):
        peer.state = states[lane]
        observation, reward, terminated, _truncated, _info = peer.step(int(actions[lane]))
        np.testing.assert_allclose(step.final_observations[lane], observation, rtol=1e-6, atol=1e-6)
        assert (step.rewards[lane], step.terminated[lane]) == (reward, terminated)
    assert 0.02 < step.terminated.mean() < 0.9


def test_episodes_are_gymnasiums_with_the_time_limit() -> None:
    peer = gymnasium.make("MountainCar-v0")
    assert peer.spec.max_episode_steps == SPEC.make(MountainCarConfig()).max_episode_steps == 200
    assert peer.spec.reward_threshold == SPEC.threshold
    batch = SPEC.make(MountainCarConfig()).batch(1, 3, "environment", True)
    for is_good in (False, True):
        peer.reset(seed=0)
        batch.reset()
        peer.unwrapped.state = batch.states()[0].copy()
        observation, is_over, total = batch.states()[0], False, 0.0
        while not is_over:
            action = (2 if observation[1] >= 0 else 0) if is_good else 1
            observation, reward, terminated, truncated, _info = peer.step(action)
            step = batch.step(np.array([action]))
            np.testing.assert_allclose(step.final_observations[0], observation, rtol=1e-5, atol=1e-6)
            assert (step.rewards[0], step.terminated[0], step.truncated[0]) == (reward, terminated, truncated)
            is_over, total = terminated or truncated, total + reward
        assert terminated == is_good, "swinging with the velocity arrives, coasting never does"
        assert (total > -200) == is_good


def test_starts_are_uniform_in_the_registered_range_and_at_rest() -> None:
    batch = SPEC.make(MountainCarConfig()).batch(20_000, 0, "environment", True)
    batch.reset()
    position, velocity = batch.states().T
    assert -0.6 <= position.min() < -0.599
    assert -0.401 < position.max() < -0.4
    assert abs(position.mean() + 0.5) < 5 * 0.2 / np.sqrt(12 * 20_000)
    assert (velocity == 0).all()


def test_kernel_equals_its_plain_twin() -> None:
    states, key = random_states(60), derive_key(0, "environment")
    compiled, twin = states.copy(), states.copy()
    step = mountain_car.mountain_car_step
    for kernel_, array in ((step, compiled), (plain(step), twin)):
        numbers, flags = np.zeros((2, 60), np.int64), np.zeros((2, 60), np.bool_)
        rows = np.zeros((2, 60, 2), np.float32)
        actions = np.arange(60) % 3
        kernel_(200, key, actions, array, numbers[0], numbers[1], rows[0], np.zeros(60), flags[0], flags[1], rows[1])
    np.testing.assert_allclose(compiled, twin, rtol=1e-12)
