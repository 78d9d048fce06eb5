"""A maze whose wall moves while the agent learns: its model of the world becomes wrong, and it has to find out.

Sutton and Barto's examples 8.2 and 8.3. `blocking`: the short way of 10 steps on the right closes after 1,000 steps and a way
of 16 steps opens on the left. `shortcut`: only the way on the left is open, until after 3,000 steps the short one
on the right opens too, which one finds only by looking where nothing was before. The goal pays 1, nothing else pays.
"""

from functools import lru_cache

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.environments.dyna_maze import maze_model
from app.parts.batch import TabularEnvironment
from app.parts.tabular import TabularMDP, finite_horizon_optimum

AROUND = "........G/........./........./{wall}/........./...S....."
RIGHT_OPEN, LEFT_OPEN, BOTH_OPEN = "########.", ".########", ".#######."
WALLS = {"blocking": (RIGHT_OPEN, LEFT_OPEN), "shortcut": (LEFT_OPEN, BOTH_OPEN)}
CHANGES_AT = {"blocking": 1_000, "shortcut": 3_000}


class BlockingMazeConfig(Config):
    """What changes, and when."""

    variant: str = Hyper(
        "blocking", choices=("blocking", "shortcut"),
        help=_("Whether the known way closes and another opens, or a shorter one opens beside the known one."),
    )  # fmt: skip
    change_at_step: int = Hyper(
        0, low=0, high=1_000_000_000, unit=_("env steps"),
        help=_("When the wall moves; raising it lets the agent settle first. 0 is the book's: 1,000 for blocking, 3,000 for shortcut."),
    )  # fmt: skip
    max_episode_steps: int = Hyper(
        2_000, low=16, high=10_000, unit=_("env steps"),
        help=_("When an episode is cut; raising it lets the first episodes wander until they find the goal."),
    )  # fmt: skip


@lru_cache(maxsize=4)
def models(variant: str) -> tuple[TabularMDP, TabularMDP]:
    """Return the exact models before and after the change."""
    before, after = WALLS[variant]
    return maze_model(AROUND.format(wall=before)), maze_model(AROUND.format(wall=after))


def make(config: BlockingMazeConfig) -> TabularEnvironment:
    """Return the environment and what it becomes."""
    before, after = models(config.variant)
    later = TabularEnvironment("blocking_maze", after, config.max_episode_steps)
    at = config.change_at_step or CHANGES_AT[config.variant]
    return TabularEnvironment("blocking_maze", before, config.max_episode_steps, ((at, later),))


def references(config: BlockingMazeConfig) -> tuple[Reference, ...]:
    """Return the exact optimum within the time limit, the same before and after."""
    before, _after = models(config.variant)
    source = _("exact, from the model within {steps} steps").format(steps=config.max_episode_steps)
    return (Reference(_("Optimum"), finite_horizon_optimum(before, config.max_episode_steps), source),)


SPEC = EnvironmentSpec(
    id="blocking_maze",
    name=_("Blocking maze"),
    summary=_(
        "A wall moves while the agent learns: the known way closes, or a shorter one opens that nobody looks for."
    ),
    version=1,
    kind="tabular",
    config=BlockingMazeConfig,
    make=make,
    actions=(_("Up"), _("Right"), _("Down"), _("Left")),
    drawing="grid",
    keys=("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"),
    size=_("54 cells, 4 actions"),
    success=1.0,
    references=references,
    source=_("Sutton and Barto, Examples 8.2 and 8.3"),
)
