"""Finite MDPs: the linear solve, value iteration and hand-worked numbers agree, and γ = 1 is refused where it must be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import InvalidInput
from app.core.jit import plain
from app.core.randomness import Stream
from app.parts import backups, tabular
from app.parts.tabular import TabularMDP, mdp_from_outcomes


def corridor() -> TabularMDP:
    """Three states in a row, actions left and right, reward 1 for leaving the last one to the right."""
    outcomes = [
        [[(1.0, 0, 0.0, False)], [(1.0, 1, 0.0, False)]],
        [[(1.0, 0, 0.0, False)], [(1.0, 2, 0.0, False)]],
        [[(1.0, 1, 0.0, False)], [(1.0, 2, 1.0, True)]],
    ]
    return mdp_from_outcomes(outcomes, np.array([1.0, 0.0, 0.0]))


def random_mdp(seed: int, n_states: int = 12, n_actions: int = 3, n_outcomes: int = 4) -> TabularMDP:
    rng = np.random.default_rng(seed)
    shape = (n_states, n_actions, n_outcomes)
    return TabularMDP(
        probabilities=rng.dirichlet(np.ones(n_outcomes), shape[:2]),
        next_states=rng.integers(0, n_states, shape),
        rewards=rng.normal(size=shape),
        terminated=rng.random(shape) < 0.1,
        start=rng.dirichlet(np.ones(n_states)),
    )


def plain_value_iteration(mdp: TabularMDP, gamma: float) -> np.ndarray:
    v = np.zeros(mdp.n_states)
    while True:
        targets = mdp.rewards + gamma * np.where(mdp.terminated, 0.0, v[mdp.next_states])
        improved = (mdp.probabilities * targets).sum(axis=2).max(axis=1)
        if np.abs(improved - v).max() < 1e-13:
            return improved
        v = improved


def test_optimal_values_of_a_corridor_by_hand() -> None:
    # one, two and three steps from the reward: γ⁰, γ¹, γ²
    np.testing.assert_allclose(tabular.optimal_values(corridor(), 0.9), [0.81, 0.9, 1.0], atol=1e-15)
    np.testing.assert_allclose(tabular.optimal_values(corridor(), 1.0), [1.0, 1.0, 1.0], atol=1e-12)


def test_the_value_after_a_termination_does_not_count() -> None:
    mdp = corridor()
    q = tabular.q_from_v(mdp, np.array([0.0, 0.0, 100.0]), 0.9)
    assert q[2, 1] == 1.0
    wrong = mdp.rewards[2, 1, 0] + 0.9 * 100.0
    assert wrong == 91.0, "bootstrapping through the end would give this"


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("seed", range(4))
def test_linear_solve_equals_value_iteration(gamma: float, seed: int) -> None:
    mdp = random_mdp(seed)
    v = tabular.optimal_values(mdp, gamma)
    np.testing.assert_allclose(v, plain_value_iteration(mdp, gamma), atol=1e-10)
    policy = tabular.greedy_policy(tabular.q_from_v(mdp, v, gamma))
    np.testing.assert_allclose(tabular.policy_evaluation(mdp, policy, gamma), v, atol=1e-10)
    assert tabular.bellman_residual(mdp, v, gamma) < 1e-10


@pytest.mark.parametrize("seed", range(4))
def test_policy_values_satisfy_both_bellman_equations(seed: int) -> None:
    mdp = random_mdp(seed)
    policy = np.random.default_rng(seed).dirichlet(np.ones(mdp.n_actions), mdp.n_states)
    v = tabular.policy_evaluation(mdp, policy, 0.95)
    q = tabular.q_from_v(mdp, v, 0.95)
    np.testing.assert_allclose((policy * q).sum(axis=1), v, atol=1e-12)


def test_kernel_equals_its_plain_twin_bit_for_bit() -> None:
    mdp = random_mdp(5)
    v = np.random.default_rng(5).normal(size=mdp.n_states)
    twin = np.empty((mdp.n_states, mdp.n_actions))
    plain(backups.q_into)(*mdp.arrays, v, 0.9, twin)
    assert (tabular.q_from_v(mdp, v, 0.9) == twin).all()


def test_finite_horizon_counts_steps_and_does_not_discount() -> None:
    mdp, right = corridor(), tabular.one_hot(np.array([1, 1, 1]), 2)
    assert tabular.finite_horizon_return(mdp, right, 2) == 0.0
    assert tabular.finite_horizon_return(mdp, right, 3) == 1.0
    assert tabular.finite_horizon_optimum(mdp, 3) == 1.0
    # uniform: only right-right-right arrives in 3 steps (1/8); left from the first state stays, so 4 steps add
    # L RRR (1/16): 3/16
    assert tabular.finite_horizon_return(mdp, tabular.uniform_policy(mdp), 4) == pytest.approx(3 / 16)


def test_finite_horizon_tends_to_the_undiscounted_value() -> None:
    mdp = corridor()
    policy = tabular.uniform_policy(mdp)
    assert tabular.finite_horizon_return(mdp, policy, 2_000) == pytest.approx(1.0)
    assert tabular.policy_evaluation(mdp, policy, 1.0)[0] == pytest.approx(1.0)


def test_greedy_policy_shares_ties() -> None:
    np.testing.assert_array_equal(
        tabular.greedy_policy(np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]])), [[0.5, 0.5, 0], [0, 1, 0]]
    )


def test_reachable_and_can_finish() -> None:
    # 0 → 1 → end; 2 loops on itself and no one enters it; the outcome that ends at 3 never lets anyone act there
    outcomes = [[[(1.0, 1, 0.0, False)]], [[(1.0, 3, 0.0, True)]], [[(1.0, 2, 0.0, False)]], [[(1.0, 3, 0.0, True)]]]
    mdp = mdp_from_outcomes(outcomes, np.array([1.0, 0, 0, 0]))
    assert mdp.reachable().tolist() == [True, True, False, False]
    assert mdp.can_finish().tolist() == [True, True, False, True]
    np.testing.assert_array_equal(tabular.optimal_values(mdp, 1.0), 0.0)


def test_gamma_one_is_refused_where_a_reachable_state_cannot_end() -> None:
    outcomes = [[[(0.5, 0, -1.0, True), (0.5, 1, -1.0, False)]], [[(1.0, 1, -1.0, False)]]]
    mdp = mdp_from_outcomes(outcomes, np.array([1.0, 0.0]))
    with pytest.raises(InvalidInput, match="state 1 cannot reach an end"):
        tabular.optimal_values(mdp, 1.0)
    assert tabular.optimal_values(mdp, 0.5)[1] == pytest.approx(-2.0)


def test_a_policy_that_never_ends_is_refused_at_gamma_one() -> None:
    with pytest.raises(InvalidInput, match="under this policy"):
        tabular.policy_evaluation(corridor(), tabular.one_hot(np.array([0, 0, 0]), 2), 1.0)


def test_a_loop_that_earns_is_refused_at_gamma_one() -> None:
    outcomes = [[[(1.0, 0, 0.1, False)], [(1.0, 0, 0.0, True)]]]
    with pytest.raises(InvalidInput, match=r"config.gamma=1: .* grow without end: .*state 0 earns 0.1 a step"):
        tabular.optimal_values(mdp_from_outcomes(outcomes, np.ones(1)), 1.0)


def test_of_equally_good_actions_those_that_come_nearer_to_an_end_are_kept() -> None:
    mdp = corridor()
    assert tabular.optimal_actions(mdp, np.ones(3), 1.0).tolist() == [[False, True]] * 3
    lost = mdp_from_outcomes([[[(1.0, 0, 0.0, False)], [(1.0, 0, 0.0, False)]]], np.ones(1))
    assert tabular.optimal_actions(lost, np.zeros(1), 0.9).tolist() == [[True, True]], "no action ends: all stay tied"


@pytest.mark.parametrize("gamma", [-0.1, 1.2, float("nan")])
def test_gamma_outside_the_unit_interval_is_refused(gamma: float) -> None:
    with pytest.raises(InvalidInput, match=r"must lie in \[0, 1\]"):
        tabular.optimal_values(corridor(), gamma)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        tabular.q_from_v(corridor(), np.zeros(2), 0.9)


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.1, 0.25, 1.0]), min_size=1, max_size=6), st.floats(0, 1, exclude_max=True))
def test_draws_hit_only_possible_outcomes(weights: list[float], u: float) -> None:
    if sum(weights) == 0:
        weights[0] = 1.0
    probabilities = np.array(weights) / sum(weights)
    outcomes = [[[(float(p), 0, 0.0, True) for p in probabilities]]]
    mdp = mdp_from_outcomes(outcomes, np.ones(1))
    assert probabilities[tabular.sample_outcome(mdp.cumulative, 0, 0, u)] > 0


def test_draws_follow_the_probabilities() -> None:
    mdp = random_mdp(7)
    uniforms = Stream(3, "test").uniforms(20_000)
    counts = np.bincount([tabular.sample_outcome(mdp.cumulative, 2, 1, u) for u in uniforms], minlength=4)
    # 5 standard deviations of a count
    expected = 20_000 * mdp.probabilities[2, 1]
    assert (np.abs(counts - expected) <= 5 * np.sqrt(expected)).all()
    starts = np.bincount([tabular.sample_start(mdp.cumulative_start, u) for u in uniforms], minlength=12)
    assert (np.abs(starts - 20_000 * mdp.start) <= 5 * np.sqrt(20_000 * mdp.start)).all()


@pytest.mark.parametrize("shares", [(0.5, 0.4), (1.2, -0.2), (float("nan"), 1.0), (0.5, 0.5 + 1e-8)])
def test_outcomes_that_are_no_probabilities_are_refused_with_state_and_action(shares: tuple[float, float]) -> None:
    good = [(1.0, 0, 0.0, True)]
    wrong = [(shares[0], 0, 0.0, True), (shares[1], 1, 0.0, False)]
    with pytest.raises(InvalidInput, match=r"probabilities.*sum to 1: in state 1, action 1.*divide them by their sum"):
        mdp_from_outcomes([[good, good], [good, wrong]], np.array([1.0, 0.0]))
    nearly = [(0.5, 0, 0.0, True), (0.5 + 1e-10, 1, 0.0, False)]
    mdp_from_outcomes([[good, good], [good, nearly]], np.array([1.0, 0.0]))


def test_starts_that_are_no_probabilities_are_refused() -> None:
    good = [(1.0, 0, 0.0, True)]
    with pytest.raises(InvalidInput, match=r"start.*sum to 1"):
        mdp_from_outcomes([[good], [good]], np.array([1.0, 1.0]))
