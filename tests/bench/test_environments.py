"""Steps per second of the batched environments, called from Python (marker `bench`)."""

import warnings
from time import perf_counter

import gymnasium
import numpy as np
import pytest

from app import catalog
from app.core.contracts import Array, Environment

pytestmark = pytest.mark.bench

CLASSIC = ("CartPole-v1", "MountainCar-v0", "Acrobot-v1", "Pendulum-v1", "MountainCarContinuous-v0")
SIMULATED = ("LunarLander-v3", "LunarLanderContinuous-v3", "BipedalWalker-v3")  # as fast as gymnasium's own, less 15 %
IDS = ("FrozenLake-v1", "CliffWalking-v1", "gridworld", *CLASSIC)


def steps_per_second(name: str, n_envs: int, seconds: float = 0.3) -> float:
    """Return the median of three measurements."""
    spec = catalog.environments()[name]
    environment = spec.make(spec.config())
    batch = environment.batch(n_envs, 0, "environment", True)
    batch.reset()
    actions = actions_for(environment, 256, n_envs)
    for row in actions:
        batch.step(row)
    figures = []
    for _ in range(3):
        start, count = perf_counter(), 0
        while perf_counter() - start < seconds:
            for row in actions:
                batch.step(row)
            count += actions.size
        figures.append(count / (perf_counter() - start))
    return float(np.median(figures))


def actions_for(environment: Environment, steps: int, n_envs: int) -> Array:
    """Return random actions (T, N), or (T, N, A) within the bounds."""
    random = np.random.default_rng(0)
    if environment.action_bounds is None:
        return random.integers(0, environment.n_actions, (steps, n_envs))
    return random.uniform(*environment.action_bounds.T, (steps, n_envs, environment.n_actions))


def peer_steps_per_second(name: str, seconds: float = 1.0) -> float:
    """Return what gymnasium's own loop over one environment reaches."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = gymnasium.make(name)
    peer.reset(seed=0)
    peer.action_space.seed(0)
    start, count = perf_counter(), 0
    while perf_counter() - start < seconds:
        _observation, _reward, terminated, truncated, _info = peer.step(peer.action_space.sample())
        count += 1
        if terminated or truncated:
            peer.reset()
    return count / (perf_counter() - start)


@pytest.mark.parametrize(("n_envs", "budget"), [(1, 0), (8, 200_000), (64, 2_000_000)])
@pytest.mark.parametrize("name", IDS)
def test_steps_per_second(name: str, n_envs: int, budget: float, capsys: pytest.CaptureFixture[str]) -> None:
    figure = steps_per_second(name, n_envs)
    with capsys.disabled():
        print(f"\n{name:16} {n_envs:3} envs {figure:14,.0f} steps/s (budget {budget:,.0f})")  # noqa: T201
    assert figure >= budget


@pytest.mark.parametrize("name", SIMULATED)
def test_simulators_of_gymnasium_are_not_held_up(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    peer, figure = peer_steps_per_second(name), steps_per_second(name, 8)
    with capsys.disabled():
        print(f"\n{name:24} {figure:10,.0f} steps/s of 8, gymnasium's loop {peer:10,.0f}")  # noqa: T201
    assert figure >= 0.85 * peer
