"""The bars of the deep algorithms: mean over five seeds, every seed printed."""

import statistics
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.contracts import Agent, Environment, Problem

SEEDS = range(5)
EVALUATIONS = 20


def mean_return(agent: Agent, environment: Environment, seed: int, *, episodes: int, stream: str) -> float:
    """Return the mean return of the greedy policy over `episodes` episodes, one in each of as many environments."""
    batch = environment.batch(episodes, seed, stream, True)
    observations, returns = batch.reset(), np.zeros(episodes)
    is_open = np.ones(episodes, bool)
    while is_open.any():
        step = batch.step(agent.act(observations, greedy=True))
        returns += step.rewards * is_open
        is_open &= ~(step.terminated | step.truncated)
        observations = step.observations
    return float(returns.mean())


def best_and_last(algorithm_name: str, environment_name: str, seed: int) -> tuple[float, float]:
    """Train with the tuned preset; return the score of the best evaluated weights and of the last, 100 episodes each."""
    recipe = catalog.resolve(algorithm_name, environment_name, preset="tuned", seed=seed)
    algorithm, spec = catalog.algorithm(algorithm_name), catalog.environment(environment_name)
    environment = spec.make(spec.config.parse(recipe.environment_config))
    agent: Any = algorithm.agent(algorithm.config.parse(recipe.config), Problem(environment, seed, recipe.total_steps))
    taken, best, best_weights = 0, -np.inf, agent.signals()["weights"]()
    for number in range(1, EVALUATIONS + 1):
        goal = recipe.total_steps * number // EVALUATIONS
        while taken < goal:
            taken += agent.update(goal - taken).steps
        score = mean_return(agent, environment, seed, episodes=10, stream="evaluation")
        if score >= best:
            best, best_weights = score, agent.signals()["weights"]()
    last = mean_return(agent, environment, seed, episodes=100, stream="final")
    agent.load_weights(best_weights)
    return mean_return(agent, environment, seed, episodes=100, stream="final"), last


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("algorithm", "environment", "bar", "counts"),
    [
        ("ppo", "CartPole-v1", 475.0, "last"),
        ("ppo", "Acrobot-v1", -90.0, "last"),
        ("ppo", "Pendulum-v1", -200.0, "last"),
        ("ppo", "LunarLander-v3", 200.0, "last"),
        ("reinforce", "CartPole-v1", 400.0, "last"),
        ("a2c", "CartPole-v1", 475.0, "last"),
        ("natural_gradient", "CartPole-v1", 450.0, "last"),
        ("trpo", "CartPole-v1", 475.0, "last"),
        ("grpo", "CartPole-v1", 475.0, "last"),
        ("dqn", "CartPole-v1", 475.0, "best"),
        ("double_dqn", "CartPole-v1", 475.0, "best"),
        ("dueling_dqn", "CartPole-v1", 475.0, "best"),
        ("prioritized_dqn", "CartPole-v1", 475.0, "best"),
        ("n_step_dqn", "CartPole-v1", 475.0, "best"),
        ("noisy_dqn", "CartPole-v1", 475.0, "best"),
        ("qr_dqn", "CartPole-v1", 475.0, "best"),
        ("rainbow", "CartPole-v1", 475.0, "best"),
        ("dqn", "MountainCar-v0", -120.0, "last"),
        ("dqn", "Acrobot-v1", -95.0, "last"),
        ("trpo", "Acrobot-v1", -100.0, "last"),
        ("trpo", "Pendulum-v1", -200.0, "last"),
        ("ddpg", "Pendulum-v1", -200.0, "last"),
        ("td3", "Pendulum-v1", -200.0, "last"),
        ("ddpg", "MountainCarContinuous-v0", 90.0, "last"),
        ("td3", "MountainCarContinuous-v0", 90.0, "last"),
        ("sac", "MountainCarContinuous-v0", 90.0, "last"),
        ("sac", "Pendulum-v1", -200.0, "last"),
        ("world_model", "CartPole-v1", 400.0, "best"),
        ("world_model", "Pendulum-v1", -300.0, "last"),
    ],
)
def test_bar(algorithm: str, environment: str, bar: float, counts: str) -> None:
    scores = []
    for seed in SEEDS:
        best, last = best_and_last(algorithm, environment, seed)
        scores.append((best, last))
        print(f"\n{algorithm} {environment} seed {seed}: best {best:.1f}, last {last:.1f}", flush=True)  # noqa: T201
    best, last = (statistics.fmean(column) for column in zip(*scores, strict=True))
    print(f"\n{algorithm} {environment}: mean best {best:.1f}, mean last {last:.1f}")  # noqa: T201
    assert {"best": best, "last": last}[counts] >= bar
