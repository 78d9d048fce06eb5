"""What the comparison of single runs shows: shared curves with the known numbers of each run's worlds, maps, configurations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.core.codecs import content_hash
from app.core.text import _
from app.protocol.data import RunWorlds
from app.protocol.runs import Run
from app.store import edits
from app.store import runs as run_rows
from app.web import pictures, studying, views
from app.web.run_worlds import worlds_of
from app.web.services import Playground
from app.web.views import RunView

Line = Mapping[str, Any]


def comparison(playground: Playground, found: Sequence[Run]) -> dict[str, Any]:
    """Return everything the page of a comparison shows of these runs."""
    catalog = playground.catalog()
    made, lived = [], []
    for run in found:
        view = views.view(catalog, run)
        worlds = _worlds(playground, view)
        lines = [line.model_dump(exclude_none=True) for line in worlds.references] if worlds else view.references
        made.append(replace(view, references=lines))
        lived.append(content_hash([run.environment, _lived(run, worlds)]))
    common = [scalar.name for view in made[:1] for scalar in view.leads]
    common = [name for name in common if all(name in {s.name for _label, g in v.groups for s in g} for v in made)]
    return {
        "views": made,
        "ids": [run.id for run in found],
        "labels": [view.title for view in made],
        "shared": [catalog.scalars()[name] for name in common if name in catalog.scalars()],
        "references": shared_references(made),
        "has_one_world": len(set(lived)) <= 1,
        "has_one_scale": len({run.environment for run in found}) <= 1,
        "unit": _(" or ").join(dict.fromkeys(view.unit for view in made)),
        "unit_words": unit_words(made),
        "returns": views.RETURNS,
        "maps": [
            (view, view.pictures[0]) for view in made if view.pictures and view.pictures[0].element in pictures.MODES
        ],
        "writing": [id for id, tries in studying.tries_of(playground, found).items() if tries],
        "differences": views.differences(found),
    }


def shared_references(views: Sequence[RunView]) -> list[dict[str, Any]]:
    """Return the dashed lines of compared runs, each with the steps between which it holds.

    One that is not true of all of them names those it belongs to, and lies where the first of these has its steps.
    """
    owners: dict[tuple[str, ...], list[int]] = {}
    lines: dict[tuple[str, ...], Line] = {}
    for view in views:
        for line in view.references:
            begin, end = line.get("from_step"), line.get("to_step")
            same = (
                line["label"],
                f"{line['value']:.6g}",
                str(begin),
                str(end),
            )  # exact solutions differ in their last bits
            lines.setdefault(same, line)
            owners.setdefault(same, []).append(view.run.id)
    return [
        {**lines[same], "run": ids[0]}
        if len(ids) == len(views)
        else {**lines[same], "run": ids[0], "label": f"{same[0]} ({', '.join(f'#{id}' for id in ids)})"}
        for same, ids in owners.items()
    ]


def unit_words(views: Sequence[RunView]) -> str:
    """Return which run counts in what where they do not count the same; a step is one move, a sweep backs up every state."""
    units: dict[str, list[str]] = {}
    for view in views:
        units.setdefault(view.unit, []).append(f"#{view.run.id}")
    if len(units) < 2:
        return ""
    counted = ", ".join(_("{unit} for {runs}").format(unit=unit, runs=", ".join(runs)) for unit, runs in units.items())
    return _("One axis counts different things: {counted}. Seconds compare what they cost.").format(counted=counted)


def _worlds(playground: Playground, view: RunView) -> RunWorlds | None:
    with playground.store.read() as connection:
        row, changes = run_rows.get(connection, view.run.id), edits.list_(connection, view.run.id)
    return worlds_of(view.environment, row, changes) if row is not None else None


def _lived(run: Run, worlds: RunWorlds | None) -> list[Any]:
    """Return the worlds that a run has lived in; when they changed says nothing of what they are."""
    return [run.environment_config] if worlds is None else [world.environment_config for world in worlds.items]
