"""Studies: recipes started with one click; their runs are planned at once and queued as those before them end."""

from collections.abc import Sequence
from statistics import mean
from types import ModuleType
from typing import Any, cast

import numpy as np

from app.core.errors import InvalidInput, Missing, Refused, shorten
from app.core.studies import Study as Recipe
from app.core.studies import StudyStage
from app.core.text import _, filled
from app.jobs.studies import advance_one
from app.parts.pass_at_k import TRIES, pass_curve
from app.protocol.runs import Run, State
from app.protocol.studies import (
    Interval,
    RecipeInfo,
    RecipeStage,
    StageResult,
    Study,
    StudyCreate,
    StudyLink,
    StudyRun,
    Verdict,
)
from app.store import frames, studies
from app.store import runs as run_rows
from app.store.runs import RunNew, RunRow
from app.store.studies import Planned, StudyRow
from app.web.describe import API
from app.web.services import Playground, check_same_body
from app.web.study_figures import Tried

MAX_STUDIES = 500
LISTED = 50
PANEL, SCORE = "pass_at_k", "eval/mean_reward"
OPEN, ENDED, STOPPED = "running", "ended", "stopped"


def recipes(catalog: ModuleType) -> list[RecipeInfo]:
    """Return every recipe."""
    return [
        RecipeInfo(
            id=one.id, name=one.name, question=one.question, answer=one.answer, environment=one.environment,
            seeds=list(one.seeds),
            stages=[
                RecipeStage(
                    id=stage.id, label=stage.label, algorithm=stage.algorithm, total_steps=stage.total_steps,
                    after=stage.after,
                )
                for stage in one.stages
            ],
        )
        for one in catalog.studies().values()
    ]  # fmt: skip


def create(playground: Playground, body: StudyCreate, *, key: str | None = None) -> Study:
    """Plan every run of a recipe and queue those that start from a fresh model; a key as for runs.

    Raises:
        Missing: no such recipe.
        Refused: too many studies, a full queue, or a full disk.
    """
    recipe = _recipe(playground.catalog(), body.recipe)
    seeds = list(dict.fromkeys(body.seeds if body.seeds is not None else recipe.seeds))
    planned = plan(playground, recipe, seeds)
    playground.check_disk()

    def work(connection: Any) -> int:
        known = studies.of_key(connection, key) if key else None
        if known is not None:
            _check_same(connection, known, body, key=str(key), seeds=seeds)
            return known
        if studies.count(connection) >= MAX_STUDIES:
            rule = _("at most {limit} studies are kept").format(limit=MAX_STUDIES)
            raise Refused.one("studies", MAX_STUDIES, rule, _("Delete one first."))
        waiting, limit = run_rows.counts_by_state(connection)["queued"], playground.settings.max_queued
        if waiting + len(planned) > limit:
            rule = filled(
                _("with the {count} runs of this study the queue would hold more than {limit}"),
                count=len(planned), limit=limit,
            )  # fmt: skip
            raise Refused.one("queue", f"{waiting} waiting", rule, _("Wait for runs to end, or name fewer seeds."))
        study = studies.create(connection, recipe=recipe.id, name=recipe.name, key=key, planned=planned)
        for item in planned:
            if item.parent is None:
                advance_one(playground.store, connection, study=study, place=item.place)
        return study

    study = playground.store.writer.do(work)
    playground.jobs.submit(0)
    return find(playground, study)


def plan(playground: Playground, recipe: Recipe, seeds: Sequence[int]) -> list[Planned]:
    """Return the runs of a recipe, seed after seed, each after the one it starts from."""
    found: list[Planned] = []
    for seed in seeds:
        places: dict[str, int] = {}
        for stage in recipe.stages:
            place = len(found)
            parent = places[stage.after] if stage.after else None
            values = _run_of(playground, recipe, stage, seed)
            found.append(Planned(place=place, stage=stage.id, seed=seed, parent=parent, plan=values))
            places[stage.id] = place
    return found


def find(playground: Playground, id: int) -> Study:
    """Return a study with what its runs reached so far; raises `Missing`."""
    with playground.store.read() as connection:
        row = _existing(connection, id)
        items = studies.planned(connection, id)
        rows = {run.id: run for run in run_rows.get_many(connection, [item.run for item in items if item.run])}
        runs = [_study_run(connection, item, rows) for item in items]
    recipe = playground.catalog().studies().get(row.recipe)
    stages = _stages(recipe.stages if recipe else (), runs)
    return Study(
        id=id,
        recipe=row.recipe,
        name=row.name,
        question=recipe.question if recipe else "",
        answer=recipe.answer if recipe else "",
        state=_state(row, runs),
        created=row.created,
        stopped=row.stopped,
        runs=runs,
        stages=stages,
        expected=_verdicts(recipe, stages) if recipe else [],
        links=_links(id),
    )


def listed(playground: Playground) -> list[StudyLink]:
    """Return the newest studies first."""
    with playground.store.read() as connection:
        rows = studies.list_(connection, LISTED)
    return [
        StudyLink(
            id=row.id, recipe=row.recipe, name=row.name, created=row.created, stopped=row.stopped, links=_links(row.id)
        )
        for row in rows
    ]


def stop(playground: Playground, id: int) -> Study:
    """Let nothing of a study start any more, and stop its runs that are under way; raises `Missing`."""

    def work(connection: Any) -> list[int]:
        _existing(connection, id)
        studies.stop(connection, id, _("the study was stopped"))
        known = [item.run for item in studies.planned(connection, id) if item.run]
        return [row.id for row in run_rows.get_many(connection, known) if not row.is_terminal]

    for run in playground.store.writer.do(work):
        try:
            playground.jobs.stop(run)
        except Refused:
            continue  # it ended, or is being stopped, in the meantime
    return find(playground, id)


def remove(playground: Playground, id: int) -> None:
    """Forget a study; its runs stay. Raises `Missing`, or `Refused` while something of it may still start."""
    study = find(playground, id)
    if study.state == OPEN:
        raise Refused.one("state", study.state, _("its runs are still under way"), _("Stop the study first."))
    playground.store.writer.do(lambda connection: studies.remove(connection, id))


def _recipe(catalog: ModuleType, name: str) -> Recipe:
    found = catalog.studies().get(name)
    if not isinstance(found, Recipe):
        way_out = _("The recipes are: {names}.").format(names=", ".join(catalog.studies()))
        raise Missing.one("recipe", shorten(name), _("there is no such recipe"), way_out)
    return found


def _run_of(playground: Playground, recipe: Recipe, stage: StudyStage, seed: int) -> dict[str, Any]:
    """Return what the row of a run needs, all but where it starts from."""
    resolved = playground.catalog().resolve(
        stage.algorithm,
        recipe.environment,
        config=stage.config,
        environment_config=recipe.task_of(stage),
        total_steps=stage.total_steps,
        seed=seed,
    )
    facts = resolved.as_dict()
    name = _("{stage}, seed {seed}").format(stage=stage.label, seed=seed)
    new = RunNew(**facts, name=name, tags=[recipe.id], **playground.origin_of(facts))
    return {name: value for name, value in vars(new).items() if name not in ("parent_run", "parent_checkpoint")}


def _check_same(connection: Any, known: int, body: StudyCreate, *, key: str, seeds: list[int]) -> None:
    row = studies.get(connection, known)
    before = list(dict.fromkeys(item.seed for item in studies.planned(connection, known)))
    check_same_body(f"{row.recipe if row else ''} {before}", key, f"{body.recipe} {seeds}")


def _existing(connection: Any, id: int) -> StudyRow:
    row = studies.get(connection, id)
    if row is None:
        raise Missing.one("study", id, _("there is no such study"), _("GET /api/v1/studies lists them."))
    return row


def _study_run(connection: Any, item: Planned, rows: dict[int, RunRow]) -> StudyRun:
    row = rows.get(item.run) if item.run else None
    deleted = _("run {run} was deleted").format(run=item.run) if item.run and row is None else ""
    return StudyRun(
        stage=item.stage,
        seed=item.seed,
        run=row.id if row else None,
        state=cast(State, row.state) if row else None,
        step=row.step if row else 0,
        total_steps=item.plan["total_steps"],
        score=row.latest.get(SCORE) if row else None,
        problem=item.problem or deleted,
        pass_at=reached(connection, row.id) if row and row.state == "finished" else {},
    )


def reached(connection: Any, run: int) -> dict[int, Interval]:
    """Return k → pass@k as it was measured when a run ended; empty where it was not."""
    frame = frames.get(connection, run, PANEL)
    if frame is None or "right" not in frame.arrays:
        return {}
    tries = int(frame.meta.get("tries", TRIES))
    curve = pass_curve(np.asarray(frame.arrays["right"], np.float64), tries)
    return {k: Interval(mean=share.mean, low=share.low, high=share.high) for k, share in curve.items()}


def tried(playground: Playground, runs: Sequence[int]) -> list[Tried]:
    """Return what runs are called, and how often they were right in how many tries; of those that ended and write.

    Raises:
        Missing: there is no such run.
    """
    found = [playground.run(id) for id in runs]
    shares, specs = tries_of(playground, found), playground.catalog().algorithms()
    names = {run.id: specs[run.algorithm].name if run.algorithm in specs else run.algorithm for run in found}
    return [(f"run{id}", f"{names[id]} #{id}", pass_at) for id, pass_at in shares.items() if pass_at]


def tries_of(playground: Playground, runs: Sequence[Run]) -> dict[int, dict[int, Interval]]:
    """Return run → k → pass@k of runs that have ended; of one that does not write it is empty."""
    with playground.store.read() as connection:
        return {run.id: reached(connection, run.id) for run in runs if run.state == "finished"}


def _stages(stages: Sequence[StudyStage], runs: Sequence[StudyRun]) -> list[StageResult]:
    found = []
    for stage in stages:
        ended = [run.pass_at for run in runs if run.stage == stage.id and run.pass_at]
        shared = {k: _together([one[k] for one in ended]) for k in (ended[0] if ended else {})}
        found.append(
            StageResult(
                id=stage.id, label=stage.label, algorithm=stage.algorithm, total_steps=stage.total_steps,
                seeds=len(ended), pass_at=shared,
            )
        )  # fmt: skip
    return found


def _together(seeds: Sequence[Interval]) -> Interval:
    """Return the mean of seeds with the lowest and the highest; of one seed its own interval."""
    if len(seeds) == 1:
        return seeds[0]
    means = [one.mean for one in seeds]
    return Interval(mean=mean(means), low=min(means), high=max(means))


def _verdicts(recipe: Recipe, stages: Sequence[StageResult]) -> list[Verdict]:
    by_id = {stage.id: stage for stage in stages}
    found = []
    for one in recipe.expected:
        compared = [by_id[name] for name in (one.stage, one.minus) if name]
        reached = [stage.pass_at[one.k].mean for stage in compared if one.k in stage.pass_at]
        value = reached[0] - sum(reached[1:]) if len(reached) == len(compared) else None
        found.append(
            Verdict(
                words=one.words, stage=" − ".join(stage.label for stage in compared), k=one.k, low=one.low, high=one.high, value=value,
                is_reached=None if value is None else one.low <= value <= one.high,
            )
        )  # fmt: skip
    return found


def _state(row: StudyRow, runs: Sequence[StudyRun]) -> str:
    is_open = any(run.state not in run_rows.TERMINAL if run.state else not run.problem for run in runs)
    return OPEN if is_open else STOPPED if row.stopped else ENDED


def _links(id: int) -> dict[str, str]:
    own = f"{API}/studies/{id}"
    return {"self": own, "figures": f"{own}/figures", "page": f"/language/studies/{id}"}


def whole_seeds(text: str) -> list[int] | None:
    """Return the seeds of `0, 1, 2`; None of an empty text.

    Raises:
        InvalidInput: a part is no number.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    wrong = [part for part in parts if not (part.isascii() and part.isdecimal() and len(part) < 16)]
    if wrong:
        raise InvalidInput.one("seeds", shorten(wrong[0]), _("must be a whole number"), _("Write them as 0, 1, 2."))
    return [int(part) for part in parts] or None
