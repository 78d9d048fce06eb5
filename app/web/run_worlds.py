"""The worlds that a run has lived in: as it was started, after every edit, and after the changes it makes by itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.core.errors import InvalidInput
from app.core.specs import EnvironmentSpec
from app.protocol.data import DashedLine, RunWorld, RunWorlds
from app.store import edits
from app.store.runs import RunRow
from app.training.worlds import edit_in_words
from app.web.views import references, world_words

MOST_SOLVED = 12  # the newest worlds whose known numbers are given: each may be an exact solution


def worlds_of(spec: EnvironmentSpec | None, row: RunRow, made: Sequence[Mapping[str, Any]]) -> RunWorlds:
    """Return the worlds of a run, oldest first, and the dashed lines of its return.

    Args:
        spec: its environment; None where the catalogue no longer knows it.
        row: the run.
        made: its edits, as `app.store.edits.list_` gives them.
    """
    edited = _edited(row.environment_config, made)
    worlds: list[RunWorld] = []
    for step, options in _with_changes(spec, edited):
        before = worlds[-1].environment_config if worlds else options
        words, change = world_words(spec, options, row.environment_config), _change(spec, before, options)
        worlds.append(RunWorld(from_step=step, environment_config=options, words=words, change=change))
    return RunWorlds(items=worlds, references=lines_of(spec, worlds))


def lines_of(spec: EnvironmentSpec | None, worlds: Sequence[RunWorld]) -> list[DashedLine]:
    """Return the known numbers of the return with the steps between which each holds.

    A number that stays the same from one world to the next is one line; None is the begin or the end of the run.
    """
    shown = worlds[-MOST_SOLVED:]
    begins = [world.from_step or None for world in shown]
    found: list[DashedLine] = []
    for world, begin, end in zip(shown, begins, [*begins[1:], None], strict=True):
        for item in references(spec, world.environment_config):
            line = DashedLine(label=item["label"], value=item["value"], from_step=begin, to_step=end)
            before = [one for one in found if begin is not None and one.to_step == begin and _name(one) == _name(line)]
            found = [one for one in found if one not in before]
            found.append(line.model_copy(update={"from_step": before[0].from_step}) if before else line)
    return found


def _change(spec: EnvironmentSpec | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if spec is None or before == after:
        return ""
    try:
        return edit_in_words(spec, before, after)
    except InvalidInput:
        return ""  # options of an older version


def _name(line: DashedLine) -> tuple[str, str]:
    return line.label, f"{line.value:.6g}"  # exact solutions differ in their last bits


def _edited(started: Mapping[str, Any], made: Sequence[Mapping[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Return (step, options from then on); of several edits at one step, the options after the last."""
    options, found = dict(started), {0: dict(started)}
    effective = [edit for edit in made if edit["kind"] == edits.ENVIRONMENT and edit["step"] is not None]
    for edit in sorted((one for one in effective if one["refused"] is None), key=lambda one: int(one["step"])):
        options = {**options, **edit["config"]}
        found[int(edit["step"])] = options
    return list(found.items())


def _with_changes(
    spec: EnvironmentSpec | None, edited: Sequence[tuple[int, dict[str, Any]]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Add the steps at which a world changes by itself while its options stay."""
    ends = [step for step, _options in edited[1:]] + [None]
    for (begin, options), end in zip(edited, ends, strict=True):
        yield begin, options
        for step in _changes(spec, options):
            if begin < step and (end is None or step < end):
                yield step, options


def _changes(spec: EnvironmentSpec | None, options: Mapping[str, Any]) -> list[int]:
    if spec is None or not spec.config.model_fields or spec.kind != "tabular":
        return []
    try:
        return [step for step, _world in spec.make(spec.config.parse(dict(options), "environment_config")).changes]
    except InvalidInput:
        return []  # options of an older version
