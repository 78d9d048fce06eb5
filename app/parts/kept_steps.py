"""How many steps a learner keeps at once, and that they fit: the sizes of a replay and of a rollout, and their one bound.

Each step is kept with two observations: a replay holds what was seen before and after it, and a rollout is copied for pictures.
A memory of more numbers than `MAX_NUMBERS` is refused where a run is asked for, before anything is allocated.
N environments, D observation size.
"""

from abc import ABC, abstractmethod
from typing import Any

from pydantic import ValidationInfo, field_validator

from app.core.config import BrokenRule, Config, limits_of
from app.core.errors import InvalidInput, Violation
from app.core.text import _, filled

MAX_NUMBERS = 150_000_000  # of observations: 600 MB, and as much again while a checkpoint is written
MAX_ROLLOUT = 262_144
TOO_LARGE = _("The environment's observations are too large for this algorithm. Choose another of either.")


class KeptSteps(Config, ABC):
    """What a learner's configuration says of the steps that it keeps."""

    @abstractmethod
    def kept(self, total_steps: int) -> int:
        """Return how many steps are kept at once in a run of `total_steps`."""

    @abstractmethod
    def refusal(self, most: int, rule: str) -> Violation:
        """Return which setting asks for too many steps, where at most `most` fit."""


class ReplaySize(KeptSteps):
    """The size of a replay; the algorithm's own Config declares `n_envs` and `buffer_size`, then `batch_size`."""

    @field_validator("batch_size", check_fields=False)
    @classmethod
    def _check_batch_size(cls, value: int, info: ValidationInfo) -> int:
        size = info.data.get("buffer_size", value)
        if value > size:
            way_out = filled(_("Use at most {size}, or raise buffer_size."), size=size)
            raise BrokenRule(filled(_("must be ≤ buffer_size = {size}"), size=size), way_out)
        return value

    def kept(self, total_steps: int) -> int:
        """Return the transitions of the replay: no more than the run has."""
        settings: Any = self
        return int(min(settings.buffer_size, total_steps + settings.n_envs))

    def refusal(self, most: int, rule: str) -> Violation:
        """Return the refusal of `buffer_size`."""
        settings: Any = self
        way_out = (
            _("Use at most {most}, or at most {steps} total_steps.")
            if most > settings.n_envs
            else _("Use at most {most}.")
        )
        way_out = filled(way_out, most=most, steps=most - settings.n_envs)
        if most < _lowest(self, "buffer_size"):
            way_out = TOO_LARGE
        return Violation("config.buffer_size", str(settings.buffer_size), rule, way_out)


class RolloutSize(KeptSteps):
    """The size of a rollout; the algorithm's own Config declares `n_envs`, then `n_steps`."""

    @field_validator("n_steps", check_fields=False)
    @classmethod
    def _check_rollout(cls, value: int, info: ValidationInfo) -> int:
        n_envs = info.data.get("n_envs", 1)
        if value * n_envs > MAX_ROLLOUT:
            rule = _("a rollout of n_steps × n_envs = {size} is more than {limit}")
            way_out = filled(_("Use at most {most}, or lower n_envs."), most=MAX_ROLLOUT // n_envs)
            raise BrokenRule(filled(rule, size=value * n_envs, limit=MAX_ROLLOUT), way_out)
        return value

    def kept(self, total_steps: int) -> int:
        """Return the steps of a rollout, all environments together."""
        settings: Any = self
        return int(settings.n_steps * settings.n_envs)

    def refusal(self, most: int, rule: str) -> Violation:
        """Return the refusal of `n_steps`, or of `n_envs` where the shortest rollout of so many does not fit."""
        settings: Any = self
        shortest = _lowest(self, "n_steps")
        if most < shortest:
            return Violation("config.n_steps", str(settings.n_steps), rule, TOO_LARGE)
        if most < shortest * settings.n_envs:
            way_out = filled(_("Use at most {most}, and lower n_steps."), most=most // shortest)
            return Violation("config.n_envs", str(settings.n_envs), rule, way_out)
        way_out = filled(_("Use at most {most}, or lower n_envs."), most=most // settings.n_envs)
        return Violation("config.n_steps", str(settings.n_steps), rule, way_out)


def check_kept(config: Config, observation_size: int, total_steps: int) -> None:
    """Refuse steps that together are too many numbers to keep.

    Raises:
        InvalidInput: naming the setting, the bound and the most that fits.
    """
    if not isinstance(config, KeptSteps):
        return
    each, steps = 2 * observation_size, config.kept(total_steps)
    if each * steps > MAX_NUMBERS:
        rule = _("{steps} steps with two observations of {size} numbers each are {numbers} numbers, more than {limit}")
        told = filled(rule, steps=steps, size=observation_size, numbers=each * steps, limit=MAX_NUMBERS)
        raise InvalidInput([config.refusal(MAX_NUMBERS // each, told)])


def divisor_near(size: int, value: int) -> int:
    """Return the largest number from 2 to `value` that divides `size`, or the smallest above where there is none.

    >>> divisor_near(32, 7), divisor_near(35, 4), divisor_near(12, 99)
    (4, 5, 12)
    """
    divisors = [number for number in range(2, size + 1) if size % number == 0]
    return max((number for number in divisors if number <= value), default=divisors[0] if divisors else size)


def _lowest(config: Config, name: str) -> int:
    low = limits_of(type(config).model_fields[name])[0]
    return int(low or 1)
