"""Softmax policies: score, gradient against finite differences of the exact return, Fisher matrix, divergence."""

import numpy as np
import pytest

from app import catalog
from app.core.jit import plain
from app.parts.softmax import (
    divergences,
    draw_action,
    entropies,
    fisher,
    model_in,
    policy_gradient,
    softmax_policy,
    softmax_row,
)
from app.parts.tabular import TabularMDP, mdp_from_outcomes, policy_evaluation
from app.parts.tabular_agent import world_of

TINY = mdp_from_outcomes(
    [
        [[(0.7, 1, 1.0, False), (0.3, 0, -1.0, False)], [(1.0, 2, 0.5, False)]],
        [[(0.4, 2, 2.0, True), (0.6, 0, 0.0, False)], [(1.0, 2, -0.5, False)]],
        [[(0.5, 0, 1.5, False), (0.5, 1, 0.0, False)], [(1.0, 0, 3.0, True)]],
    ],
    np.array([0.6, 0.4, 0.0]),
)


def preferences(n_states: int, n_actions: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_states, n_actions))


def lake() -> TabularMDP:
    mdp = catalog.build(catalog.resolve("value_iteration", "FrozenLake-v1"))[2].mdp
    assert isinstance(mdp, TabularMDP)
    return mdp


@pytest.mark.parametrize(("mdp", "gamma"), [(TINY, 0.9), (TINY, 0.5), (lake(), 0.95)], ids=["tiny", "half", "lake"])
def test_the_policy_gradient_equals_finite_differences_of_the_exact_return(mdp: TabularMDP, gamma: float) -> None:
    theta, h = preferences(mdp.n_states, mdp.n_actions), 1e-5
    gradient = policy_gradient(mdp, softmax_policy(theta), gamma)
    for where in np.ndindex(theta.shape):
        returns = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[where] += sign * h
            returns.append(float(mdp.start @ policy_evaluation(mdp, softmax_policy(moved), gamma)))
        assert gradient[where] == pytest.approx((returns[0] - returns[1]) / (2 * h), abs=1e-8), where


def test_fisher_is_the_covariance_of_the_score() -> None:
    policy = softmax_policy(preferences(3, 4))
    scores = np.eye(4)[None] - policy[:, None, :]  # (S, a, b): ∂ log π(a) / ∂ θ(b)
    covariance = np.einsum("sa,sab,sac->sbc", policy, scores, scores)
    assert fisher(policy) == pytest.approx(covariance, abs=1e-15)
    assert fisher(policy).sum(axis=2) == pytest.approx(np.zeros((3, 4)), abs=1e-15)  # singular along constants
    assert np.einsum("sa,sab->sb", policy, scores) == pytest.approx(np.zeros((3, 4)), abs=1e-15)


def test_the_divergence_is_half_the_fisher_form() -> None:
    theta, step = preferences(3, 4), 1e-4 * preferences(3, 4, seed=2)
    policy = softmax_policy(theta)
    form = 0.5 * np.einsum("sa,sab,sb->s", step, fisher(policy), step)
    assert divergences(policy, softmax_policy(theta + step)) == pytest.approx(form, rel=1e-3)
    assert divergences(policy, policy).tolist() == [0, 0, 0]


def test_the_divergence_and_the_entropy_have_their_closed_forms() -> None:
    p, q = np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]])
    assert divergences(p, q)[0] == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3), abs=1e-15)
    assert entropies(np.array([[0.25] * 4, [1.0, 0, 0, 0]])) == pytest.approx([np.log(4), 0.0], abs=1e-15)


def test_a_row_is_the_softmax_of_its_preferences_also_of_large_ones() -> None:
    theta = np.array([[0.0, 1.0, 2.0], [1e4, 0.0, -1e4]])
    row, twin = np.empty(3), np.empty(3)
    for state in range(2):
        softmax_row(theta, state, row)
        plain(softmax_row)(theta, state, twin)
        assert row == pytest.approx(twin, rel=1e-12)
        assert row == pytest.approx(softmax_policy(theta)[state], rel=1e-12)
    assert row.tolist() == [1, 0, 0]


def test_actions_are_drawn_by_their_probabilities() -> None:
    row = np.array([0.25, 0.5, 0.25])
    assert [draw_action(row, u) for u in (0.0, 0.2499, 0.25, 0.7499, 0.75, 0.9999)] == [0, 0, 1, 1, 2, 2]


def test_the_model_of_a_world_is_the_one_it_was_made_of() -> None:
    for mdp in (TINY, lake()):
        again = model_in(world_of(mdp, 100))
        assert again.probabilities == pytest.approx(mdp.probabilities, abs=1e-15)
        assert again.start == pytest.approx(mdp.start, abs=1e-15)
        assert again.rewards is mdp.rewards
