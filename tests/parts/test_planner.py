"""The frame of the planners, in app/parts/planner.py: a changed world, what counts as converged, what is compared with what."""

import numpy as np
import pytest

from app import catalog
from app.core.contracts import Environment
from app.parts.planner import has_converged
from tests.algorithms.planning.planners import error_of, planner_in, planner_on, solve, world_of

CONTROL = ("value_iteration", "policy_iteration", "modified_policy_iteration")


@pytest.mark.parametrize("name", CONTROL)
@pytest.mark.parametrize("gamma", [0.9, 1.0])
def test_a_planner_goes_on_in_a_changed_world(name: str, gamma: float) -> None:
    """The goal moves: its old cell is worth what walking on is worth, and the truth moves with it."""
    agent = planner_on(name, "gridworld", {"layout": "S..G/...."}, gamma=gamma)
    solve(agent)
    before = agent.truth()
    agent.enter(grid("S.../...G"))
    assert not np.array_equal(before, agent.truth())
    assert agent.memory.v[0, 7] == 0
    solve(agent)
    assert error_of(agent) < 1e-10
    fresh = planner_on(name, "gridworld", {"layout": "S.../...G"}, gamma=gamma)
    solve(fresh)
    assert np.abs(fresh.memory.v - agent.memory.v).max() < 1e-10


def test_without_discount_a_changed_world_forgets_values_that_are_too_good() -> None:
    """A free loop beside an end that pays 1: V = 1. The pay falls to 0; the loop alone would keep its 1 for ever."""
    agent = planner_in("value_iteration", [[[(1.0, 0, 0.0, False)], [(1.0, 0, 1.0, True)]]], gamma=1.0)
    solve(agent)
    assert agent.memory.v[0, 0] == 1
    agent.enter(world_of([[[(1.0, 0, 0.0, False)], [(1.0, 0, 0.0, True)]]]))
    solve(agent)
    assert agent.memory.v[0, 0] == 0


def test_changes_of_rounding_size_count_as_converged() -> None:
    assert has_converged(0.9e-12, np.ones(3), 1e-12)
    assert not has_converged(1.1e-12, np.ones(3), 1e-12)
    assert has_converged(1.1e-12, np.full(3, -1e4), 1e-12)


def grid(layout: str) -> Environment:
    return catalog.build(catalog.resolve("value_iteration", "gridworld", environment_config={"layout": layout}))[2]
