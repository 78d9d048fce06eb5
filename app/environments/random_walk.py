"""A row of states, from the middle of which one step goes left or right until an end is reached.

Sutton and Barto's random walk (examples 6.2 and 7.1): the uniform policy is the walk, so prediction has known answers. With
reward 1 at the right end and 0 at the left one, state i of n has the true value i / (n + 1). The two ends are states 0 and
n + 1. The two actions make it a control problem too: the best policy goes straight to the right.
"""

from functools import lru_cache

import numpy as np
from pydantic import field_validator

from app.core.config import BrokenRule, Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import in_a_row
from app.parts.tabular import (
    TabularMDP,
    finite_horizon_optimum,
    finite_horizon_return,
    mdp_from_outcomes,
    uniform_policy,
)

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_EPISODE_STEPS = 10_000  # a walk of 99 states ends after 2,500 steps on average, of 5 after 9


class RandomWalkConfig(Config):
    """Length and rewards."""

    n_states: int = Hyper(
        5, low=1, high=99, symbol="n",
        help=_("States between the ends, an odd number; 5 and 19 are the textbook's. Raising it makes credit travel further."),
    )  # fmt: skip
    left_reward: float = Hyper(
        0.0, low=-100.0, high=100.0, unit=_("reward"),
        help=_("Reward of the left end: 0 in the walk of 5 states, −1 in that of 19. Raising it makes going left less bad."),
    )  # fmt: skip
    right_reward: float = Hyper(
        1.0,
        low=-100.0,
        high=100.0,
        unit=_("reward"),
        help=_("Reward of the right end; raising it scales all values up."),
    )

    @field_validator("n_states")
    @classmethod
    def _check_odd(cls, n_states: int) -> int:
        if n_states % 2 == 0:
            way_out = _("For example, take {number}.").format(number=n_states + 1)
            raise BrokenRule(_("must be odd, so that there is a middle to start from"), way_out)
        return n_states


@lru_cache(maxsize=16)
def model(config: RandomWalkConfig) -> TabularMDP:
    """Return the exact model."""
    n, right_end = config.n_states, config.n_states + 1
    rewards = {0: config.left_reward, right_end: config.right_reward}
    outcomes = [
        [[(1.0, state + by, rewards.get(state + by, 0.0), state + by in rewards)] for by in (-1, 1)]
        for state in range(1, right_end)
    ]
    ends = [[[(1.0, end, 0.0, True)]] * 2 for end in (0, right_end)]
    start = np.zeros(n + 2)
    start[(n + 1) // 2] = 1.0
    letters = "".join("S" if p else "." for p in start)
    names = LETTERS[:n] if n <= len(LETTERS) else [str(number) for number in range(1, n + 1)]
    called = names if n <= len(LETTERS) else [_("state {number}").format(number=name) for name in names]
    layout = in_a_row(
        "X" + letters[1:-1] + "G", ["", *names, ""], names=(_("the left end"), *called, _("the right end"))
    )
    return mdp_from_outcomes([ends[0], *outcomes, ends[1]], start, layout)


def make(config: RandomWalkConfig) -> TabularEnvironment:
    """Return the environment."""
    return TabularEnvironment("random_walk", model(config), MAX_EPISODE_STEPS)


@lru_cache(maxsize=16)
def references(config: RandomWalkConfig) -> tuple[Reference, ...]:
    """Return the exact optimum and the return of the walk itself."""
    mdp, exact = model(config), _("exact, from the model")
    return (
        Reference(_("Optimum"), finite_horizon_optimum(mdp, MAX_EPISODE_STEPS), exact),
        Reference(_("Random policy"), finite_horizon_return(mdp, uniform_policy(mdp), MAX_EPISODE_STEPS), exact),
    )


SPEC = EnvironmentSpec(
    id="random_walk",
    name=_("Random walk"),
    summary=_(
        "Step left or right from the middle of a row until an end: the true values are known, a test of prediction."
    ),
    version=1,
    kind="tabular",
    config=RandomWalkConfig,
    make=make,
    actions=(_("Left"), _("Right")),
    drawing="grid",
    keys=("ArrowLeft", "ArrowRight"),
    size=_("up to 99 states and two ends, 2 actions"),
    references=references,
    source=_("Sutton and Barto, Examples 6.2 and 7.1"),
)
