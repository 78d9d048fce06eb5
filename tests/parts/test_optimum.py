"""Policy iteration agrees with plain value iteration, also on whether the values of γ = 1 are finite."""

import time
from typing import Any

import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.environments.gridworld import GridworldConfig, model
from app.parts.optimum import EarningLoop, Solver
from app.parts.tabular import TabularMDP, mdp_from_outcomes, optimal_values

SLOW_SWEEPS = 3_000


def optimum(arrays: Any, gamma: float) -> np.ndarray:
    return Solver(arrays, gamma, 1e-12).optimum()


def random_mdp(seed: int, rewards: str, ends: float = 0.15) -> TabularMDP:
    """Six states, two actions, sparse outcomes: small enough that loops and dead ends occur."""
    rng = np.random.default_rng(seed)
    shape = (6, 2, 2)
    probabilities = rng.choice(np.array([[1.0, 0.0], [0.7, 0.3], [0.5, 0.5]]), shape[:2])
    drawn = rng.normal(-0.3, 0.5, shape)
    if rewards == "never negative":
        drawn = np.maximum(drawn, 0.0)
    elif rewards == "never positive":
        drawn = np.minimum(drawn, 0.0)
    terminated = rng.random(shape) < ends
    return TabularMDP(probabilities, rng.integers(0, 6, shape), drawn, terminated, np.ones(6) / 6)


def plain_sweeps(mdp: TabularMDP) -> tuple[np.ndarray, float]:
    """Value iteration from V = 0 over the states that can end; returns V and the largest change of the last sweep."""
    ends, v, change = mdp.can_finish(), np.zeros(mdp.n_states), 0.0
    for _ in range(SLOW_SWEEPS):
        targets = mdp.rewards + np.where(mdp.terminated, 0.0, v[mdp.next_states])
        improved = np.where(ends, (mdp.probabilities * targets).sum(axis=2).max(axis=1), 0.0)
        change, v = float(np.abs(improved - v).max()), improved
        if change < 1e-14:
            break
    return v, change


@pytest.mark.parametrize("rewards", ["of both signs", "never negative", "never positive"])
def test_it_equals_plain_value_iteration_and_its_verdict(rewards: str) -> None:
    verdicts = set()
    for seed in range(80):
        mdp = random_mdp(seed, rewards)
        expected, change = plain_sweeps(mdp)
        is_finite = change < 1e-6
        verdicts.add(is_finite)
        if is_finite:
            np.testing.assert_allclose(optimum(mdp.arrays, 1.0), expected, atol=1e-9, err_msg=str(seed))
            continue
        with pytest.raises(EarningLoop) as found:
            optimum(mdp.arrays, 1.0)
        assert found.value.reward_per_step > 0
    assert verdicts == ({True} if rewards == "never positive" else {True, False})


@pytest.mark.parametrize("seed", range(20))
def test_the_optimum_is_a_fixed_point_at_every_discount(seed: int) -> None:
    mdp = random_mdp(seed, "of both signs")
    for gamma in (0.0, 0.5, 0.99, 0.999999):
        v = optimum(mdp.arrays, gamma)
        targets = mdp.rewards + gamma * np.where(mdp.terminated, 0.0, v[mdp.next_states])
        backed_up = (mdp.probabilities * targets).sum(axis=2).max(axis=1)
        np.testing.assert_allclose(backed_up, v, atol=1e-12 * max(1.0, float(np.abs(v).max())))


def test_the_loop_that_earns_is_named_with_its_mean_reward() -> None:
    # 0 → 1 → 0 pays 3 − 1 = 2 in two steps; the way out pays nothing
    outcomes = [
        [[(1.0, 1, 3.0, False)], [(1.0, 0, 0.0, True)]],
        [[(1.0, 0, -1.0, False)], [(1.0, 1, 0.0, True)]],
    ]
    with pytest.raises(EarningLoop) as found:
        optimum(mdp_from_outcomes(outcomes, np.array([1.0, 0.0])).arrays, 1.0)
    assert found.value.reward_per_step == pytest.approx(1.0)
    assert found.value.states.tolist() == [0, 1]


def test_what_ends_only_in_theory_is_refused_by_name() -> None:
    rare = 1e-9
    outcomes = [[[(rare, 0, -1.0, True), (1 - rare, 0, -1.0, False)]]]
    solver = Solver(mdp_from_outcomes(outcomes, np.ones(1)).arrays, 1.0, 1e-12)
    assert solver.hopeless.tolist() == [True]
    with pytest.raises(InvalidInput, match=r"state 0 cannot reach an end within 1\u202f000\u202f000 steps"):
        optimal_values(mdp_from_outcomes(outcomes, np.ones(1)), 1.0)
    earning = [[[(rare, 0, 1.0, True), (1 - rare, 0, 1.0, False)], [(1.0, 0, 0.0, True)]]]
    with pytest.raises(InvalidInput, match=r"state 0 earns 1 a step"):
        optimal_values(mdp_from_outcomes(earning, np.ones(1)), 1.0)


def test_staying_for_ever_is_worth_nothing_where_it_is_free() -> None:
    outcomes = [[[(1.0, 0, 0.0, False)], [(1.0, 0, -1.0, True)]]]
    mdp = mdp_from_outcomes(outcomes, np.ones(1))
    assert optimum(mdp.arrays, 1.0)[0] == 0.0
    paid = mdp_from_outcomes([[[(1.0, 0, -0.1, False)], [(1.0, 0, -1.0, True)]]], np.ones(1))
    assert optimum(paid.arrays, 1.0)[0] == -1.0


def test_a_loop_without_gain_is_no_reason_to_refuse() -> None:
    # +0.5 and −0.5 in turn; the best end is worth 1 from state 0, 1.5 from state 1 by way of it is −0.5 + 1 = 0.5
    outcomes = [
        [[(1.0, 1, 0.5, False)], [(1.0, 0, 1.0, True)]],
        [[(1.0, 0, -0.5, False)], [(1.0, 1, 0.1, True)]],
    ]
    np.testing.assert_allclose(
        optimum(mdp_from_outcomes(outcomes, np.array([1.0, 0.0])).arrays, 1.0), [1.0, 0.5], atol=1e-14
    )


def open_world(size: int, **options: Any) -> TabularMDP:
    rows = ["." * size] * size
    rows[0], rows[-1] = "S" + rows[0][1:], rows[-1][1:] + "G"
    return model(GridworldConfig.parse({"layout": "/".join(rows), **options}))


@pytest.mark.parametrize("options", [{}, {"slip": 0.2}, {"step_reward": 0.0, "slip": 0.2}])
@pytest.mark.parametrize("gamma", [0.99, 1.0])
def test_a_grid_of_40_by_40_equals_plain_sweeps(options: dict[str, Any], gamma: float) -> None:
    mdp = open_world(40, **options)
    v = np.zeros(mdp.n_states)
    for _ in range(600):
        targets = mdp.rewards + gamma * np.where(mdp.terminated, 0.0, v[mdp.next_states])
        v = (mdp.probabilities * targets).sum(axis=2).max(axis=1)
    np.testing.assert_allclose(optimal_values(mdp, gamma), v, atol=1e-9)


def test_a_loop_that_earns_on_the_largest_grid_is_refused_at_once() -> None:
    mdp = open_world(40, rewards="0,2:0.5")
    with pytest.raises(EarningLoop):
        optimum(mdp.arrays, 1.0)
    started = time.perf_counter()
    with pytest.raises(EarningLoop):
        optimum(mdp.arrays, 1.0)
    assert time.perf_counter() - started < 1.0, "measured: 0.01 s; sweeping until it shows took 11 s"
