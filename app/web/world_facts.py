"""What an environment's exact table says of its dynamics, in words: starts, outcomes, rewards."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from app.core.config import Config
from app.core.errors import PlaygroundError
from app.core.specs import EnvironmentSpec
from app.core.text import _
from app.web.rendering import number
from app.web.scenes import Scene

LISTED = 6


@dataclass(frozen=True)
class Dynamics:
    """Sentences about an exact model."""

    starts: str
    outcomes: str
    rewards: str


def size_of(spec: EnvironmentSpec, scene: Scene) -> str:
    """Return the size of the world with its options as they are, where they decide it."""
    if scene.n_states is None or not spec.config.model_fields:
        return spec.size
    return _("{states} states, {actions} actions").format(states=scene.n_states, actions=scene.n_actions)


def dynamics_of(spec: EnvironmentSpec, options: Mapping[str, Any]) -> Dynamics | None:
    """Return what the table of a configured world says, or None where there is no table or the options are refused."""
    try:
        return dynamics(spec, spec.config.parse(dict(options), "environment_config"))
    except PlaygroundError:
        return None


@lru_cache(maxsize=128)
def dynamics(spec: EnvironmentSpec, config: Config | None = None) -> Dynamics | None:
    """Return what the table says, or None where there is no table; only states that can be reached count.

    Args:
        config: the options of the world; None for its defaults.
    """
    mdp = spec.make(config or spec.config()).mdp
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
