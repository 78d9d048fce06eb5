"""The bars of the temporal-difference family: five seeds of every tuned preset that says it finds the best policy; prediction errors."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.parts import tabular_agent
from tests.algorithms.tabular.on_policy import mean_and_error, online_returns
from tests.algorithms.tabular.tables import agent_on, run

OPTIMUM = {"FrozenLake-v1": 0.7401648977587045, "CliffWalking-v1": -13.0, "Taxi-v4": 7.93}
BEST = (
    *(("double_q_learning", environment) for environment in OPTIMUM),
    *(("expected_sarsa", environment) for environment in OPTIMUM),
    ("sarsa", "FrozenLake-v1"),
    ("sarsa", "CliffWalking-v1"),
    ("sarsa_lambda", "FrozenLake-v1"),
)
ONLINE = (("sarsa", -27.8, 1.0), ("expected_sarsa", -20.8, 0.3))


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("algorithm", "environment"), BEST)
def test_greedy_policy_of_the_tuned_preset_is_optimal_on_five_seeds(algorithm: str, environment: str) -> None:
    returns = []
    for seed in range(5):
        agent = agent_on(algorithm, environment, seed, preset="tuned")
        run(agent, catalog.presets_for(algorithm, environment)["tuned"].total_steps)
        returns.append(agent.diagnostics()["tabular/greedy_return"])
    print(f"{algorithm} on {environment}: exact greedy returns {[round(value, 5) for value in returns]}")  # noqa: T201
    assert np.abs(np.array(returns) - OPTIMUM[environment]).max() < 1e-3


@pytest.mark.long
@pytest.mark.parametrize(("algorithm", "published", "published_error"), ONLINE)
def test_online_return_beside_the_cliff(algorithm: str, published: float, published_error: float) -> None:
    mean, error = mean_and_error(online_returns(algorithm, range(60)))
    print(f"{algorithm}: {mean:.1f} ± {error:.1f}, published {published} ± {published_error}")  # noqa: T201
    assert abs(mean - published) < 4 * np.hypot(published_error, error)


def error_of_ten_episodes(algorithm: str, **config: Any) -> float:
    """Return the RMS error on 19 states after each of the first 10 episodes, averaged over them and 100 runs."""
    errors = []
    for seed in range(100):
        agent = agent_on(
            algorithm, "random_walk", seed, place={"n_states": 19, "left_reward": -1.0}, gamma=1.0, **config
        )
        truth = agent.truth()[1:20]
        for _ in range(10):
            agent.update(100_000)
            errors.append(np.sqrt(np.mean((agent.memory.v[0, 1:20] - truth) ** 2)))
    return float(np.mean(errors))


@pytest.mark.long
def test_a_middle_between_one_step_and_the_whole_episode_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sutton and Barto (2018), figures 7.2 and 12.6: on 19 states the error of n = 4 at α = .4 is about .25."""
    monkeypatch.setattr(tabular_agent, "CALL_EPISODES", 1)  # a call ends with each episode
    by_n = {n: error_of_ten_episodes("n_step_td", n_steps=n, alpha=0.4) for n in (1, 2, 4, 8, 64)}
    by_lambda = {x: error_of_ten_episodes("td_lambda", lambda_=x, alpha=0.4, traces="dutch") for x in (0.0, 0.8, 1.0)}
    print(f"by n {by_n}, by λ {by_lambda}")  # noqa: T201
    assert by_n[4] == pytest.approx(0.25, abs=0.03)
    assert by_n[4] < by_n[1] < by_n[64]
    assert by_lambda[0.8] < by_lambda[0.0] == pytest.approx(by_n[1], abs=0.03)
    assert by_lambda[0.8] < by_lambda[1.0]
