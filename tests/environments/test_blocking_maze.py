"""The wall moves when the book says: a way of 10 steps becomes one of 16, or the other way round."""

import math

import pytest

from app.environments.blocking_maze import SPEC, BlockingMazeConfig
from app.parts.batch import TabularEnvironment
from app.parts.tabular import optimal_values

GAMMA = 0.95


def steps_to_goal(environment: TabularEnvironment) -> int:
    """The value of a reward of 1 after n steps is gamma ** (n − 1)."""
    mdp = environment.mdp
    return round(math.log(mdp.start @ optimal_values(mdp, GAMMA)) / math.log(GAMMA)) + 1


@pytest.mark.parametrize(("variant", "at", "before", "after"), [("blocking", 1000, 10, 16), ("shortcut", 3000, 16, 10)])
def test_what_changes_and_when(variant: str, at: int, before: int, after: int) -> None:
    environment = SPEC.make(BlockingMazeConfig(variant=variant))
    assert isinstance(environment, TabularEnvironment)
    ((step, later),) = environment.changes
    assert (step, steps_to_goal(environment), steps_to_goal(later)) == (at, before, after)


def test_the_time_can_be_chosen() -> None:
    assert SPEC.make(BlockingMazeConfig(change_at_step=77)).changes[0][0] == 77


def test_states_actions_and_start_stay() -> None:
    environment = SPEC.make(BlockingMazeConfig())
    _step, later = environment.changes[0]
    assert later.n_actions == environment.n_actions
    assert later.observation_size == environment.observation_size
    assert later.changes == ()
