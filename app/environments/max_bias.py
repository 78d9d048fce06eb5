"""Two states that show why a maximum over noisy estimates is too high: going left looks better than it is.

Sutton and Barto's example 6.7. From A, going right ends the episode with reward 0, going left leads to B with reward 0; from B
each of many actions ends it with a reward of mean −0.1 and variance 1. Left is worse, yet Q-learning prefers it for long.
Where this table differs: the book's normal reward is replaced by the 8 points of Gauss–Hermite quadrature, which have its
first 15 moments exactly; and every state of a table has the same actions, so the first half of them go left from A
and the second half right, which keeps the shares of a random choice.
"""

from functools import lru_cache

import numpy as np
from pydantic import field_validator

from app.core.config import BrokenRule, Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import Layout, in_a_row
from app.parts.quadrature import normal_outcomes
from app.parts.tabular import Outcome, TabularMDP, finite_horizon_optimum, mdp_from_outcomes

LEFT_END, B, A, RIGHT_END = range(4)
MOST_ACTIONS = 20
MAX_EPISODE_STEPS = 2


class MaxBiasConfig(Config):
    """How many actions, and how bad they are."""

    n_actions: int = Hyper(
        10,
        low=2,
        high=MOST_ACTIONS,
        help=_("Actions, an even number; raising it makes the largest estimate of B more wrong."),
    )
    mean: float = Hyper(
        -0.1, low=-10.0, high=10.0, symbol=r"\mu", unit=_("reward"),
        help=_("Mean reward of every action in B; raising it above 0 makes left truly better."),
    )  # fmt: skip
    spread: float = Hyper(
        1.0, low=0.0, high=10.0, symbol=r"\sigma", unit=_("reward"),
        help=_("Standard deviation of the rewards in B; raising it makes the bias larger."),
    )  # fmt: skip

    @field_validator("n_actions")
    @classmethod
    def _check_even(cls, n_actions: int) -> int:
        if n_actions % 2:
            way_out = _("For example, take {number}.").format(number=n_actions + 1)
            raise BrokenRule(_("must be even, so that half of the actions go left"), way_out)
        return n_actions


@lru_cache(maxsize=16)
def model(config: MaxBiasConfig) -> TabularMDP:
    """Return the exact model."""
    n, half = config.n_actions, config.n_actions // 2
    outcomes: list[list[list[Outcome]]] = [
        [[(1.0, LEFT_END, 0.0, True)]] * n,
        [normal_outcomes(config.mean, config.spread, LEFT_END)] * n,
        [[(1.0, B, 0.0, False)]] * half + [[(1.0, RIGHT_END, 0.0, True)]] * half,
        [[(1.0, RIGHT_END, 0.0, True)]] * n,
    ]
    start = np.zeros(4)
    start[A] = 1.0
    return mdp_from_outcomes(outcomes, start, layout())


def layout() -> Layout:
    """Return the row of the two states between the ends."""
    return in_a_row("X.SG", ("", "B", "A", ""), names=(_("the left end"), "B", "A", _("the right end")))


def make(config: MaxBiasConfig) -> TabularEnvironment:
    """Return the environment; an episode has one step or two."""
    return TabularEnvironment("max_bias", model(config), MAX_EPISODE_STEPS)


@lru_cache(maxsize=16)
def references(config: MaxBiasConfig) -> tuple[Reference, ...]:
    """Return the exact optimum."""
    return (
        Reference(_("Optimum"), finite_horizon_optimum(model(config), MAX_EPISODE_STEPS), _("exact, from the model")),
    )


SPEC = EnvironmentSpec(
    id="max_bias",
    name=_("Maximisation bias"),
    summary=_("Right ends with 0, left leads to many noisy rewards: a maximum over estimates falls for the noise."),
    version=1,
    kind="tabular",
    config=MaxBiasConfig,
    make=make,
    actions=tuple(_("Action {number}").format(number=number) for number in range(1, MOST_ACTIONS + 1)),
    drawing="grid",
    size=_("2 states and two ends, 2 to 20 actions"),
    references=references,
    source=_("Sutton and Barto, Example 6.7"),
)
