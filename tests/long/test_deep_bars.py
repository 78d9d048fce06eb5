"""The bars of the deep algorithms over five seeds: every seed printed, and a table of the means with their intervals.

pytest -m long -n 0 -s tests/long/test_deep_bars.py
pytest -m long -n 0 -s tests/long/test_deep_bars.py -k "[dqn-CartPole-v1]"

The second runs one row. In brackets is the 95 % interval of the mean, by Student's t.
"""

import statistics
from collections.abc import Iterator

import numpy as np
import pytest

from tests.long.seeds import begun, half_width, mean_return, with_interval

SEEDS = range(5)
EVALUATIONS = 20
HEAD = f"{'algorithm':18}{'environment':26}{'best':>29}{'last':>30}{'bar':>9}  of"


def best_and_last(algorithm_name: str, environment_name: str, seed: int) -> tuple[float, float]:
    """Train with the tuned preset; return the score of the best evaluated weights and of the last, 100 episodes each."""
    recipe, environment, agent = begun(algorithm_name, environment_name, preset="tuned", seed=seed)
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


ROWS = [
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
    ("ppo_preferences", "CartPole-v1", 475.0, "last"),
    ("ppo_preferences", "Pendulum-v1", -300.0, "last"),
    ("world_model", "CartPole-v1", 400.0, "best"),
    ("world_model", "Pendulum-v1", -300.0, "last"),
]


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """The table of all rows that were run, printed at the end."""
    lines = [HEAD]
    yield lines
    if len(lines) > 1:
        print("\n" + "\n".join(lines))  # noqa: T201


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("algorithm", "environment", "bar", "counts"), ROWS, ids=[f"{row[0]}-{row[1]}" for row in ROWS]
)
def test_bar(algorithm: str, environment: str, bar: float, counts: str, table: list[str]) -> None:
    scores: dict[str, list[float]] = {"best": [], "last": []}
    for seed in SEEDS:
        best, last = best_and_last(algorithm, environment, seed)
        scores["best"].append(best)
        scores["last"].append(last)
        print(f"\n{algorithm} {environment} seed {seed}: best {best:.1f}, last {last:.1f}", flush=True)  # noqa: T201
    means = " ".join(with_interval(column) for column in scores.values())
    table.append(f"{algorithm:18}{environment:26}{means}{bar:9.1f}  {counts}")
    assert statistics.fmean(scores[counts]) >= bar


def test_the_interval_of_a_mean_is_that_of_students_t() -> None:
    """1, 2, 3, 4, 5: variance 2.5, standard error √(2.5 / 5) = 0.7071, 2.776 of them to either side."""
    assert half_width([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2.776 * 0.7071, abs=1e-3)
