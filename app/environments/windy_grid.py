"""A grid with a wind that blows upwards, stronger in the middle: the way to the goal is no straight line.

Sutton and Barto's example 6.5. A step moves as chosen and is shifted up by the wind of the column it starts in; the border
stops both. Every step costs 1. With `king_moves` the four diagonals are allowed too (exercise 6.9); with `is_stochastic` the
wind, where it blows, is one stronger or one weaker a third of the time each (exercise 6.10).
"""

from functools import lru_cache

import numpy as np

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import Layout
from app.parts.tabular import Outcome, TabularMDP, finite_horizon_optimum, mdp_from_outcomes

ROWS, COLS = 7, 10
WIND = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
START, GOAL = 3 * COLS, 3 * COLS + 7
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1), (-1, 1), (1, 1), (1, -1), (-1, -1))  # as (row, column)


class WindyGridConfig(Config):
    """Moves, wind and time limit."""

    king_moves: bool = Hyper(
        False, help=_("Whether diagonal moves are allowed too; then 7 steps suffice instead of 15.")
    )
    is_stochastic: bool = Hyper(False, help=_("Whether the wind varies by one from step to step where it blows."))
    max_episode_steps: int = Hyper(
        500, low=15, high=10_000, unit=_("env steps"),
        help=_("When an episode is cut; raising it lets early episodes wander longer."),
    )  # fmt: skip


@lru_cache(maxsize=4)
def model(king_moves: bool, is_stochastic: bool) -> TabularMDP:
    """Return the exact model."""
    n_actions = 8 if king_moves else 4
    outcomes = [
        [_outcomes(state, action, is_stochastic) for action in range(n_actions)] for state in range(ROWS * COLS)
    ]
    start = np.zeros(ROWS * COLS)
    start[START] = 1.0
    cells = ["^" if wind else "." for wind in WIND] * ROWS
    cells[START], cells[GOAL] = "S", "G"
    strengths = tuple(str(wind) if wind > 1 else "" for wind in WIND) * ROWS
    return mdp_from_outcomes(outcomes, start, Layout(ROWS, COLS, "".join(cells), labels=strengths))


def _outcomes(state: int, action: int, is_stochastic: bool) -> list[Outcome]:
    if state == GOAL:
        return [(1.0, state, 0.0, True)]
    wind = WIND[state % COLS]
    winds = (wind, wind - 1, wind + 1) if is_stochastic and wind else (wind,)
    return [(1 / len(winds), *_moved(state, action, strength)) for strength in winds]


def _moved(state: int, action: int, wind: int) -> tuple[int, float, bool]:
    down, right = MOVES[action]
    row = min(max(state // COLS + down - wind, 0), ROWS - 1)
    col = min(max(state % COLS + right, 0), COLS - 1)
    reached = row * COLS + col
    return reached, -1.0, reached == GOAL


def make(config: WindyGridConfig) -> TabularEnvironment:
    """Return the environment."""
    return TabularEnvironment("windy_grid", model(config.king_moves, config.is_stochastic), config.max_episode_steps)


@lru_cache(maxsize=16)
def references(config: WindyGridConfig) -> tuple[Reference, ...]:
    """Return the exact optimum within the time limit."""
    optimum = finite_horizon_optimum(model(config.king_moves, config.is_stochastic), config.max_episode_steps)
    source = _("exact, from the model within {steps} steps").format(steps=config.max_episode_steps)
    return (Reference(_("Optimum"), optimum, source),)


SPEC = EnvironmentSpec(
    id="windy_grid",
    name=_("Windy grid"),
    summary=_("Reach the goal in spite of a wind that blows upwards in the middle; every step costs 1."),
    version=1,
    kind="tabular",
    config=WindyGridConfig,
    make=make,
    actions=(
        _("Up"), _("Right"), _("Down"), _("Left"), _("Up right"), _("Down right"), _("Down left"), _("Up left"),
    ),
    drawing="grid",
    keys=("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft", "e", "c", "z", "q"),
    size=_("70 states, 4 or 8 actions"),
    references=references,
    source=_("Sutton and Barto, Example 6.5, Exercises 6.9 and 6.10"),
)  # fmt: skip
