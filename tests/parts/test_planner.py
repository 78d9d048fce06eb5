"""The frame of the planners, in app/parts/planner.py: a changed world, what counts as converged, what is compared with what."""

import numpy as np
import pytest

from app import catalog
from app.core.contracts import Environment
from app.core.randomness import Stream
from app.parts.planner import has_converged
from app.parts.tabular import policy_evaluation
from tests.algorithms.planning.planners import error_of, planner_in, planner_on, solve, world_of

ALL = (
    "value_iteration", "policy_iteration", "modified_policy_iteration", "policy_evaluation", "conservative_policy_iteration",
)  # fmt: skip
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


@pytest.mark.parametrize("name", ALL)
def test_after_the_world_changed_every_planner_ends_at_its_truth(name: str) -> None:
    config = {"step_rule": "constant", "alpha": 1.0} if name == "conservative_policy_iteration" else {}
    agent = planner_on(name, "gridworld", {"layout": "S..G/...."}, gamma=0.9, **config)
    for _sweep in range(3):
        agent.update(1)
    agent.enter(grid("S.../...G"))
    solve(agent)
    assert error_of(agent) < 1e-10


def test_values_that_follow_from_a_kept_policy_are_its_own_in_the_changed_world() -> None:
    agent = planner_on(
        "conservative_policy_iteration", "gridworld", {"layout": "S..G/...."}, gamma=0.9, step_rule="constant"
    )
    for _step in range(20):
        agent.update(1)
    policy = agent.policy()
    agent.enter(grid("S.../...G"))
    assert np.array_equal(agent.policy(), policy)
    assert agent.memory.v[0] == pytest.approx(policy_evaluation(agent.exact.mdp, policy, 0.9), abs=1e-12)
    scalars = agent.update(1).scalars
    assert scalars["planning/improvement"] >= scalars["planning/improvement_bound"]


@pytest.mark.parametrize("name", ["policy_evaluation", "conservative_policy_iteration"])
def test_a_mixture_is_evaluated_by_drawing_from_it(name: str) -> None:
    agent = planner_on(name, "FrozenLake-v1", gamma=0.9)
    states = np.zeros(40_000, np.int64)
    shares = np.bincount(agent.act(states, True, Stream(0, "test")), minlength=4) / len(states)
    assert shares == pytest.approx(agent.policy()[0], abs=0.01)


@pytest.mark.parametrize("name", ["value_iteration", "modified_policy_iteration"])
def test_a_greedy_plan_is_evaluated_by_its_likeliest_actions(name: str) -> None:
    agent = planner_on(name, "FrozenLake-v1", gamma=0.9)
    assert (agent.act(np.zeros(100, np.int64), True, Stream(0, "test")) == agent.policy()[0].argmax()).all()


def test_changes_of_rounding_size_count_as_converged() -> None:
    assert has_converged(0.9e-12, np.ones(3), 1e-12)
    assert not has_converged(1.1e-12, np.ones(3), 1e-12)
    assert has_converged(1.1e-12, np.full(3, -1e4), 1e-12)


def grid(layout: str) -> Environment:
    return catalog.build(catalog.resolve("value_iteration", "gridworld", environment_config={"layout": layout}))[2]
