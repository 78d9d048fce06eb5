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
FRESH = range(8, 16)


def ours(name: str, steps: int, environment_name: str = "CartPole-v1") -> float:
    """Return our steps per second with the defaults, which are Stable-Baselines3's."""
    algorithm, environment = catalog.algorithm(name), catalog.environment(environment_name)
    problem = Problem(environment.make(environment.config()), 0, steps)
    agent = algorithm.agent(algorithm.config(), problem)
    start, taken = time.perf_counter(), 0
    while taken < steps:
        taken += agent.update(steps - taken).steps
    return taken / (time.perf_counter() - start)


def same_optimiser(name: str) -> dict[str, Any]:
    """Return the setting by which Stable-Baselines3 steps as we do: A2C's RMSprop has its epsilon under the root."""
    from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike

    kwargs = {"optimizer_class": RMSpropTFLike, "optimizer_kwargs": {"alpha": 0.99, "eps": 1e-5}}
    return {"policy_kwargs": kwargs, "use_rms_prop": False} if name == "a2c" else {}


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
    rounds = [(ours(name, steps), theirs(algorithm, steps, **same_optimiser(name))) for _ in range(ROUNDS)]
    own, other = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    print(f"\n{name}: {own:,.0f} steps/s, Stable-Baselines3 {other:,.0f}, ratio {own / other:.1f}")  # noqa: T201
    assert own / other >= at_least


@pytest.mark.bench
def test_the_fast_preset_solves_cartpole_within_five_seconds_on_each_of_eight_fresh_seeds() -> None:
    """Until the mean of the last 100 training episodes reaches 475; none of the seeds was used to choose the settings."""
    torch.set_num_threads(1)
    environment, algorithm = catalog.environment("CartPole-v1"), catalog.algorithm("ppo")
    recipe = catalog.resolve("ppo", "CartPole-v1", preset="fast")
    ours("ppo", 2048)
    seconds = []
    for seed in FRESH:
        problem = Problem(environment.make(environment.config()), seed, recipe.total_steps)
        agent = algorithm.agent(algorithm.config.parse(recipe.config), problem)
        returns: list[float] = []
        start, taken, busy = time.perf_counter(), 0, time.process_time()
        while taken < recipe.total_steps and not is_solved(returns):
            report = agent.update(recipe.total_steps - taken)
            taken += report.steps
            returns += report.episodes.returns.tolist()
        assert is_solved(returns), seed
        seconds.append(time.perf_counter() - start)
        busy = time.process_time() - busy
        print(f"\nseed {seed}: {taken} steps, {seconds[-1]:.2f} s, {busy:.2f} s of processor time")  # noqa: T201
    assert max(seconds) <= 5.0


def is_solved(returns: list[float]) -> bool:
    """Whether the mean of the last 100 episodes is at least 475."""
    return len(returns) >= 100 and statistics.fmean(returns[-100:]) >= 475


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
