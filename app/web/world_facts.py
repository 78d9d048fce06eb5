"""What an environment's exact table says of its dynamics, in words: starts, outcomes, rewards."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.core.specs import EnvironmentSpec
from app.core.text import _
from app.web.rendering import number

LISTED = 6


@dataclass(frozen=True)
class Dynamics:
    """Sentences about an exact model with its default options."""

    starts: str
    outcomes: str
    rewards: str


@lru_cache(maxsize=128)
def dynamics(spec: EnvironmentSpec) -> Dynamics | None:
    """Return what the table says, or None where there is no table; only states that can be reached count."""
    mdp = spec.make(spec.config()).mdp
    if mdp is None:
        return None
    reached = mdp.reachable()
    happens = (mdp.probabilities > 0) & reached[:, None, None]
    most = int(happens.sum(axis=2).max())
    starts = int((mdp.start > 0).sum())
    rewards = np.unique(np.round(mdp.rewards[happens], 9))
    return Dynamics(
        starts=_("always in the same state") if starts == 1 else _("in one of {count} states").format(count=starts),
        outcomes=_("certain: an action has one outcome")
        if most == 1
        else _("by chance: up to {count} outcomes of one action").format(count=most),
        rewards=", ".join(number(float(value)) for value in rewards)
        if len(rewards) <= LISTED
        else _("{low} to {high}").format(low=number(float(rewards[0])), high=number(float(rewards[-1]))),
    )
