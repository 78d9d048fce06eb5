"""The shortest way through the Dyna maze has 14 steps, and only its end pays."""

import numpy as np
import pytest

from app.environments.dyna_maze import MAZE, SPEC, DynaMazeConfig, maze_model, references
from app.parts.tabular import optimal_values


def test_shortest_way_has_14_steps() -> None:
    mdp = maze_model(MAZE)
    assert mdp.start @ optimal_values(mdp, 0.95) == pytest.approx(0.95**13)


def test_only_the_goal_pays() -> None:
    mdp = maze_model(MAZE)
    assert set(np.unique(mdp.rewards)) == {0.0, 1.0}
    assert mdp.terminated[mdp.rewards == 1.0].all()
    assert references(DynaMazeConfig())[0].value == 1.0


def test_it_never_changes() -> None:
    assert SPEC.make(DynaMazeConfig()).changes == ()
