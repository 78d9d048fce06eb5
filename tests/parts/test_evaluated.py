"""The policy that is evaluated, its draws, and what is refused."""

import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.parts.batch import TabularEnvironment
from app.parts.evaluated import (
    EvaluatedPolicy,
    check_evaluated,
    policy_to_evaluate,
    sample_action,
    state_values,
)
from app.parts.exact import Exact
from app.parts.exploration import Discount
from app.parts.tabular import Outcome, mdp_from_outcomes

END: list[Outcome] = [(1.0, 0, 1.0, True)]
STAY: list[Outcome] = [(1.0, 0, 0.0, False)]
COSTLY: list[Outcome] = [(1.0, 0, -1.0, False)]


class Settings(Discount, EvaluatedPolicy):
    """What a check reads."""


def exact(outcomes: list[list[list[Outcome]]], gamma: float = 0.9) -> Exact:
    return Exact(mdp_from_outcomes(outcomes, np.eye(len(outcomes))[0]), gamma, 10)


def test_the_uniform_policy_takes_every_action_equally_often() -> None:
    policy = policy_to_evaluate(EvaluatedPolicy(policy="uniform", policy_epsilon=0.0), exact([[END, STAY, STAY, STAY]]))
    assert policy.tolist() == [[0.25] * 4]


def test_the_best_policy_is_mixed_with_the_uniform_one() -> None:
    # Two best actions share .8 and every action gets .2/4.
    config = EvaluatedPolicy(policy="optimal", policy_epsilon=0.2)
    assert policy_to_evaluate(config, exact([[END, STAY, END, STAY]]))[0] == pytest.approx([0.45, 0.05, 0.45, 0.05])


def test_draws_follow_the_policy_and_never_take_an_action_without_probability() -> None:
    policy = np.array([[0.0, 0.25, 0.0, 0.75, 0.0]])
    draws = [sample_action(policy, 0, u) for u in Stream(0, "test").uniforms(20_000)]
    assert np.bincount(draws, minlength=5) / 20_000 == pytest.approx([0, 0.25, 0, 0.75, 0], abs=0.01)
    assert sample_action(policy, 0, 0.0) == 1
    assert sample_action(policy, 0, 1 - 2**-32) == 3


def test_first_values_spare_what_lies_behind_an_end() -> None:
    world = exact([[[(1.0, 1, 1.0, True)]], [STAY]])
    assert state_values(0.5, world).tolist() == [[0.5, 0.0]]


def test_a_policy_that_never_ends_is_refused_where_nothing_discounts() -> None:
    # Leaving costs 1, staying nothing: the best policy stays for ever, so its episodes have no end.
    leave: list[Outcome] = [(1.0, 0, -1.0, True)]
    world = TabularEnvironment("tiny", mdp_from_outcomes([[STAY, leave]], np.ones(1)), 10)
    with pytest.raises(InvalidInput, match="gamma"):
        check_evaluated(Settings(gamma=1.0, policy="optimal", policy_epsilon=0.0), world)
    check_evaluated(Settings(gamma=1.0, policy="optimal", policy_epsilon=0.1), world)
    check_evaluated(Settings(gamma=0.9, policy="optimal", policy_epsilon=0.0), world)


def test_a_world_without_end_is_refused_where_nothing_discounts() -> None:
    world = TabularEnvironment("tiny", mdp_from_outcomes([[COSTLY]], np.ones(1)), 10)
    with pytest.raises(InvalidInput, match="gamma"):
        check_evaluated(Settings(gamma=1.0), world)
