"""The language lab: a task, the stages of a model's training on it, and the tree of runs that started from each other."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.codecs import content_hash
from app.core.errors import InvalidInput, Missing, Refused, Violation, shorten
from app.core.folders import model_folders
from app.core.specs import AlgorithmSpec, EnvironmentSpec
from app.core.text import _
from app.jobs.lineage import REWARD_MODEL
from app.parts.pass_at_k import TRIES
from app.protocol.runs import TERMINAL, ForkRequest, Run, RunCreate
from app.protocol.studies import Interval, StudyLink
from app.store import checkpoints
from app.web import recipe, roadmap, studying
from app.web.context import Service
from app.web.describe import known
from app.web.forms import Field, differences, fields, parse, show, whole
from app.web.posted import Form
from app.web.rendering import PageRoute, is_fragment, page
from app.web.services import Playground, RunQuery
from app.web.study_figures import COLOURS

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SEE_OTHER = 303
LOCAL = "model"
BESIDE = ("reward", "beta")  # stand in the form itself
MOST_RUNS = 200
STUDIES_SHOWN = 3
MOST_APART = 3  # settings that are named beside a run
SCORE, RIGHT, ACCURACY = "eval/mean_reward", "eval/success_rate", "eval/accuracy"


@dataclass(frozen=True)
class Origin:
    """What a stage may start from; `value` is `run:checkpoint`, `model:name` for a local model, empty for a fresh one."""

    value: str
    label: str
    is_chosen: bool = False


@dataclass(frozen=True)
class Stage:
    """One stage of the chain on the chosen task: its usual budget in updates, what it may start from, what may be set."""

    spec: AlgorithmSpec
    budget: int
    origins: tuple[Origin, ...]
    settings: tuple[Field, ...]
    runs: int
    best: float | None
    reason: str
    problems: tuple[Violation, ...] = ()


@dataclass(frozen=True)
class Branch:
    """A run in the tree: how deep it stands, in what it departs from the usual, what it reached, and how much its stage added."""

    run: Run
    depth: int
    title: str
    stage: str
    apart: str
    score: float | None
    right: float | None
    added: float | None
    tries: dict[int, Interval]
    branch_url: str


@router.get("/language")
def language(request: Request, playground: Service) -> Response:
    """Show the chain on the task that the address names, or on the first."""
    asked = dict(request.query_params)
    catalog = playground.catalog()
    task = _task(catalog, asked["task"]) if asked.get("task") else tasks(catalog)[0]
    context = _context(playground, task, source=asked.get("from", ""))
    return page("_language_runs.html" if is_fragment(request) else "language.html", context)


@router.get("/language/stages")
def back_to_stages() -> Response:
    """Lead from the address of a refusal, loaded again, to the stages."""
    return RedirectResponse("/language#stages", SEE_OTHER)


@router.post("/language/stages")
def start(form: Form, playground: Service) -> Response:
    """Start a stage, from a fresh model or from the model of a checkpoint; a form sent twice starts one run."""
    catalog = playground.catalog()
    task, stage = _task(catalog, form.get("task", "")), known(catalog.algorithm, form.get("stage", ""))
    origin = form.get("origin", "")
    key = f"stage-{content_hash(dict(form))}" if form.get("nonce") else None
    try:
        run = _started(playground, task, stage, form=form, key=key)
    except (InvalidInput, ValidationError) as error:
        problems = recipe.of_model(error) if isinstance(error, ValidationError) else error.violations
        context = _context(playground, task, source=origin.partition(":")[0], refused=(stage.id, problems))
        context["typed"] = {stage.id: form}
        return page("language.html", context, status=409 if isinstance(error, Refused) else 422)
    return RedirectResponse(f"/runs/{run.id}", SEE_OTHER)


def tasks(catalog: ModuleType) -> list[EnvironmentSpec]:
    """Return the tasks in text, those first for which most stages have settings that were tried."""
    found = [spec for spec in catalog.environments().values() if spec.kind == "language"]
    tried = {spec.id: sum(task == spec.id for _stage, task in catalog.presets()) for spec in found}
    return sorted(found, key=lambda spec: -tried[spec.id])


def _task(catalog: ModuleType, name: str) -> EnvironmentSpec:
    found = {spec.id: spec for spec in tasks(catalog)}
    if name not in found:
        way_out = _("The tasks are: {names}.").format(names=", ".join(found))
        raise Missing.one("task", shorten(name), _("there is no such task in text"), way_out)
    return found[name]


def _started(
    playground: Playground, task: EnvironmentSpec, stage: AlgorithmSpec, *, form: Form, key: str | None
) -> Run:
    steps, seed = whole(form, "total_steps"), whole(form, "seed")
    run, _colon, checkpoint = form.get("origin", "").partition(":")
    config = parse(stage.config, {name: text for name, text in form.items() if text.strip()})
    if run in ("", LOCAL):
        config |= {"local_model": checkpoint} if run else {}
        body = RunCreate(algorithm=stage.id, environment=task.id, config=config, total_steps=steps, seed=seed or 0)
        return playground.create_run(body, key=key)
    if not (run.isascii() and run.isdecimal()):
        raise Missing.one("origin", run, _("there is no such run"))
    asked = ForkRequest(algorithm=stage.id, checkpoint=checkpoint or None, config=config, total_steps=steps, seed=seed)
    return playground.fork(int(run), asked, key=key)


def _context(
    playground: Playground,
    task: EnvironmentSpec,
    *,
    source: str = "",
    refused: tuple[str, Sequence[Violation]] = ("", ()),
) -> dict[str, Any]:
    catalog = playground.catalog()
    runs = playground.runs(RunQuery(environment=task.id, sort="created"), limit=MOST_RUNS).items
    tries = studying.tries_of(playground, runs)
    kept = _kept(playground, runs)
    stages = [
        replace(stage, problems=tuple(refused[1])) if stage.spec.id == refused[0] else stage
        for stage in _stages(catalog, task, runs, kept=kept, source=source, only=refused[0])
    ]
    return {
        "here": "language",
        "task": task,
        "tasks": tasks(catalog),
        "references": task.references(task.config()),
        "stages": stages,
        "suggested": next((stage.spec.id for stage in stages if not stage.runs and not stage.reason), ""),
        "rows": _tree(catalog, task, runs, tries),
        "side_by_side": _side_by_side(runs, tries, source),
        "few_and_many": (1, TRIES),
        "nonce": secrets.token_urlsafe(16),
        "recipes": studying.recipes(catalog),
        "names": {spec.id: spec.name for spec in tasks(catalog)},
        "started": _started_studies(playground),
        "refused": {},
        "typed": {},
    }


def refused_recipe(playground: Playground, name: str, problems: Sequence[Violation], status: int) -> Response:
    """Return the lab with the reasons why a recipe was not started."""
    context = _context(playground, tasks(playground.catalog())[0])
    return page("language.html", {**context, "refused": {name: problems}}, status=status)


def _started_studies(playground: Playground) -> dict[str, list[StudyLink]]:
    """Return recipe → its newest studies."""
    found: dict[str, list[StudyLink]] = {}
    for study in studying.listed(playground):
        found.setdefault(study.recipe, []).append(study)
    return {name: items[:STUDIES_SHOWN] for name, items in found.items()}


def _kept(playground: Playground, runs: Sequence[Run]) -> dict[int, list[dict[str, Any]]]:
    """Return run → its checkpoints, the newest first, of runs that have any."""
    with playground.store.read() as connection:
        found = {run.id: list(reversed(checkpoints.list_(connection, run.id))) for run in runs}
    return {run: items for run, items in found.items() if items}


def _stages(
    catalog: ModuleType,
    task: EnvironmentSpec,
    runs: Sequence[Run],
    *,
    kept: dict[int, list[dict[str, Any]]],
    source: str,
    only: str,
) -> list[Stage]:
    """Return the stages of a task; each may start from the run `source`, where `only` names one, that one alone."""
    road = [stop for station, stops in roadmap.stations(catalog) if station.family == "language" for stop in stops]
    by_id = {run.id: run for run in runs}
    names = {stop.spec.id: stop.spec.name for stop in road}
    other = {run.id: _apart(catalog, run, task, sizes_alone=True) for run in runs}
    found = []
    for stop in road:
        spec, own = stop.spec, [run for run in runs if run.algorithm == stop.spec.id]
        measure = ACCURACY if ACCURACY in spec.emits else SCORE  # a reward model does not write
        ended = [run.latest for run in own if run.state == "finished"]  # whose last evaluation is of as many episodes
        scores = [score for latest in ended if (score := latest.get(measure)) is not None]
        origins = _origins(
            spec, by_id, kept=kept, names=names, other=other, source=source if only in ("", spec.id) else ""
        )
        reason = catalog.misfit(spec, task)
        preset = catalog.presets_for(spec.id, task.id).get(catalog.BASE_PRESET)
        budget = preset.total_steps if preset else spec.default_steps
        settings = _settings(spec, preset.config if preset else {})
        found.append(Stage(spec, budget, origins, settings, len(own), max(scores, default=None), reason))
    return found


def _settings(spec: AlgorithmSpec, usual: Mapping[str, Any]) -> tuple[Field, ...]:
    """Return what the form of a stage offers beside origin, reward and β: whatever is neither advanced nor settled by a model."""
    hidden = {*spec.config.settled_names(), *BESIDE}
    return tuple(
        field for field in fields(spec.config, usual, base=usual) if field.key not in hidden and not field.is_advanced
    )


def _origins(
    spec: AlgorithmSpec,
    runs: dict[int, Run],
    *,
    kept: dict[int, list[dict[str, Any]]],
    names: dict[str, str],
    other: Mapping[int, str],
    source: str,
) -> tuple[Origin, ...]:
    """Return a fresh model, local ones, every other stage's last checkpoint; of the run to branch from, all checkpoints."""
    named = int(source) if source.isascii() and source.isdecimal() else 0
    is_named = named in kept and runs[named].algorithm != spec.id
    plain, all_kept = [runs[id] for id in kept if not other[id]], [runs[id] for id in kept]
    usual = named if is_named else _usual(spec, plain) or _usual(spec, all_kept)
    origins = [Origin("", _("a fresh model"), is_chosen=not usual)]
    origins += [Origin(f"{LOCAL}:{name}", _("{name}, on this machine").format(name=name)) for name in model_folders()]
    for id in sorted(kept, key=lambda item: (item != usual, -item)):
        run = runs[id]
        if run.algorithm == spec.id:
            continue
        for place, saved in enumerate(kept[id] if id == named else kept[id][:1]):
            label = _("#{run} {stage}, update {step}").format(
                run=id, stage=names.get(run.algorithm, run.algorithm), step=saved["step"]
            )
            label += f" ({saved['kind'].replace('_', ' ')})" if id == named else ""
            label += f" ({other[id]})" if other[id] else ""
            origins.append(Origin(f"{id}:{saved['id']}", label, is_chosen=id == usual and place == 0))
    return tuple(origins)


def _usual(spec: AlgorithmSpec, runs: Sequence[Run]) -> int:
    """Return the newest run of the stage that this one usually follows, or 0."""
    for stage in spec.follows:
        found = [run.id for run in runs if run.algorithm == stage]
        if found:
            return max(found)
    return 0


def _side_by_side(
    runs: Sequence[Run], tries: Mapping[int, Mapping[int, Interval]], source: str
) -> tuple[list[int], int]:
    """Return whose pass@k is drawn, and of what chain: what led to the run asked for or to the newest, then the newest others."""
    measured = [run for run in runs if tries.get(run.id)]
    by_id = {run.id: run for run in runs}
    if not measured:
        return [], 0
    last = next((run for run in measured if str(run.id) == source), measured[-1])
    chain, run = list[int](), by_id.get(last.id)
    while run:
        chain.append(run.id)
        run = by_id.get(run.parent.run) if run.parent else None
    others = [run.id for run in reversed(measured) if run.id not in chain]
    return sorted([id for id in [*chain, *others] if tries.get(id)][:COLOURS]), last.id


def _apart(catalog: ModuleType, run: Run, task: EnvironmentSpec, *, sizes_alone: bool = False) -> str:
    """Return the settings of a run that are not the usual ones; of its hyperparameters those that shape the model alone."""
    spec = catalog.algorithms().get(run.algorithm)
    if spec is None:
        return ""
    preset = catalog.presets_for(spec.id, task.id).get(catalog.BASE_PRESET)
    usual = spec.config().model_dump() | (dict(preset.config) if preset else {})
    sizes = set(spec.config.settled_names()) - {"reward"}
    settings = {key: value for key, value in run.config.items() if key in usual}
    free, fixed = (
        {key: value for key, value in settings.items() if (key in sizes) == is_size} for is_size in (False, True)
    )
    found = {} if sizes_alone else differences(free, usual)
    found |= differences(run.environment_config, task.config().model_dump()) | differences(fixed, usual)
    return ", ".join(f"{key}={show(value)}" for key, value in list(found.items())[:MOST_APART])


def _tree(
    catalog: ModuleType, task: EnvironmentSpec, runs: Sequence[Run], tries: dict[int, dict[int, Interval]]
) -> list[Branch]:
    """Return the runs with each below the one it started from, the oldest first."""
    by_id = {run.id: run for run in runs}
    below: dict[int, list[Run]] = {}
    for run in runs:
        parent = run.parent.run if run.parent and run.parent.run in by_id else 0
        below.setdefault(parent, []).append(run)
    rows: list[Branch] = []

    def add(parent: int, depth: int) -> None:
        for run in below.get(parent, []):
            score, before = run.latest.get(SCORE), by_id[parent].latest.get(SCORE) if parent else None
            writes_anew = run.state in TERMINAL and run.algorithm != REWARD_MODEL  # whose model stays as it was
            added = score - before if writes_anew and score is not None and before is not None else None
            spec = catalog.algorithms().get(run.algorithm)
            stage = spec.name if spec else run.algorithm
            url = f"/language?{urlencode({'task': run.environment, 'from': run.id})}#stages"
            right, often = run.latest.get(RIGHT), tries.get(run.id, {})
            apart = _apart(catalog, run, task)
            title = run.name if run.name and not run.name.endswith(f"→ {stage}") else stage  # the tree says from where
            rows.append(Branch(run, depth, title, stage, apart, score, right, added, often, url))
            add(run.id, depth + 1)

    add(0, 0)
    return rows
