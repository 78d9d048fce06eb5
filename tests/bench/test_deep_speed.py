"""Steps per second of PPO and DQN beside Stable-Baselines3 doing the same work, in one run."""

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from app import catalog
from app.core.contracts import Problem

ROUNDS = 3


def ours(name: str, steps: int, environment_name: str = "CartPole-v1") -> float:
    """Return our steps per second with the defaults, which are Stable-Baselines3's."""
    algorithm, environment = catalog.algorithm(name), catalog.environment(environment_name)
    problem = Problem(environment.make(environment.config()), 0, steps)
    agent = algorithm.agent(algorithm.config(), problem)
    start, taken = time.perf_counter(), 0
    while taken < steps:
        taken += agent.update(steps - taken).steps
    return taken / (time.perf_counter() - start)


def theirs(algorithm: Callable[..., Any], steps: int, environment_name: str = "CartPole-v1", **settings: Any) -> float:
    """Return Stable-Baselines3's steps per second with its defaults, unless `settings` say otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agent = algorithm("MlpPolicy", environment_name, device="cpu", seed=0, **settings)
        start = time.perf_counter()
        agent.learn(steps)
    return float(agent.num_timesteps / (time.perf_counter() - start))


@pytest.mark.bench
@pytest.mark.parametrize(
    ("name", "steps", "at_least"), [("ppo", 8192, 2.5), ("dqn", 8000, 4.0), ("a2c", 8000, 4.0), ("trpo", 8192, 1.0)]
)
def test_speed_beside_stable_baselines3(name: str, steps: int, at_least: float) -> None:
    import sb3_contrib
    import stable_baselines3

    torch.set_num_threads(1)
    algorithm = getattr(stable_baselines3, name.upper(), None) or getattr(sb3_contrib, name.upper())
    ours(name, 2048), theirs(algorithm, 500)
    rounds = [(ours(name, steps), theirs(algorithm, steps)) for _ in range(ROUNDS)]
    own, other = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    print(f"\n{name}: {own:,.0f} steps/s, Stable-Baselines3 {other:,.0f}, ratio {own / other:.1f}")  # noqa: T201
    assert own / other >= at_least


@pytest.mark.bench
def test_seconds_until_the_fast_preset_solves_cartpole() -> None:
    """Wall clock until the mean of the last 20 training episodes reaches 475."""
    environment = catalog.environment("CartPole-v1")
    recipe = catalog.resolve("ppo", "CartPole-v1", preset="fast")
    algorithm = catalog.algorithm("ppo")
    seconds = []
    for seed in range(ROUNDS):
        agent = algorithm.agent(
            algorithm.config.parse(recipe.config),
            Problem(environment.make(environment.config()), seed, recipe.total_steps),
        )
        returns: list[float] = []
        start, taken = time.perf_counter(), 0
        while taken < recipe.total_steps and not (len(returns) >= 20 and statistics.fmean(returns[-20:]) >= 475):
            report = agent.update(10_000)
            taken += report.steps
            returns += report.episodes.returns.tolist()
        seconds.append(time.perf_counter() - start)
        print(f"\nseed {seed}: {seconds[-1]:.1f} s, {taken} steps")  # noqa: T201
    assert statistics.median(seconds) <= 5.0


@pytest.mark.bench
def test_speed_of_qr_dqn_beside_sb3_contrib() -> None:
    """200 quantiles, whose loss compares every one with every other."""
    import sb3_contrib

    torch.set_num_threads(1)
    rounds = [(ours("qr_dqn", 2000), theirs(sb3_contrib.QRDQN, 1000)) for _ in range(ROUNDS)]
    own, other = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    print(f"\nqr_dqn: {own:,.0f} steps/s, sb3-contrib {other:,.0f}, ratio {own / other:.1f}")  # noqa: T201
    assert own / other >= 1.5


@pytest.mark.bench
@pytest.mark.parametrize("name", ["ddpg", "td3", "sac"])
def test_speed_with_continuous_actions_beside_stable_baselines3(name: str) -> None:
    """Most of the time goes into products of large matrices, at the rate of torch's, so no ratio can be large."""
    import stable_baselines3
    from stable_baselines3.common.noise import NormalActionNoise

    torch.set_num_threads(1)
    algorithm = getattr(stable_baselines3, name.upper())
    noise: dict[str, Any] = {} if name == "sac" else {"action_noise": NormalActionNoise(np.zeros(1), np.full(1, 0.1))}
    place = "Pendulum-v1"
    ours(name, 200, place), theirs(algorithm, 150, place, **noise)
    rounds = [(ours(name, 1000, place), theirs(algorithm, 1000, place, **noise)) for _ in range(ROUNDS)]
    own, other = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    print(f"\n{name}: {own:,.0f} steps/s, Stable-Baselines3 {other:,.0f}, ratio {own / other:.1f}")  # noqa: T201
    assert own / other >= 1.1
