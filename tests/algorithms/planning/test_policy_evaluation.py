"""Policy evaluation: its fixed point is the linear solve, sweeps are hand-worked, and compiling changes nothing."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.core.errors import InvalidInput
from app.parts.tabular import policy_evaluation, uniform_policy
from tests.algorithms.planning.planners import (
    SWEEPS,
    WORLDS,
    error_of,
    planner_in,
    planner_on,
    slots,
    solve,
    use_plain_twins,
)

NAME = "policy_evaluation"


@pytest.mark.parametrize("policy", [{}, {"policy": "optimal"}, {"policy": "optimal", "policy_epsilon": 0.0}])
@pytest.mark.parametrize(("environment", "world"), WORLDS)
def test_values_equal_the_linear_solve(environment: str, world: dict[str, Any], policy: dict[str, Any]) -> None:
    agent = planner_on(NAME, environment, world, gamma=0.9, sweep="in_place", **policy)
    solve(agent)
    exact = policy_evaluation(agent.exact.mdp, agent.signals()["policy"](), 0.9)
    assert np.abs(agent.memory.v[0] - exact)[agent.exact.reachable].max() < 1e-10
    assert error_of(agent) < 1e-10


@pytest.mark.parametrize("environment", ["random_walk"])
def test_the_random_walk_without_discount_has_the_textbook_values(environment: str) -> None:
    agent = planner_on(NAME, environment, gamma=1.0)
    solve(agent)
    reachable = np.flatnonzero(agent.exact.reachable)
    n = len(reachable)
    values = agent.memory.v[0, reachable]
    assert values == pytest.approx(agent.truth()[reachable], abs=1e-10)
    if n == 5:
        assert values == pytest.approx(np.arange(1, 6) / 6, abs=1e-10)


def test_sweeps_are_the_hand_worked_ones() -> None:
    """One state, action 0 earns 1 and stays, action 1 earns 3 and ends; equal shares, γ = 1/2.

    r = 2, half of the outcomes go on: V ← 2 + V/4: 2, 2.5, 2.625, … → 8/3. Without the mask of the end it would be 4.
    """
    agent = planner_in(NAME, [[[(1.0, 0, 1.0, False)], [(1.0, 0, 3.0, True)]]], gamma=0.5)
    for expected in (2.0, 2.5, 2.625):
        agent.update(1)
        assert agent.memory.v[0, 0] == expected
    assert slots(agent) == {"s": 0, "r": 2, "v next": 1.25, "v old": 2.5, "gamma": 0.5, "v new": 2.625}
    solve(agent)
    assert agent.memory.v[0, 0] == pytest.approx(8 / 3, abs=1e-11)
    wrong = planner_in(NAME, [[[(1.0, 0, 1.0, False)], [(1.0, 0, 3.0, False)]]], gamma=0.5)
    solve(wrong)
    assert wrong.memory.v[0, 0] == pytest.approx(4.0, abs=1e-11)


def test_in_place_sweeps_converge_sooner() -> None:
    counts = [solve(planner_on(NAME, "FrozenLake-v1", sweep=kind)) for kind in SWEEPS]
    assert counts[1] < counts[0]


def test_the_greedy_policy_of_its_values_is_better_than_the_policy() -> None:
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.99)
    solve(agent)
    scalars = agent.update(1).scalars
    assert scalars["tabular/greedy_return"] > 0.5 > agent.exact.return_of(uniform_policy(agent.exact.mdp))
    assert scalars["tabular/value_error_max"] < 1e-10


@pytest.mark.parametrize("kind", SWEEPS)
def test_the_kernel_equals_its_plain_twin(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted = (planner_on(NAME, "FrozenLake-v1", sweep=kind) for _ in range(2))
    scalars = [compiled.update(1).scalars for _ in range(10)]
    use_plain_twins(monkeypatch)
    assert [interpreted.update(1).scalars for _ in range(10)] == scalars
    assert trees_equal(compiled.state(), interpreted.state()) == []


def test_a_policy_that_never_ends_is_refused_without_discount() -> None:
    with pytest.raises(InvalidInput, match="gamma"):
        planner_on(NAME, "gridworld", {"layout": "S.G", "goal_reward": -5.0, "step_reward": 0.0}, gamma=1.0,
                   policy="optimal", policy_epsilon=0.0)  # fmt: skip
