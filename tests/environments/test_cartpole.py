"""CartPole equals gymnasium's step from the same state, flags included."""

import gymnasium
import numpy as np

from app.core.jit import kernel, plain
from app.core.randomness import derive_key
from app.environments import cartpole
from app.environments.cartpole import SPEC, CartPoleConfig

STATES = 4_000


def random_states(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, 4)) * np.array([2.6, 4.0, 0.25, 4.0])


def test_one_step_from_any_state_is_gymnasiums() -> None:
    peer = gymnasium.make("CartPole-v1").unwrapped
    peer.reset(seed=0)
    states, actions = random_states(STATES), np.random.default_rng(1).integers(0, 2, STATES)
    batch = SPEC.make(CartPoleConfig()).batch(STATES, 0, "environment", True)
    batch.reset()
    batch.load({**batch.state(), "states": states})
    step = batch.step(actions)
    for lane in range(STATES):
        peer.state, peer.steps_beyond_terminated = states[lane], None
        observation, reward, terminated, _truncated, _info = peer.step(int(actions[lane]))
        np.testing.assert_allclose(step.final_observations[lane], observation, rtol=1e-6, atol=1e-6)
        assert (step.rewards[lane], step.terminated[lane]) == (reward, terminated)
    assert 0.1 < step.terminated.mean() < 0.9


def test_an_episode_is_gymnasiums_with_the_time_limit() -> None:
    peer = gymnasium.make("CartPole-v1")
    assert peer.spec.max_episode_steps == SPEC.make(CartPoleConfig()).max_episode_steps == 500
    assert (peer.spec.reward_threshold, peer.observation_space.shape) == (SPEC.threshold, (4,))
    batch = SPEC.make(CartPoleConfig()).batch(1, 3, "environment", True)
    for episode in range(5):
        peer.reset(seed=0)
        batch.reset()
        batch.load({**batch.state(), "states": np.zeros((1, 4)), "episodes": np.array([episode])})
        peer.unwrapped.state = np.zeros(4)
        is_over, observation = False, np.zeros(4)
        while not is_over:
            # a controller that keeps the pole up; in the first episodes it gives up, so that both ends occur
            action = int(observation[2] + 0.5 * observation[3] + 0.1 * observation[1] > 0) if episode > 1 else 0
            observation, reward, terminated, truncated, _info = peer.step(action)
            step = batch.step(np.array([action]))
            np.testing.assert_allclose(step.final_observations[0], observation, rtol=1e-5, atol=1e-5)
            assert (step.rewards[0], step.terminated[0], step.truncated[0]) == (reward, terminated, truncated)
            is_over = terminated or truncated
        assert truncated == (episode > 1)


def test_starts_are_uniform_in_the_registered_range() -> None:
    batch = SPEC.make(CartPoleConfig()).batch(20_000, 0, "environment", True)
    batch.reset()
    starts = batch.states()
    assert np.abs(starts).max() < 0.05
    # mean 0 and variance 0.1² / 12, within 5 standard errors
    assert (np.abs(starts.mean(axis=0)) < 5 * 0.1 / np.sqrt(12 * 20_000)).all()
    np.testing.assert_allclose(starts.var(axis=0), 0.1**2 / 12, rtol=0.04)
    assert np.abs(np.corrcoef(starts.T) - np.eye(4)).max() < 0.05


def test_kernel_equals_its_plain_twin() -> None:
    states, key = random_states(50), derive_key(0, "environment")
    compiled, twin = states.copy(), states.copy()
    for kernel_, array in ((cartpole.cartpole_step, compiled), (plain(cartpole.cartpole_step), twin)):
        numbers, flags = np.zeros((2, 50), np.int64), np.zeros((2, 50), np.bool_)
        rows = np.zeros((2, 50, 4), np.float32)
        actions = np.arange(50) % 2
        kernel_(500, key, actions, array, numbers[0], numbers[1], rows[0], np.zeros(50), flags[0], flags[1], rows[1])
    np.testing.assert_allclose(compiled, twin, rtol=1e-12)


@kernel
def push_right(state, steps):  # type: ignore[no-untyped-def]
    x, x_dot, theta, theta_dot = state[0], state[1], state[2], state[3]
    for _ in range(steps):
        x, x_dot, theta, theta_dot, _fallen = cartpole.cartpole_dynamics(x, x_dot, theta, theta_dot, 1)
    return x, theta


def test_dynamics_can_be_called_from_another_kernel() -> None:
    x, theta = push_right(np.zeros(4), 5)
    assert x > 0 > theta, "the cart goes right, the pole falls left"


def test_axes_hold_the_region_where_an_episode_goes_on() -> None:
    assert len(SPEC.axes) == 4
    assert SPEC.axes[0].high == cartpole.POSITION_LIMIT
    assert SPEC.axes[2].high == cartpole.ANGLE_LIMIT
