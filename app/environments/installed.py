"""Environments of gymnasium that the operator lists by id, beside those that have files here.

`RL_PLAYGROUND_GYMNASIUM_IDS` holds the ids, separated by commas, as gymnasium writes them (`module:Name-v0` imports the module
first). A worker inherits the variable; a browser user can only choose among what it names. Each is opened once to look at
its spaces. A card says what is known: sizes, limits, the registered threshold; the picture shows the numbers that are seen.
"""

import os
import re
import warnings
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any

from app.core.config import Config
from app.core.errors import shorten
from app.core.folders import GYMNASIUM_VARIABLE
from app.core.specs import Axis, EnvironmentSpec, Reference
from app.core.text import _
from app.parts.extras import Absence
from app.parts.gym_batch import GymEnvironment, described

UNLIMITED_STEPS = 10_000  # where no limit is registered
MOST_AXES = 32
FAR = 1_000.0
USUAL = 3.0  # half the drawn range of a number without bounds


class InstalledConfig(Config):
    """Nothing to choose: the environment is as it is registered."""


def declared() -> Iterable[EnvironmentSpec]:
    """Return a spec of every id that the operator lists."""
    listed = os.environ.get(GYMNASIUM_VARIABLE, "")
    return [spec_of(name) for name in dict.fromkeys(filter(None, (item.strip() for item in listed.split(","))))]


def id_of(name: str) -> str:
    """Return the name in the catalogue: what gymnasium calls it, without a module, in letters that fit an address.

    >>> id_of("some_module:ALE/Pong-v5")
    'ALE-Pong-v5'
    """
    return re.sub(r"[^A-Za-z0-9_-]", "-", name.rpartition(":")[2])[:64]


def spec_of(name: str) -> EnvironmentSpec:
    """Return the spec of a gymnasium id; where it cannot be used, the spec says why."""
    try:
        environment, limits, threshold = look(name)
    except Exception as error:  # whatever another's code raises is the reason why it is absent
        return _absent(name, error)
    is_numbered = environment.action_bounds is None
    names = tuple(_("Action {number}").format(number=number) for number in range(1, environment.n_actions + 1))
    kinds = _("{size} numbers, {actions} actions") if is_numbered else _("{size} numbers, {actions} continuous actions")
    solved = Reference(_("Solved"), threshold, _("registered threshold")) if threshold is not None else None
    return EnvironmentSpec(
        id=environment.id,
        name=environment.id,
        summary=_("{name} of gymnasium, as it is installed here.").format(name=name),
        version=1,
        kind="continuous",
        config=InstalledConfig,
        make=lambda config: environment,
        actions=names,
        action_kind="numbered" if is_numbered else "continuous",
        drawing="numbers",
        size=kinds.format(size=environment.observation_size, actions=environment.n_actions),
        threshold=threshold,
        axes=limits,
        references=lambda config: (solved,) if solved else (),
        source=_("gymnasium {name}, listed by the operator").format(name=name),
    )


@lru_cache(maxsize=256)
def look(name: str) -> tuple[GymEnvironment, tuple[Axis, ...], float | None]:
    """Open a simulator and return the environment, its axes (where what is seen is a short row), and its threshold."""
    import gymnasium

    opening = partial(open_installed, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gym = opening()
        spec = gymnasium.spec(name.rpartition(":")[2])
    space = gym.observation_space
    gym.close()
    environment = described(id_of(name), opening, spec.max_episode_steps or UNLIMITED_STEPS)
    axes: tuple[Axis, ...] = ()
    if isinstance(space, gymnasium.spaces.Box) and len(space.shape) == 1 and space.shape[0] <= MOST_AXES:
        ends = zip(space.low.tolist(), space.high.tolist(), strict=True)
        axes = tuple(_axis(number, low, high) for number, (low, high) in enumerate(ends, 1))
    return environment, axes, None if spec.reward_threshold is None else float(spec.reward_threshold)


def open_installed(name: str, render_mode: str | None = None) -> Any:
    """Open an installed environment by gymnasium's id, without its time limit: ours counts the steps."""
    import gymnasium

    return gymnasium.make(name, disable_env_checker=True, max_episode_steps=-1, render_mode=render_mode)


def _axis(number: int, low: float, high: float) -> Axis:
    is_bounded = -FAR <= low < high <= FAR
    ends = (low, high) if is_bounded else (-USUAL, USUAL)
    return Axis(_("Number {number}").format(number=number), "", *ends, sum(ends) / 2)


def _absent(name: str, error: Exception) -> EnvironmentSpec:
    rule = _("cannot be opened here: {error}").format(error=shorten(str(error).rstrip("."), 200))
    absence: Absence = (
        rule,
        _("The operator's setting gymnasium_ids names it; install what it needs, or take it out."),
    )
    return EnvironmentSpec(
        id=id_of(name),
        name=id_of(name),
        summary=_("{name} of gymnasium, listed by the operator.").format(name=name),
        version=1,
        kind="continuous",
        config=InstalledConfig,
        make=lambda config: GymEnvironment(id_of(name), partial(open_installed, name), 1, 1, UNLIMITED_STEPS),
        actions=(),
        drawing="numbers",
        size="",
        missing=lambda: absence,
    )
