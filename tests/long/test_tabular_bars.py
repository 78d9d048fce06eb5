"""The bars of learning with tables over sixty seeds, as one table. Run with -m long -n 0 -s.

Control: the tuned presets' exact greedy returns against the best return that any fixed policy has. Exploring for ever: the exact
return of acting against that of the best policy that explores as much. Beside the cliff: online returns against the published
ones. Prediction: the values of the random walk against sixths. ± is the standard error over the seeds.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app import catalog
from app.parts.exploration import epsilon_greedy_policy
from app.parts.tabular import q_from_v
from tests.algorithms.tabular.on_policy import best_soft_values, mean_and_error, online_returns
from tests.algorithms.tabular.tables import agent_on, run

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]

F64 = NDArray[np.float64]
SEEDS = range(60)
CLOSE = 1e-3
OPTIMUM = {"FrozenLake-v1": 0.7401648977587045, "CliffWalking-v1": -13.0, "Taxi-v4": 7.93}
OFF_POLICY = ("q_learning", "double_q_learning", "dyna_q", "prioritized_sweeping")
ON_POLICY = ("sarsa", "expected_sarsa", "sarsa_lambda", "n_step_sarsa")
# what is left to the goal where learning from several steps at once, or a preset's steps, do not suffice on every seed
LEFT = {
    ("n_step_sarsa", "CliffWalking-v1"): 2.5,
    ("expected_sarsa", "FrozenLake-v1"): 0.01,
}
LEFT_SOFT = {("n_step_sarsa", "CliffWalking-v1"): 1.5, ("sarsa_lambda", "CliffWalking-v1"): 1.5}
EPSILON = 0.1
SOFT, SOFT_STEPS = 0.01, 1_500_000
NEAR = 0.03
SHRINKING: dict[str, Any] = {"alpha": 1.0, "alpha_schedule": "visits", "alpha_exponent": 0.8}
SOFT_CONFIG: dict[str, dict[str, Any]] = {
    "sarsa_lambda": {"lambda_": 0.3},
    "n_step_sarsa": {"n_steps": 2},
}
PUBLISHED = {"q_learning": (-49.2, 0.9), "sarsa": (-27.8, 1.0), "expected_sarsa": (-20.8, 0.3)}
WALKS: dict[str, dict[str, Any]] = {
    "td0": {},
    "n_step_td": {"n_steps": 4},
    "td_lambda": {"lambda_": 0.8},
}
HEAD = (
    f"{'algorithm':22}{'environment':18}{'what':26}{'mean ± error':>22}{'goal':>10}{'close':>8}  interval of the share"
)


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """The table of all that was run, printed at the end."""
    lines = [HEAD]
    yield lines
    print("\n" + "\n".join(lines))  # noqa: T201


def line(name: str, environment: str, what: str, numbers: F64, goal: str, close: str = "") -> str:
    """Return a row of the table."""
    mean, error = mean_and_error(numbers)
    return f"{name:22}{environment:18}{what:26}{f'{mean:.5f} ± {error:.5f}':>22}{goal:>10}{close}"


def share(is_close: NDArray[np.bool_]) -> str:
    """Return how many of the seeds are close, and Wilson's 95 % interval of their share."""
    n, p, z = len(is_close), float(is_close.mean()), 1.96
    middle, width = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * width) / (1 + z * z / n) for sign in (-1, 1))
    return f"{f'{is_close.sum()}/{n}':>8}  {100 * max(low, 0.0):.0f}–{100 * high:.0f} %"


@pytest.mark.parametrize("environment", OPTIMUM)
@pytest.mark.parametrize("name", [*OFF_POLICY, *ON_POLICY])
def test_the_greedy_policy_of_the_tuned_preset_is_the_best(table: list[str], name: str, environment: str) -> None:
    optimum, returns = OPTIMUM[environment], []
    steps = catalog.presets_for(name, environment)["tuned"].total_steps
    for seed in SEEDS:
        agent = agent_on(name, environment, seed, preset="tuned")
        run(agent, steps)
        returns.append(agent.exact.return_of(agent.tables().target))
    found = np.array(returns)
    close = share(abs(found - optimum) < CLOSE)
    table.append(line(name, environment, f"greedy, {steps:,} steps", found, f"{optimum:.5g}", close))
    assert abs(found.mean() - optimum) < LEFT.get((name, environment), CLOSE)


@pytest.mark.parametrize(("environment", "gamma"), [("FrozenLake-v1", 0.99), ("CliffWalking-v1", 1.0)])
@pytest.mark.parametrize("name", ON_POLICY)
def test_who_explores_for_ever_acts_like_the_best_that_explore(
    table: list[str], name: str, environment: str, gamma: float
) -> None:
    config: dict[str, Any] = {**SHRINKING, **SOFT_CONFIG.get(name, {}), "epsilon": EPSILON, "gamma": gamma}
    returns = []
    for seed in SEEDS:
        agent = agent_on(name, environment, seed, **config)
        run(agent, SOFT_STEPS)
        returns.append(agent.exact.return_of(agent.tables().behaviour))
    q = q_from_v(agent.exact.mdp, best_soft_values(agent, EPSILON), gamma)
    best, found = agent.exact.return_of(epsilon_greedy_policy(q, EPSILON)), np.array(returns)
    close = share(abs(found - best) < SOFT)
    table.append(line(name, environment, f"acting at ε = {EPSILON}", found, f"{best:.5g}", close))
    assert abs(found.mean() - best) < LEFT_SOFT.get((name, environment), SOFT)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_online_return_beside_the_cliff_is_as_published(table: list[str], name: str) -> None:
    published, published_error = PUBLISHED[name]
    found = online_returns(name, SEEDS)
    table.append(line(name, "CliffWalking-v1", "online, episodes 401–500", found, f"{published}±{published_error}"))
    mean, error = mean_and_error(found)
    assert abs(mean - published) < 4 * np.hypot(published_error, error)


@pytest.mark.parametrize("name", WALKS)
def test_the_values_of_the_random_walk_are_sixths(table: list[str], name: str) -> None:
    values = []
    for seed in SEEDS:
        agent = agent_on(name, "random_walk", seed, gamma=1.0, **SHRINKING, **WALKS[name])
        run(agent, 300_000)
        values.append(agent.signals()["v"]()[1:6])
    found, truth = np.array(values), np.arange(1, 6) / 6
    for state in range(5):
        table.append(line(name, "random_walk", f"value of state {state + 1}", found[:, state], f"{truth[state]:.5f}"))
    far = abs(found - truth).max(axis=1)
    table.append(line(name, "random_walk", "largest error", far, "0", share(far < NEAR)))
    assert far.max() < NEAR
    assert found.mean(axis=0) == pytest.approx(truth, abs=0.005)
