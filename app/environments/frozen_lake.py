"""FrozenLake-v1: cross a frozen lake to the goal without falling into a hole, on ice that slips.

Model, maps, reward and action numbers are those of gymnasium's `FrozenLake-v1`. So are, as it registers them for the map's
size, the time limit (100 steps for 4x4, 200 for 8x8) and the mean return that counts as solved (.70 and .85). The letters of
the layout: `S` start, `.` ice, `X` hole, `G` goal.
"""

from functools import lru_cache

import numpy as np

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import Layout
from app.parts.tabular import (
    Outcome,
    TabularMDP,
    finite_horizon_optimum,
    finite_horizon_return,
    mdp_from_outcomes,
    uniform_policy,
)

MAPS = {
    "4x4": ("SFFF", "FHFH", "FFFH", "HFFG"),
    "8x8": ("SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"),
}
MAX_EPISODE_STEPS = {"4x4": 100, "8x8": 200}
THRESHOLDS = {"4x4": 0.7, "8x8": 0.85}
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))  # Left, Down, Right, Up as (row, column)


class FrozenLakeConfig(Config):
    """Map and ice."""

    map_name: str = Hyper("4x4", choices=("4x4", "8x8"), help=_("Which lake; the larger one is an exploration trap."))
    is_slippery: bool = Hyper(True, help=_("Whether a step may slip to either side of the chosen direction."))
    success_rate: float = Hyper(
        1.0 / 3.0, low=0.0, high=1.0, unit=_("probability"),
        help=_("Probability of moving as chosen on slippery ice; raising it makes the ice grip."),
    )  # fmt: skip


@lru_cache(maxsize=16)
def model(config: FrozenLakeConfig) -> TabularMDP:
    """Return the exact model."""
    rows = MAPS[config.map_name]
    outcomes = [
        [_outcomes(rows, row, col, action, config) for action in range(4)]
        for row in range(len(rows))
        for col in range(len(rows[0]))
    ]
    cells = "".join(rows).replace("F", ".").replace("H", "X")
    start = np.array([letter == "S" for letter in cells], np.float64)
    return mdp_from_outcomes(outcomes, start / start.sum(), Layout(len(rows), len(rows[0]), cells))


def _outcomes(rows: tuple[str, ...], row: int, col: int, action: int, config: FrozenLakeConfig) -> list[Outcome]:
    if rows[row][col] in "GH":
        return [(1.0, row * len(rows[0]) + col, 0.0, True)]
    if not config.is_slippery:
        return [(1.0, *_moved(rows, row, col, action))]
    slipped = (1.0 - config.success_rate) / 2.0
    return [
        (config.success_rate if direction == action else slipped, *_moved(rows, row, col, direction))
        for direction in ((action - 1) % 4, action, (action + 1) % 4)
    ]


def _moved(rows: tuple[str, ...], row: int, col: int, direction: int) -> tuple[int, float, bool]:
    down, right = MOVES[direction]
    row = min(max(row + down, 0), len(rows) - 1)
    col = min(max(col + right, 0), len(rows[0]) - 1)
    letter = rows[row][col]
    return row * len(rows[0]) + col, float(letter == "G"), letter in "GH"


def make(config: FrozenLakeConfig) -> TabularEnvironment:
    """Return the environment."""
    return TabularEnvironment("FrozenLake-v1", model(config), MAX_EPISODE_STEPS[config.map_name])


@lru_cache(maxsize=16)
def references(config: FrozenLakeConfig) -> tuple[Reference, ...]:
    """Return the exact optimum within the time limit and the random policy's return."""
    mdp, limit = model(config), MAX_EPISODE_STEPS[config.map_name]
    exact = _("exact, from the model within {steps} steps").format(steps=limit)
    return (
        Reference(_("Optimum"), finite_horizon_optimum(mdp, limit), exact),
        Reference(_("Random policy"), finite_horizon_return(mdp, uniform_policy(mdp), limit), exact),
    )


SPEC = EnvironmentSpec(
    id="FrozenLake-v1",
    name=_("FrozenLake"),
    summary=_("Cross the ice to the goal without falling into a hole; reward 1 at the goal, else 0."),
    version=1,
    kind="tabular",
    config=FrozenLakeConfig,
    make=make,
    actions=(_("Left"), _("Down"), _("Right"), _("Up")),
    drawing="grid",
    keys=("ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp"),
    size=_("16 or 64 states, 4 actions"),
    threshold=THRESHOLDS["4x4"],
    threshold_with=lambda config: THRESHOLDS[config.map_name],
    success=1.0,
    references=references,
    source=_("gymnasium FrozenLake-v1"),
)
