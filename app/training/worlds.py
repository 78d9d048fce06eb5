"""Worlds that change while a run goes: because a user edits their options, or by themselves at set steps.

A changed world has the same states and actions, so that the agent goes on in it with everything it has learned.
"""

from collections.abc import Collection, Mapping
from typing import Any, Protocol, runtime_checkable

from app.core.contracts import Environment
from app.core.errors import InvalidInput, Refused, Violation, shorten
from app.core.specs import AlgorithmSpec, EnvironmentSpec
from app.core.text import _
from app.training.build import Built

WHERE = "environment_config"


@runtime_checkable
class EntersWorlds(Protocol):
    """An agent that can go on in a changed world."""

    def enter(self, environment: Environment) -> None:
        """Continue in `environment` from the next step on: same states, same actions."""


@runtime_checkable
class TellsEdits(Protocol):
    """Options of an environment that say themselves what an edit changed, because name and value would not be readable."""

    def changes_since(self, before: Any) -> str:
        """Return what differs from `before`, options of the same environment, in words."""
        ...


class World:
    """The environment that a session trains in.

    Attributes:
        config: its options now.
        followed: how many of the changes it makes by itself have come about.
    """

    def __init__(self, built: Built, config: Mapping[str, Any]) -> None:
        self._built, self._base = built, built.environment
        self.config = dict(config)
        self.followed = 0

    def next_change(self) -> int | None:
        """Return the step at which it changes by itself next, or None."""
        left = self._base.changes[self.followed :]
        return left[0][0] if left else None

    def continue_from(self, followed: int) -> None:
        """Let a fresh agent begin in the world as it was after so many changes; load its state after that."""
        self.followed = followed
        if followed:
            self._enter(self._base.changes[followed - 1][1])

    def follow(self, step: int) -> bool:
        """Make the changes whose step has come; return whether there were any."""
        due = [environment for at, environment in self._base.changes[self.followed :] if at <= step]
        if due:
            self.followed += len(due)
            self._enter(due[-1])
        return bool(due)

    def edited(self, changes: Mapping[str, Any]) -> tuple[dict[str, Any], Environment]:
        """Return the options and the environment after an edit; see `edited`."""
        built = self._built
        return edited(built.algorithm, built.agent.config, built.environment_spec, now=self.config, changes=changes)

    def replace(self, config: dict[str, Any], environment: Environment, step: int) -> None:
        """Go on in an edited world, as it is at `step`."""
        self.config, self._base = config, environment
        self.followed = sum(at <= step for at, _changed in environment.changes)
        self._enter(environment.changes[self.followed - 1][1] if self.followed else environment)

    def _enter(self, environment: Environment) -> None:
        agent = self._built.agent
        if not isinstance(agent, EntersWorlds):
            raise _no_entry(self._built.algorithm)
        agent.enter(environment)
        self._built.environment = environment


def edited(
    algorithm: AlgorithmSpec, config: Any, spec: EnvironmentSpec, *, now: Mapping[str, Any], changes: Mapping[str, Any]
) -> tuple[dict[str, Any], Environment]:
    """Return (all options, environment) after an edit of a running world.

    Args:
        config: the agent's hyperparameters now.
        now: the options as they are.

    Raises:
        Refused: this environment does not take such edits.
        InvalidInput: an option breaks a rule or changes the size, or no end could be reached.
    """
    _check_live(spec, changes)
    parsed = spec.config.parse({**now, **changes}, WHERE)
    _check_names(
        spec, {name: value for name, value in parsed.model_dump(mode="json").items() if now.get(name) != value}
    )
    before, after = spec.make(spec.config.parse(dict(now), WHERE)), spec.make(parsed)
    if _size(before) != _size(after):
        rule = _("would change the size from {before} to {after}, and what is learned belongs to the cells there are")
        raise InvalidInput.one(
            WHERE, ", ".join(changes), rule.format(before=_size(before), after=_size(after)),
            _("Keep rows and columns, or start a new run."),
        )  # fmt: skip
    try:
        algorithm.check(config, after)
    except InvalidInput as error:
        way_out = _("The run goes on unchanged. Leave a way to an end from every cell that can be reached.")
        raise InvalidInput(
            [
                Violation(WHERE, ", ".join(changes), f"{item.where}={item.value} {item.rule}", way_out)
                for item in error.violations
            ]
        ) from None
    return parsed.model_dump(mode="json"), after


def edit_in_words(spec: EnvironmentSpec, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return what an edit of a world changed, as its options say it, else option by option."""
    was, now = spec.config.parse(dict(before), WHERE), spec.config.parse(dict(after), WHERE)
    if isinstance(now, TellsEdits):
        return now.changes_since(was)
    old, new = was.model_dump(mode="json"), now.model_dump(mode="json")
    return changes_in_words(old, {name: value for name, value in new.items() if value != old[name]})


def changes_in_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return `name: old → new` of every value in `after`."""
    return ", ".join(f"{name}: {shorten(before[name])} → {shorten(value)}" for name, value in after.items())


def _check_live(spec: EnvironmentSpec, changes: Mapping[str, Any]) -> None:
    live = spec.config.live_names()
    if not live:
        raise Refused.one(
            WHERE, spec.id, _("the world of this environment does not change while a run goes"),
            _("Start a new run with other options."),
        )  # fmt: skip
    if not changes:
        raise InvalidInput.one(WHERE, "{}", _("names nothing to change"), _known(live))


def _check_names(spec: EnvironmentSpec, changed: Mapping[str, Any]) -> None:
    """Refuse what may not change; an option that is named with the value it has is no change."""
    live = spec.config.live_names()
    fixed = [
        Violation(f"{WHERE}.{name}", shorten(value), _("cannot change while the run lives"), _known(live))
        for name, value in changed.items()
        if name not in live
    ]
    if fixed:
        raise InvalidInput(fixed)


def _known(live: Collection[str]) -> str:
    return _("These may change: {names}.").format(names=", ".join(live))


def _no_entry(algorithm: AlgorithmSpec) -> InvalidInput:
    rule = _("{name} cannot go on in a changed world").format(name=algorithm.name)
    return Refused.one("algorithm", algorithm.id, rule, _("Start a new run with other options."))


def _size(environment: Environment) -> str:
    """Return the size in words; two worlds of the same size have the same states and actions."""
    mdp = environment.mdp
    layout = getattr(mdp, "layout", None)
    if layout is not None:
        return f"{layout.rows} × {layout.cols} ({environment.n_actions})"
    return f"{environment.observation_size} ({environment.n_actions})"
