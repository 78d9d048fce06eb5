"""Gradient bandit: its expected update is the exact gradient, whatever the baseline; what the baseline is good for."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.tabular.gradient_bandit import prefer, softmax_into
from app.core.codecs import trees_equal
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular import tables
from tests.algorithms.tabular.tables import run, slots, use_plain_twins

MEANS = np.array([0.3, -0.5, 1.2, 0.0])
PREFERENCES = np.array([[0.5, -1.0, 0.2, 1.5]])
PLACE = {"n_arms": 4, "means": "0.3, -0.5, 1.2, 0"}


def agent_on(seed: int = 0, place: dict[str, Any] | None = None, **config: Any) -> TabularAgent:
    return tables.agent_on("gradient_bandit", "bandit", seed, place=place or PLACE, **config)


def softmax(preferences: np.ndarray) -> np.ndarray:
    pi = np.empty_like(preferences)
    softmax_into(preferences, pi)
    return pi


def expected_payment(preferences: np.ndarray) -> float:
    return float(softmax(preferences)[0] @ MEANS)


def moments_of_the_update(baseline: float, alpha: float = 0.1) -> tuple[np.ndarray, float]:
    """Return mean and total variance of the change of the preferences, over arms and payments, by enumeration."""
    world, pi = agent_on().world, softmax(PREFERENCES)
    changes, chances = [], []
    for arm in range(4):
        for outcome, passed in enumerate(np.diff(world.cumulative[0, arm], prepend=0.0)):
            h = PREFERENCES.copy()
            prefer(h, pi, arm, world.rewards[0, arm, outcome] - baseline, alpha)
            changes.append(h[0] - PREFERENCES[0])
            chances.append(pi[0, arm] * passed)
    mean = np.average(changes, axis=0, weights=chances)
    variance = np.average((np.array(changes) - mean) ** 2, axis=0, weights=chances).sum()
    return mean, float(variance)


def test_softmax_is_a_distribution_also_of_huge_preferences() -> None:
    assert softmax(PREFERENCES)[0] == pytest.approx(np.exp(PREFERENCES[0]) / np.exp(PREFERENCES[0]).sum())
    assert softmax(np.array([[1000.0, 0.0]])).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("baseline", [0.0, 0.7, -20.0])
def test_the_expected_update_is_the_exact_gradient(baseline: float) -> None:
    mean, _variance = moments_of_the_update(baseline)
    pi = softmax(PREFERENCES)[0]
    closed = pi * (MEANS - pi @ MEANS)
    steps = np.eye(4)[:, None, :] * 1e-6
    differences = [
        (expected_payment(PREFERENCES + step) - expected_payment(PREFERENCES - step)) / 2e-6 for step in steps
    ]
    assert closed == pytest.approx(differences, abs=1e-9)
    assert mean / 0.1 == pytest.approx(closed, abs=1e-12)


def test_a_baseline_lowers_the_variance() -> None:
    expected = expected_payment(PREFERENCES)
    assert moments_of_the_update(expected)[1] < moments_of_the_update(0.0)[1] < moments_of_the_update(-20.0)[1]


def test_the_update_of_a_run_is_that_of_the_equations() -> None:
    agent = agent_on()
    run(agent, 100)
    before, mean = agent.memory.preferences[0].copy(), float(agent.memory.mean_reward[0])
    agent.update(1)
    found, pi = slots(agent), softmax(before)[0]
    arm, advantage = int(found["a"]), found["r"] - mean
    assert (found["baseline"], found["pi"]) == (mean, pi[arm])
    expected = before[0] + 0.1 * advantage * (np.eye(4)[arm] - pi)
    assert agent.signals()["preferences"]()[0] == pytest.approx(expected, abs=1e-15)
    assert agent.signals()["preferences"]().sum() == pytest.approx(0.0, abs=1e-12)


def test_the_first_payment_is_its_own_baseline() -> None:
    agent = agent_on()
    agent.update(1)
    assert not agent.signals()["preferences"]().any()
    assert agent.memory.mean_reward[0] == slots(agent)["r"]


def test_payments_far_from_zero_need_the_baseline() -> None:
    """Sutton and Barto's figure 2.5: ten arms with means around 4, α = 0.4, 1,000 pulls, 30 seeds."""
    place = {"n_arms": 10, "means": "4.2, 3.1, 5.5, 4, 3.6, 4.8, 2.9, 4.4, 3.3, 5"}
    shares = {}
    for has_baseline in (True, False):
        found = []
        for seed in range(30):
            agent = agent_on(seed, place, alpha=0.4, baseline=has_baseline)
            run(agent, 1000)
            found.append(agent.diagnostics()["bandit/optimal_share"])
        shares[has_baseline] = float(np.mean(found))
    print(f"share of the best arm with and without baseline {shares}")  # noqa: T201
    assert shares[True] > shares[False] + 0.2


def test_the_kernel_equals_its_plain_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted, cut = agent_on(), agent_on(), agent_on()
    run(compiled, 1000)
    run(cut, 1000, call=1)
    assert trees_equal(compiled.state(), cut.state()) == []
    use_plain_twins(monkeypatch, interpreted)
    run(interpreted, 1000)
    assert np.array_equal(compiled.course.visits, interpreted.course.visits)
    assert compiled.memory.preferences == pytest.approx(interpreted.memory.preferences, rel=1e-12)
