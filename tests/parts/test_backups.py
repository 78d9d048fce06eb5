"""Kernels over model arrays: each equals its plain twin, and the way to an end is found by hand."""

import numpy as np
import pytest

from app.core.jit import plain
from app.parts import backups
from app.parts.tabular import TabularMDP, mdp_from_outcomes


def random_mdp(seed: int) -> TabularMDP:
    rng = np.random.default_rng(seed)
    shape = (9, 3, 2)
    return TabularMDP(
        rng.dirichlet(np.ones(2), shape[:2]), rng.integers(0, 9, shape), rng.normal(size=shape),
        rng.random(shape) < 0.2, np.ones(9) / 9,
    )  # fmt: skip


def corridor() -> TabularMDP:
    """0 ↔ 1 ↔ 2 → end, actions left and right; 3 loops on itself."""
    outcomes = [
        [[(1.0, 0, 0.0, False)], [(1.0, 1, 0.0, False)]],
        [[(1.0, 0, 0.0, False)], [(1.0, 2, 0.0, False)]],
        [[(1.0, 1, 0.0, False)], [(1.0, 2, 1.0, True)]],
        [[(1.0, 3, 0.0, False)], [(1.0, 3, 0.0, False)]],
    ]
    return mdp_from_outcomes(outcomes, np.array([1.0, 0, 0, 0]))


def test_the_way_out_is_found_nearest_first() -> None:
    mdp = corridor()
    order, actions = backups.way_out(mdp.probabilities, mdp.next_states, mdp.terminated)
    assert order.tolist() == [2, 1, 0]
    assert actions.tolist() == [1, 1, 1, -1]
    steps = backups.distances(mdp.probabilities, mdp.next_states, mdp.terminated)
    assert steps.tolist() == [3.0, 2.0, 1.0, np.inf]


def test_one_can_stay_where_allowed_pairs_never_lead_away() -> None:
    mdp = corridor()
    everywhere = np.ones((4, 2), np.bool_)
    everywhere[2, 1] = False  # the action that ends
    assert backups.can_stay(everywhere, mdp.probabilities, mdp.next_states).all()
    only_right = np.array([[False, True]] * 3 + [[True, True]])
    only_right[2, 1] = False
    assert backups.can_stay(only_right, mdp.probabilities, mdp.next_states).tolist() == [False, False, False, True]


@pytest.mark.parametrize("seed", range(5))
def test_kernels_equal_their_plain_twins(seed: int) -> None:
    mdp = random_mdp(seed)
    structure = (mdp.probabilities, mdp.next_states, mdp.terminated)
    for one, other in zip(backups.way_out(*structure), plain(backups.way_out)(*structure), strict=True):
        assert (one == other).all()
    assert (backups.distances(*structure) == plain(backups.distances)(*structure)).all()
    expected = (mdp.probabilities * mdp.rewards).sum(axis=2)
    model = (expected, np.where(mdp.terminated, 0.0, mdp.probabilities), mdp.next_states)
    assert (backups.optimal_horizon_values(*model, 7) == plain(backups.optimal_horizon_values)(*model, 7)).all()
    policy = np.full((9, 3), 1 / 3)
    twin = plain(backups.horizon_values)(*mdp.arrays, policy, 7)
    assert (backups.horizon_values(*mdp.arrays, policy, 7) == twin).all()
    made = []
    for function in (backups.improve, plain(backups.improve)):
        v, actions = np.full(9, -50.0), np.zeros(9, np.int64)
        function(model, np.arange(9), np.zeros(9, np.bool_), v, actions, 0.9, 5, 1e-12)
        made.append((v, actions))
    assert (made[0][0] == made[1][0]).all()
    assert (made[0][1] == made[1][1]).all()


def test_finite_horizon_values_equal_backups_one_step_at_a_time() -> None:
    mdp = random_mdp(3)
    v, q = np.zeros(9), np.empty((9, 3))
    for _ in range(7):
        backups.q_into(*mdp.arrays, v, 1.0, q)
        v = q.max(axis=1)
    model = ((mdp.probabilities * mdp.rewards).sum(axis=2), np.where(mdp.terminated, 0.0, mdp.probabilities))
    np.testing.assert_allclose(backups.optimal_horizon_values(*model, mdp.next_states, 7), v, atol=1e-13)
