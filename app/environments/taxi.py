"""Taxi-v4: drive to a passenger, pick them up, and drop them off at their destination.

Model, rewards, state and action numbers are those of gymnasium's `Taxi-v4`, in rain too; gymnasium's fickle passenger is
left out, because who changes their mind is hidden from the state. A state is ((row · 5 + column) · 5 + passenger) · 4 +
destination, the passenger at R, G, Y, B or in the taxi. gymnasium registers 8 as the threshold, which no policy reaches:
the optimum is 7.93. The time limit is the registered one, 200 steps.
"""

from functools import lru_cache

import numpy as np

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import Layout
from app.parts.tabular import Outcome, TabularMDP, finite_horizon_optimum, mdp_from_outcomes

SIZE, IN_TAXI, N_STATES = 5, 4, 500
STANDS = ((0, 0), (0, 4), (4, 0), (4, 3))  # R, G, Y, B as (row, column)
SIGNS = ("R", "G", "Y", "B")
NAMES = (_("Red"), _("Green"), _("Yellow"), _("Blue"))
WALLS = ((1, 2), (6, 7), (15, 16), (20, 21), (17, 18), (22, 23))  # between a cell and the next one to its right
MOVES = ((1, 0), (-1, 0), (0, 1), (0, -1))  # Down, Up, Right, Left as (row, column)
PICK_UP, DROP_OFF = 4, 5
SIDES = ((2, 3), (3, 2), (1, 0), (0, 1))  # to the left and to the right of each move
MAX_EPISODE_STEPS = 200


class TaxiConfig(Config):
    """The weather."""

    is_rainy: bool = Hyper(
        False, help=_("Whether a move may slide to the left or to the right of where the taxi heads.")
    )
    rainy_probability: float = Hyper(
        0.8, low=0.0, high=1.0, unit=_("probability"),
        help=_("Probability of moving as chosen in rain; raising it makes driving surer."),
    )  # fmt: skip


@lru_cache(maxsize=8)
def model(config: TaxiConfig) -> TabularMDP:
    """Return the exact model."""
    outcomes = [[_outcomes(state, action, config) for action in range(6)] for state in range(N_STATES)]
    start = np.array([_passenger(state) not in {IN_TAXI, state % 4} for state in range(N_STATES)], np.float64)
    return mdp_from_outcomes(outcomes, start / start.sum(), layout())


def layout() -> Layout:
    """Return a 5 × 5 map for every passenger and destination; a delivered passenger ends the episode and has none."""
    pairs = [(passenger, to) for to in range(4) for passenger in range(5) if passenger != to]
    cells = np.arange(SIZE * SIZE)
    labels = [""] * (SIZE * SIZE)
    for name, (row, col) in zip(SIGNS, STANDS, strict=True):
        labels[row * SIZE + col] = name
    return Layout(
        SIZE,
        SIZE,
        "." * SIZE * SIZE,
        planes=tuple(_plane_name(passenger, to) for passenger, to in pairs),
        cell_states=np.array([(cells * 5 + passenger) * 4 + to for passenger, to in pairs]),
        labels=tuple(labels),
        walls=tuple(WALLS),
        pattern=_("taxi in row {row}, column {col}, {plane}"),
        elsewhere=lambda state: _("delivered at {to}").format(to=NAMES[state % 4]),
    )


def _plane_name(passenger: int, to: int) -> str:
    if passenger == IN_TAXI:
        return _("passenger in the taxi, to {to}").format(to=NAMES[to])
    return _("passenger at {at}, to {to}").format(at=NAMES[passenger], to=NAMES[to])


def _passenger(state: int) -> int:
    return state // 4 % 5


def _outcomes(state: int, action: int, config: TaxiConfig) -> list[Outcome]:
    if action >= PICK_UP:
        return [_handled(state, action)]
    if not config.is_rainy:
        return [(1.0, _moved(state, action), -1.0, False)]
    aside = (1.0 - config.rainy_probability) / 2.0
    sides = SIDES[action] if _moved(state, action) != state else (action, action)  # a blocked taxi does not slide
    return [
        (config.rainy_probability, _moved(state, action), -1.0, False),
        *((aside, _moved(state, side), -1.0, False) for side in sides),
    ]


def _moved(state: int, move: int) -> int:
    cell, rest = divmod(state, 20)
    row, col = cell // SIZE + MOVES[move][0], cell % SIZE + MOVES[move][1]
    reached = row * SIZE + col
    is_blocked = not (0 <= row < SIZE and 0 <= col < SIZE) or (min(cell, reached), max(cell, reached)) in WALLS
    return state if is_blocked else reached * 20 + rest


def _handled(state: int, action: int) -> Outcome:
    cell, passenger, to = state // 20, _passenger(state), state % 4
    stand = next((index for index, (row, col) in enumerate(STANDS) if cell == row * SIZE + col), None)
    if action == PICK_UP:
        is_there = stand is not None and stand == passenger
        return (1.0, (cell * 5 + IN_TAXI) * 4 + to, -1.0, False) if is_there else (1.0, state, -10.0, False)
    if passenger != IN_TAXI or stand is None:
        return 1.0, state, -10.0, False
    is_delivered = stand == to
    return 1.0, (cell * 5 + stand) * 4 + to, 20.0 if is_delivered else -1.0, is_delivered


def make(config: TaxiConfig) -> TabularEnvironment:
    """Return the environment."""
    return TabularEnvironment("Taxi-v4", model(config), MAX_EPISODE_STEPS)


@lru_cache(maxsize=8)
def references(config: TaxiConfig) -> tuple[Reference, ...]:
    """Return the exact optimum within the time limit."""
    source = _("exact, from the model within {steps} steps").format(steps=MAX_EPISODE_STEPS)
    return (Reference(_("Optimum"), finite_horizon_optimum(model(config), MAX_EPISODE_STEPS), source),)


SPEC = EnvironmentSpec(
    id="Taxi-v4",
    name=_("Taxi"),
    summary=_(
        "Fetch a passenger and drop them off: a step costs 1, a wrong pick-up or drop-off 10, a delivery earns 20."
    ),
    version=1,
    kind="tabular",
    config=TaxiConfig,
    make=make,
    actions=(_("Down"), _("Up"), _("Right"), _("Left"), _("Pick up"), _("Drop off")),
    drawing="taxi",
    keys=("ArrowDown", "ArrowUp", "ArrowRight", "ArrowLeft", "p", "o"),
    size=_("500 states, 6 actions"),
    threshold=7.93,
    references=references,
    source=_("gymnasium Taxi-v4, after Dietterich (2000)"),
)
