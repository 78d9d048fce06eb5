"""The exact diagnostics of a table, against hand-worked numbers."""

import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.environments import cliff_walking, frozen_lake
from app.parts.batch import TabularEnvironment
from app.parts.exact import Exact, model_of, policy_changes
from app.parts.tabular import TabularMDP, mdp_from_outcomes, optimal_values, q_from_v

START = np.array([1.0, 0.0])


def corridor() -> TabularMDP:
    """State 0: action 0 stays (−1), action 1 moves on (−1). State 1: both end (+5). V*(γ=1) = (4, 5)."""
    return mdp_from_outcomes(
        [[[(1.0, 0, -1.0, False)], [(1.0, 1, -1.0, False)]], [[(1.0, 1, 5.0, True)], [(1.0, 1, 5.0, True)]]], START
    )


def test_scalars_of_the_optimum_are_zero() -> None:
    exact = Exact(corridor(), 1.0, 10)
    q = np.array([[3.0, 4.0], [5.0, 5.0]])
    assert np.array_equal(exact.optimum, [4.0, 5.0])
    assert exact.scalars(q.max(axis=1), q) == {
        "tabular/max_bellman_residual": 0.0,
        "tabular/value_error_max": 0.0,
        "tabular/value_error_rms": 0.0,
        "tabular/greedy_return": 4.0,
    }


def test_scalars_of_a_wrong_table_are_the_hand_worked_numbers() -> None:
    # V = (1, 2). T V(0) = max(−1 + 1, −1 + 2) = 1, T V(1) = 5: residuals 0 and 3. Errors −3 and −3.
    # Greedy stays in state 0 for ever: −1 in each of 10 steps.
    exact = Exact(corridor(), 1.0, 10)
    q = np.array([[1.0, 0.0], [2.0, 2.0]])
    scalars = exact.scalars(q.max(axis=1), q)
    assert scalars["tabular/max_bellman_residual"] == 3.0
    assert scalars["tabular/value_error_max"] == 3.0
    assert scalars["tabular/value_error_rms"] == 3.0
    assert scalars["tabular/greedy_return"] == -10.0


def test_states_behind_an_end_do_not_count() -> None:
    mdp = cliff_walking.model(False)
    exact = Exact(mdp, 1.0, 200)
    v = exact.optimum.copy()
    v[47] = 1e6
    q = q_from_v(mdp, optimal_values(mdp, 1.0), 1.0)
    assert exact.scalars(v, q)["tabular/value_error_max"] == 0.0
    assert not exact.greedy_sets(q)[47].any()


def test_policy_changes_counts_states() -> None:
    before = np.array([[True, False], [True, True], [False, True]])
    after = np.array([[True, False], [True, False], [True, False]])
    assert policy_changes(before, after) == 2.0
    assert policy_changes(before, before) == 0.0


def test_endless_returns_without_discount_are_refused() -> None:
    endless = mdp_from_outcomes([[[(1.0, 0, 1.0, False)]]], np.array([1.0]))
    with pytest.raises(InvalidInput, match="gamma"):
        model_of(TabularEnvironment("endless", endless, 5), 1.0)
    # It can end, but going round earns for ever.
    rich = mdp_from_outcomes([[[(1.0, 0, 1.0, False)], [(1.0, 0, 0.0, True)]]], np.array([1.0]))
    with pytest.raises(InvalidInput, match="gamma"):
        model_of(TabularEnvironment("rich", rich, 5), 1.0)
    assert model_of(TabularEnvironment("rich", rich, 5), 0.9) is rich


def test_a_policy_that_never_ends_is_worth_what_it_earns_within_the_limit() -> None:
    exact = Exact(corridor(), 1.0, 10)
    assert exact.values_of(np.array([[1.0, 0.0], [1.0, 0.0]])).tolist() == [-10.0, 5.0]
    assert exact.values_of(np.array([[0.0, 1.0], [1.0, 0.0]])).tolist() == [4.0, 5.0]
    assert Exact(corridor(), 0.5, 10).values_of(np.array([[1.0, 0.0], [1.0, 0.0]])).tolist() == [-2.0, 5.0]


@pytest.mark.parametrize("chance", [1e-9, 1e-17, 1e-300])
def test_a_policy_that_as_good_as_never_ends_is_one_that_does_not(chance: float) -> None:
    """A softmax of large preferences: the linear solve has nothing to divide by."""
    exact = Exact(corridor(), 1.0, 10)
    assert exact.values_of(np.array([[1.0, chance], [1.0, 0.0]])) == pytest.approx([-10.0, 5.0])


def test_optimum_of_the_lake_is_the_published_one() -> None:
    environment = frozen_lake.SPEC.make(frozen_lake.SPEC.config())
    exact = Exact(model_of(environment, 0.99), 0.99, environment.max_episode_steps)
    assert exact.optimum[0] == pytest.approx(0.5420, abs=5e-5)
    q = q_from_v(exact.mdp, exact.optimum, 0.99)
    assert exact.greedy_return(q) == pytest.approx(0.7402, abs=5e-5)
