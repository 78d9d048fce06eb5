"""Figures of how often models are right: pass@k of a study's stages or of single runs against k, and along a recipe's x."""

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from app.core.studies import Study as Recipe
from app.core.text import _
from app.protocol.studies import Axis, FigureInfo, Interval, Mark, Study, StudyFigures

COLOURS = 8

Tried = tuple[str, str, Mapping[int, Interval]]  # key of its arrays, name, k → pass@k


def figures(catalog: ModuleType, study: Study) -> StudyFigures:
    """Return what can be drawn so far; nothing where no run has ended."""
    recipe = catalog.studies().get(study.recipe)
    arrays: dict[str, list[float | None]] = {}
    found = [_curves([(stage.id, stage.label, stage.pass_at) for stage in study.stages], arrays)]
    if isinstance(recipe, Recipe) and recipe.x_label:
        found.insert(0, _along(recipe, study, arrays))
    seeds = max((stage.seeds for stage in study.stages), default=0)
    shade = _("the shade reaches from the lowest to the highest seed") if seeds > 1 else _("the shade is the 95 % interval over prompts")  # fmt: skip
    words = _("Means over the seeds, {seeds} at most; {shade}.").format(seeds=seeds, shade=shade) if seeds else ""
    return StudyFigures(figures=[one for one in found if one.marks], arrays=arrays, words=words)


def of_runs(tried: Iterable[Tried]) -> StudyFigures:
    """Return pass@k of single runs over each other; nothing where none was measured."""
    arrays: dict[str, list[float | None]] = {}
    figure = _curves(list(tried), arrays)
    words = _("64 tries at each of 64 held-out prompts when a run ends; the shade is the 95 % interval over prompts.")
    return StudyFigures(figures=[figure] if figure.marks else [], arrays=arrays, words=words if figure.marks else "")


def _curves(tried: Sequence[Tried], arrays: dict[str, Any]) -> FigureInfo:
    """Return pass@k against k, a line for everything that was measured."""
    marks, most = [], 1
    for place, (key, name, pass_at) in enumerate(tried):
        if not pass_at:
            continue
        tries = sorted(pass_at)
        most = max(most, tries[-1])
        marks += _line(
            arrays, key, [float(k) for k in tries], [pass_at[k] for k in tries], name=name, color=place % COLOURS
        )
    ticks = [float(k) for k in (1, 4, 16, 64) if k <= most]
    return FigureInfo(
        title=_("pass@k on held-out prompts"),
        words=_("On the left how sure a model is, on the right what it can do at all."),
        x=Axis(label=_("tries k"), low=1.0, high=float(most), log=True, ticks=ticks),
        y=Axis(label=_("probability that one is right"), low=0.0, high=1.0),
        marks=marks,
    )


def _along(recipe: Recipe, study: Study, arrays: dict[str, Any]) -> FigureInfo:
    """Return pass@1 against x of the recipe, a line for every series of its stages."""
    by_id, marks = {stage.id: stage for stage in study.stages}, []
    lines = dict.fromkeys(stage.series for stage in recipe.stages if stage.series)
    for place, series in enumerate(lines):
        stages = sorted((stage for stage in recipe.stages if stage.series == series), key=lambda stage: stage.x)
        ended = [stage for stage in stages if by_id[stage.id].pass_at]
        if ended:
            shares = [by_id[stage.id].pass_at[1] for stage in ended]
            marks += _line(arrays, f"along{place}", [stage.x for stage in ended], shares, name=series, color=place)
    places = sorted({stage.x for stage in recipe.stages if stage.series})
    return FigureInfo(
        title=_("How often one try is right"),
        words=_("What reinforcement makes of each start."),
        x=Axis(label=recipe.x_label, low=min(places), high=max(places), ticks=places),
        y=Axis(label=_("pass@1"), low=0.0, high=1.0),
        marks=marks,
    )


def _line(arrays: dict[str, Any], key: str, x: list[float], shares: list[Any], *, name: str, color: int) -> list[Mark]:
    arrays[f"{key}.x"] = x
    for part in ("mean", "low", "high"):
        arrays[f"{key}.{part}"] = [getattr(share, part) for share in shares]
    place = f"{key}.x"
    return [
        Mark(kind="band", x=place, y=f"{key}.high", low=f"{key}.low", color=color),
        Mark(kind="line", x=place, y=f"{key}.mean", name=name, color=color),
        Mark(kind="dots", x=place, y=f"{key}.mean", color=color),
    ]
