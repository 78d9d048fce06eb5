"""The maze on which planning with a learned model pays: a reward of 1 at the goal, 14 steps away, and nothing before.

Sutton and Barto's example 8.1. Nothing costs a step but the discount, so γ below 1 (0.95 in the book) makes short ways better.
The letters of the layout are those of the gridworld, whose table this is.
"""

from functools import lru_cache

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.environments.gridworld import GridworldConfig
from app.environments.gridworld import model as grid_model
from app.parts.batch import TabularEnvironment
from app.parts.tabular import TabularMDP, finite_horizon_optimum

MAZE = ".......#G/..#....#./S.#....#./..#....../.....#.../........."


class DynaMazeConfig(Config):
    """Time limit."""

    max_episode_steps: int = Hyper(
        2_000, low=14, high=10_000, unit=_("env steps"),
        help=_("When an episode is cut; raising it lets the first episodes wander until they find the goal."),
    )  # fmt: skip


@lru_cache(maxsize=8)
def maze_model(layout: str) -> TabularMDP:
    """Return the exact model of a maze that pays 1 at the goal and 0 elsewhere."""
    return grid_model(GridworldConfig(layout=layout, step_reward=0.0, goal_reward=1.0))


def make(config: DynaMazeConfig) -> TabularEnvironment:
    """Return the environment."""
    return TabularEnvironment("dyna_maze", maze_model(MAZE), config.max_episode_steps)


def references(config: DynaMazeConfig) -> tuple[Reference, ...]:
    """Return the exact optimum within the time limit."""
    source = _("exact, from the model within {steps} steps").format(steps=config.max_episode_steps)
    return (Reference(_("Optimum"), finite_horizon_optimum(maze_model(MAZE), config.max_episode_steps), source),)


SPEC = EnvironmentSpec(
    id="dyna_maze",
    name=_("Dyna maze"),
    summary=_(
        "Find the goal of a small maze, which pays 1: the first way out takes long, planning makes the next ones short."
    ),
    version=1,
    kind="tabular",
    config=DynaMazeConfig,
    make=make,
    actions=(_("Up"), _("Right"), _("Down"), _("Left")),
    drawing="grid",
    keys=("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"),
    size=_("54 cells, 4 actions"),
    success=1.0,
    references=references,
    source=_("Sutton and Barto, Example 8.1"),
)
