"""A chain of states in which the large reward lies at the far end and a small one tempts back to the start.

Strens' chain (2000): going forward moves one state on and earns 0, except in the last state, which it stays in and earns 10;
going back returns to the first state and earns 2. With probability slip the other of the two happens. It never ends, so an
episode is cut after `max_episode_steps`, and γ must be below 1.
"""

from functools import lru_cache

import numpy as np

from app.core.config import Config, Hyper
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import in_a_row
from app.parts.tabular import (
    Outcome,
    TabularMDP,
    finite_horizon_optimum,
    finite_horizon_return,
    mdp_from_outcomes,
    uniform_policy,
)


class ChainConfig(Config):
    """Length, slip and rewards."""

    n_states: int = Hyper(
        5, low=2, high=100, symbol="n", help=_("States of the chain; raising it hides the large reward deeper.")
    )
    slip: float = Hyper(
        0.2, low=0.0, high=1.0, symbol="p", unit=_("probability"),
        help=_("Probability that the other action happens; raising it throws the agent back more often."),
    )  # fmt: skip
    forward_reward: float = Hyper(
        10.0, low=-100.0, high=100.0, unit=_("reward"),
        help=_("Reward of going forward in the last state; raising it makes patience pay."),
    )  # fmt: skip
    back_reward: float = Hyper(
        2.0, low=-100.0, high=100.0, unit=_("reward"), help=_("Reward of going back; raising it tempts more.")
    )
    max_episode_steps: int = Hyper(
        100, low=1, high=10_000, unit=_("env steps"),
        help=_("When an episode is cut; raising it gives each episode more rewards. Strens' phases have 1,000 steps."),
    )  # fmt: skip


@lru_cache(maxsize=16)
def model(config: ChainConfig) -> TabularMDP:
    """Return the exact model."""
    last = config.n_states - 1

    def outcomes(state: int) -> list[list[Outcome]]:
        forward = min(state + 1, last), config.forward_reward if state == last else 0.0, False
        back = 0, config.back_reward, False
        sure, slipped = 1.0 - config.slip, config.slip
        return [[(sure, *forward), (slipped, *back)], [(sure, *back), (slipped, *forward)]]

    start = np.zeros(config.n_states)
    start[0] = 1.0
    numbers = range(1, config.n_states + 1)
    names = [_("state {number} of {count}").format(number=number, count=config.n_states) for number in numbers]
    layout = in_a_row("S" + "." * last, [str(number) for number in numbers], names=names)
    return mdp_from_outcomes([outcomes(state) for state in range(config.n_states)], start, layout)


def make(config: ChainConfig) -> TabularEnvironment:
    """Return the environment."""
    return TabularEnvironment("chain", model(config), config.max_episode_steps)


@lru_cache(maxsize=16)
def references(config: ChainConfig) -> tuple[Reference, ...]:
    """Return the exact optimum within the time limit and the random policy's return."""
    mdp, limit = model(config), config.max_episode_steps
    exact = _("exact, from the model within {steps} steps").format(steps=limit)
    return (
        Reference(_("Optimum"), finite_horizon_optimum(mdp, limit), exact),
        Reference(_("Random policy"), finite_horizon_return(mdp, uniform_policy(mdp), limit), exact),
    )


SPEC = EnvironmentSpec(
    id="chain",
    name=_("Chain"),
    summary=_("One reward waits at the end of a chain, another pays for turning back: exploration must be patient."),
    version=1,
    kind="tabular",
    config=ChainConfig,
    make=make,
    actions=(_("Forward"), _("Back")),
    drawing="grid",
    keys=("ArrowRight", "ArrowLeft"),
    size=_("2 to 100 states, 2 actions"),
    references=references,
    source=_("Strens (2000), A Bayesian framework for reinforcement learning"),
)
