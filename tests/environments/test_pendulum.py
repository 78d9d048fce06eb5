"""Pendulum equals gymnasium's step from the same state, and never ends but by its time limit."""

import gymnasium
import numpy as np

from app.core.jit import plain
from app.core.randomness import derive_key
from app.environments import pendulum
from app.environments.pendulum import SPEC, PendulumConfig

STATES = 4_000


def random_states(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([rng.uniform(-12, 12, count), rng.uniform(-8, 8, count)], axis=1)


def test_one_step_from_any_state_is_gymnasiums() -> None:
    peer = gymnasium.make("Pendulum-v1").unwrapped
    peer.reset(seed=0)
    states, actions = random_states(STATES), np.random.default_rng(1).uniform(-3, 3, (STATES, 1))
    batch = SPEC.make(PendulumConfig()).batch(STATES, 0, "environment", True)
    batch.reset()
    batch.load({**batch.state(), "states": states})
    step = batch.step(actions)
    for lane in range(STATES):
        peer.state = states[lane]
        observation, reward, terminated, _truncated, _info = peer.step(actions[lane])
        np.testing.assert_allclose(step.final_observations[lane], observation, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(step.rewards[lane], reward, rtol=1e-9)
        assert step.terminated[lane] == terminated
    assert (np.abs(step.final_observations[:, 2]) == pendulum.MAX_SPEED).mean() > 0.01, "the speed limit is met"


def test_an_episode_is_gymnasiums_with_the_time_limit() -> None:
    peer = gymnasium.make("Pendulum-v1")
    environment = SPEC.make(PendulumConfig())
    assert peer.spec.max_episode_steps == environment.max_episode_steps == 200
    np.testing.assert_array_equal(environment.action_bounds[0], [peer.action_space.low[0], peer.action_space.high[0]])
    assert peer.observation_space.shape == (environment.observation_size,)
    batch = environment.batch(1, 3, "environment", True)
    peer.reset(seed=0)
    batch.reset()
    peer.unwrapped.state = batch.state()["states"][0].copy()
    for number in range(200):
        action = np.array([2.0 * np.sin(0.3 * number)])
        observation, reward, terminated, truncated, _info = peer.step(action)
        step = batch.step(action[None])
        np.testing.assert_allclose(step.final_observations[0], observation, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(step.rewards[0], reward, rtol=1e-7)
        assert (step.terminated[0], step.truncated[0]) == (terminated, truncated)
    assert truncated
    assert not np.array_equal(step.observations, step.final_observations), "the next episode begins in the same step"


def test_starts_are_uniform_in_the_registered_range() -> None:
    batch = SPEC.make(PendulumConfig()).batch(20_000, 0, "environment", True)
    batch.reset()
    starts = batch.state()["states"] / [np.pi, 1.0]
    assert np.abs(starts).max() < 1
    assert (np.abs(starts.mean(axis=0)) < 5 * np.sqrt(1 / 3 / 20_000)).all()
    np.testing.assert_allclose(starts.var(axis=0), 1 / 3, rtol=0.04)


def test_kernel_equals_its_plain_twin() -> None:
    key, results = derive_key(0, "environment"), []
    for kernel in (pendulum.pendulum_step, plain(pendulum.pendulum_step)):
        states, numbers, flags = random_states(50), np.zeros((2, 50), np.int64), np.zeros((2, 50), np.bool_)
        rows, actions = np.zeros((2, 50, 3), np.float32), np.linspace(-2, 2, 50)[:, None]
        rewards = np.zeros(50)
        kernel(1, key, actions, states, numbers[0], numbers[1], rows[0], rewards, flags[0], flags[1], rows[1])
        results.append((states, rewards, rows))
    for compiled, twin in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, twin, rtol=1e-12)


def test_the_maps_points_and_the_observations_belong_together() -> None:
    points = np.array([[0.0, 1.0], [np.pi / 2, -8.0], [-3.0, 0.5]])
    np.testing.assert_allclose(SPEC.seen(points)[1], [0.0, 1.0, -8.0], atol=1e-12)
    np.testing.assert_allclose(SPEC.placed(SPEC.seen(points)), points, atol=1e-12)
    batch = SPEC.make(PendulumConfig()).batch(3, 0, "environment", True)
    batch.reset()
    batch.load({**batch.state(), "states": points})
    np.testing.assert_allclose(batch.states(), SPEC.seen(points), atol=1e-6)
