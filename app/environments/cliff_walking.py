"""CliffWalking-v1: walk along a cliff from one corner to the other; a step costs 1, a fall costs 100 and starts over.

Model, rewards and action numbers are those of gymnasium's `CliffWalking-v1`. gymnasium registers no time limit, so that a
greedy policy that walks in circles would never end; here an episode is cut after `max_episode_steps`.
The letters of the layout: `S` start, `.` ground, `X` cliff (never a state of the agent), `G` goal.
"""

from functools import lru_cache

import numpy as np

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import Layout
from app.parts.tabular import Outcome, TabularMDP, finite_horizon_optimum, mdp_from_outcomes

ROWS, COLS = 4, 12
CELLS = "." * 36 + "S" + "X" * 10 + "G"
START, GOAL = 36, 47
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # Up, Right, Down, Left as (row, column)


class CliffWalkingConfig(Config):
    """Ground and time limit."""

    is_slippery: bool = Hyper(
        False, help=_("Whether a step goes to either side of the chosen direction with probability 2/3.")
    )
    max_episode_steps: int = Hyper(
        200, low=13, high=10_000, unit=_("env steps"),
        help=_("When an episode is cut; raising it lets early episodes wander longer. The shortest way takes 13 steps."),
    )  # fmt: skip


@lru_cache(maxsize=2)
def model(is_slippery: bool) -> TabularMDP:
    """Return the exact model."""
    outcomes = [[_outcomes(state, action, is_slippery) for action in range(4)] for state in range(ROWS * COLS)]
    start = np.zeros(ROWS * COLS)
    start[START] = 1.0
    return mdp_from_outcomes(outcomes, start, Layout(ROWS, COLS, CELLS))


def _outcomes(state: int, action: int, is_slippery: bool) -> list[Outcome]:
    directions = ((action - 1) % 4, action, (action + 1) % 4) if is_slippery else (action,)
    return [(1 / len(directions), *_moved(state, direction)) for direction in directions]


def _moved(state: int, direction: int) -> tuple[int, float, bool]:
    down, right = MOVES[direction]
    row = min(max(state // COLS + down, 0), ROWS - 1)
    col = min(max(state % COLS + right, 0), COLS - 1)
    reached = row * COLS + col
    if CELLS[reached] == "X":
        return START, -100.0, False
    return reached, -1.0, reached == GOAL


def make(config: CliffWalkingConfig) -> TabularEnvironment:
    """Return the environment."""
    return TabularEnvironment("CliffWalking-v1", model(config.is_slippery), config.max_episode_steps)


@lru_cache(maxsize=16)
def references(config: CliffWalkingConfig) -> tuple[Reference, ...]:
    """Return the exact optimum within the time limit."""
    optimum = finite_horizon_optimum(model(config.is_slippery), config.max_episode_steps)
    source = _("exact, from the model within {steps} steps").format(steps=config.max_episode_steps)
    return (Reference(_("Optimum"), optimum, source),)


SPEC = EnvironmentSpec(
    id="CliffWalking-v1",
    name=_("CliffWalking"),
    summary=_("Walk past a cliff to the goal: every step costs 1, falling costs 100 and starts over."),
    version=1,
    kind="tabular",
    config=CliffWalkingConfig,
    make=make,
    actions=(_("Up"), _("Right"), _("Down"), _("Left")),
    drawing="grid",
    keys=("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"),
    size=_("48 states, 4 actions"),
    references=references,
    source=_("gymnasium CliffWalking-v1, after Sutton and Barto, Example 6.6"),
)
