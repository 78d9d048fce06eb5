"""A bandit of k arms: one state, and every pull of an arm is an episode.

The means are given, or drawn from `instance_seed`: from the standard normal distribution for Gaussian arms, evenly from 0 to 1
for Bernoulli arms. A Bernoulli arm pays 1 with its mean as probability, else 0. A Gaussian arm pays one of the 8 points of
Gauss–Hermite quadrature, which have the first 15 moments of a normal distribution exactly, so that the table is exact.
"""

import math
from functools import lru_cache

import numpy as np
from pydantic import ValidationInfo, field_validator

from app.core.config import Config, Hyper
from app.core.errors import shorten
from app.core.randomness import Stream
from app.core.specs import EnvironmentSpec, Reference
from app.core.text import _
from app.parts.batch import TabularEnvironment
from app.parts.layout import Layout
from app.parts.quadrature import normal_outcomes
from app.parts.tabular import Outcome, TabularMDP, mdp_from_outcomes

MOST_ARMS = 20


class BanditConfig(Config):
    """Arms and what they pay."""

    n_arms: int = Hyper(
        10, low=2, high=MOST_ARMS, symbol="k", help=_("Arms; raising it makes the best one harder to find.")
    )
    kind: str = Hyper(
        "gaussian", choices=("gaussian", "bernoulli"), help=_("What an arm pays: a normal number, or 1 or 0.")
    )
    means: str = Hyper(
        "", max_length=400,
        help=_("Mean rewards of the arms, separated by commas; raising one makes its arm better. Empty: drawn from instance_seed."),
    )  # fmt: skip
    spread: float = Hyper(
        1.0, low=0.0, high=10.0, symbol=r"\sigma", unit=_("reward"),
        help=_("Standard deviation of a Gaussian arm; raising it makes every arm take longer to know."),
    )  # fmt: skip
    instance_seed: int = Hyper(0, low=0, high=1_000_000, help=_("Which bandit; another number draws other means."))

    @field_validator("means")
    @classmethod
    def _check_means(cls, text: str, info: ValidationInfo) -> str:
        values = parse_means(text)
        n_arms, is_bernoulli = info.data.get("n_arms"), info.data.get("kind") == "bernoulli"
        if values and n_arms is not None and len(values) != n_arms:
            rule = _("names {count} means for {arms} arms; give as many of one as of the other")
            raise ValueError(rule.format(count=len(values), arms=n_arms))
        if is_bernoulli and any(not 0 <= value <= 1 for value in values):
            raise ValueError(_("has a mean outside 0 to 1; a Bernoulli arm's mean is a probability"))
        return ", ".join(f"{value:g}" for value in values)


def parse_means(text: str) -> list[float]:
    """Return the numbers of a text such as `0.2, 0.8`; raises ValueError with the rule.

    >>> parse_means("0.2, 0.8")
    [0.2, 0.8]
    """
    values = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        try:
            value = float(part)
        except ValueError:
            rule = _("{text!r} is not a number; write for example 0.2, 0.8")
            raise ValueError(rule.format(text=shorten(part, 40))) from None
        if not math.isfinite(value) or abs(value) > 100:
            raise ValueError(_("{text} must be finite and from -100 to 100").format(text=shorten(part, 40)))
        values.append(value)
    return values


def means_of(config: BanditConfig) -> list[float]:
    """Return the mean reward of every arm (A)."""
    if config.means:
        return parse_means(config.means)
    stream = Stream(config.instance_seed, "bandit")
    drawn = stream.uniforms(config.n_arms) if config.kind == "bernoulli" else stream.normals(config.n_arms)
    return [float(value) for value in drawn]


@lru_cache(maxsize=16)
def model(config: BanditConfig) -> TabularMDP:
    """Return the exact model."""
    arms = [_payments(mean, config) for mean in means_of(config)]
    return mdp_from_outcomes([arms], np.ones(1), Layout(1, 1, "S", names=(_("the only state"),)))


def _payments(mean: float, config: BanditConfig) -> list[Outcome]:
    if config.kind == "bernoulli":
        return [(mean, 0, 1.0, True), (1.0 - mean, 0, 0.0, True)]
    return normal_outcomes(mean, config.spread, 0)


def make(config: BanditConfig) -> TabularEnvironment:
    """Return the environment; an episode has one step."""
    return TabularEnvironment("bandit", model(config), 1)


@lru_cache(maxsize=16)
def references(config: BanditConfig) -> tuple[Reference, ...]:
    """Return the mean of the best arm and of an arm taken at random."""
    means, exact = means_of(config), _("exact, from the means")
    best, average = max(means), sum(means) / len(means)
    return Reference(_("Best arm"), best, exact), Reference(_("Random policy"), average, exact)


SPEC = EnvironmentSpec(
    id="bandit",
    name=_("Bandit"),
    summary=_(
        "One state and k arms of unknown mean: every pull is an episode. Nothing to plan, everything to explore."
    ),
    version=1,
    kind="tabular",
    config=BanditConfig,
    make=make,
    actions=tuple(_("Arm {number}").format(number=number) for number in range(1, MOST_ARMS + 1)),
    drawing="grid",
    size=_("1 state, 2 to 20 arms"),
    references=references,
    source=_("Sutton and Barto, Section 2.3: the ten-armed testbed"),
)
