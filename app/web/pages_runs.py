"""The pages of runs: one run and its parts, the list, the comparison, and the forms that act on runs."""

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.codecs import content_hash
from app.core.errors import InvalidInput, Missing, Refused
from app.core.text import _
from app.protocol.runs import ForkRequest, Run, RunPatch, StepRequest
from app.store import checkpoints, edits, events, series
from app.store import runs as run_rows
from app.web import editor, failing, forking, forms, lessons, pictures, recipe, views
from app.web.comparing import comparison
from app.web.context import RunId, Service
from app.web.describe import run_model
from app.web.posted import Chosen, Form, numbers
from app.web.rendering import PageRoute, is_fragment, page
from app.web.run_worlds import worlds_of
from app.web.services import Action, Playground, RunQuery
from app.web.snippets import of_run

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SEE_OTHER = 303
PAGE_ROWS = 50
EVENT_ROWS = 200
COMPARED = 24  # eight colours, each with three patterns of dashes
SPARK_POINTS, SPARK_WIDTH, SPARK_HEIGHT = 200, 600, 200
ACTIONS: tuple[Action, ...] = ("pause", "resume", "stop", "checkpoint")
FORMS = (*ACTIONS, "step", "speed", "describe", "edit", "fork", "delete")
FORK_FIELDS = ("checkpoint", "total_steps", "seed", "name")
PARTS = {"header": "_run_header.html", "events": "_run_events.html", "checkpoints": "_run_checkpoints.html",
         "edit": "_run_edit.html", "menus": "_run_menus.html"}  # fmt: skip
TABS = ("maths", "configuration", "data")
STATES = ("queued", "starting", "running", "paused", "finished", "stopped", "failed")
COLUMNS = (
    ("name", _("Run"), False), ("state", _("State"), False), ("algorithm", _("Algorithm"), False),
    ("environment", _("Environment"), False), ("", _("Return"), True), ("step", _("Progress"), False),
    ("created", _("Created (UTC)"), True),
)  # fmt: skip


@router.get("/runs")
def runs_page(request: Request, playground: Service) -> Response:
    """List runs; filters, order and position are in the address."""
    asked = dict(request.query_params)
    context = _listing(playground, asked)
    if is_fragment(request):
        return page("_runs_table.html", context, headers={"HX-Replace-Url": _place(asked)})
    return page("runs.html", context)


@router.get("/runs/stop")
@router.get("/runs/delete")
def back_to_runs(request: Request) -> Response:
    """Lead from the address of a refusal, loaded again, to the list it was about."""
    return RedirectResponse(_place(request.query_params), SEE_OTHER)


@router.post("/runs/stop")
def stop_runs(request: Request, ids: Chosen, playground: Service) -> Response:
    """Stop the ticked runs."""
    return _for_each(request, playground, ids, "stop")


@router.post("/runs/delete")
def delete_runs(request: Request, ids: Chosen, form: Form, playground: Service) -> Response:
    """Ask whether to delete the ticked runs; delete those that the second button names."""
    if "sure" in form:
        return _for_each(request, playground, numbers(form["sure"]), "delete")
    asked = {**request.query_params, "delete": ",".join(str(id) for id in ids[:PAGE_ROWS])}
    return RedirectResponse(_place(asked), SEE_OTHER)


@router.get("/compare")
def compare_page(request: Request, playground: Service) -> Response:
    """Lay runs over each other; `runs=1,2` and `runs=1&runs=2` both name them."""
    ids = numbers(",".join(request.query_params.getlist("runs")))
    found, missing = [], []
    for id in ids[:COMPARED]:
        try:
            found.append(playground.run(id))
        except Missing:
            missing.append(str(id))
    more = {"missing": missing, "left_out": ids[COMPARED:], "most": COMPARED}
    return page("compare.html", {"here": "runs", **more, **comparison(playground, found)})


@router.get("/runs/{id}")
def run_page(request: Request, id: RunId, playground: Service) -> Response:
    """Show a run."""
    return page("run.html", _run(request, playground, id))


@router.get("/runs/{id}/parts/{part}")
def run_part(request: Request, id: RunId, part: str, playground: Service) -> Response:
    """Return one part of a run's page, as the page includes it."""
    if part not in PARTS:
        raise Missing.one("part", part, _("there is no such part"), ", ".join(PARTS))
    return page(PARTS[part], _run(request, playground, id))


@router.get("/runs/{id}/{action}")
def back_to_run(id: RunId, action: str) -> Response:
    """Lead from the address of a refusal, loaded again, to the run it was about."""
    if action not in FORMS:
        raise Missing.one("action", action, _("there is no such page"))
    return RedirectResponse(f"/runs/{id}", SEE_OTHER)


@router.post("/runs/{id}/{action}")
def act(request: Request, id: RunId, action: str, form: Form, playground: Service) -> Response:
    """Do what a form of the run's page asks, then show the run again."""
    try:
        answer = _do(playground, id, action, form)
    except InvalidInput as error:
        if isinstance(error, Missing) and action != "fork":
            raise
        return _refused(request, playground, id, error=error, action=action, form=form)
    if answer is not None:
        return answer
    if not is_fragment(request):
        return RedirectResponse(f"/runs/{id}", SEE_OTHER)
    context = _run(request, playground, id)
    if action == "edit":
        return page("_run_edit.html", {**context, "edit_note": _("Sent. The log says from which step on it holds.")})
    return page("_run_header.html", context)


def _do(playground: Playground, id: int, action: str, form: Mapping[str, str]) -> Response | None:
    """Return an answer of its own where the action leads to another page."""
    if action in ACTIONS:
        playground.act(id, action)
    elif action == "step":
        count = forms.whole(form, "count")
        asked = {"unit": form.get("unit", "step"), "count": 1 if count is None else count}
        playground.step(id, _model(StepRequest, asked))
    elif action == "speed":
        playground.patch_run(id, RunPatch(speed=_speed(form)))
    elif action == "describe":
        tags = [tag.strip() for tag in form.get("tags", "").split(",") if tag.strip()]
        playground.patch_run(id, _model(RunPatch, {"name": form.get("name", "").strip(), "tags": tags}))
    elif action == "edit":
        _edit(playground, id, form)
    elif action == "fork":
        return RedirectResponse(f"/runs/{_fork(playground, id, form).id}", SEE_OTHER)
    elif action == "delete" and "sure" not in form:
        return RedirectResponse(f"/runs/{id}?delete=ask", SEE_OTHER)
    elif action == "delete":
        playground.delete_run(id)
        return RedirectResponse("/runs", SEE_OTHER)
    else:
        raise Missing.one("action", action, _("there is no such action"))
    return None


def _speed(form: Mapping[str, str]) -> float | None:
    last = len(views.SPEEDS) - 1
    position: Any = forms.whole(form, "position")
    if position not in range(last + 1):
        rule = _("must be a whole number from 0 to {last}").format(last=last)
        way_out = _("0 is the slowest, {last} is full speed.").format(last=last)
        raise InvalidInput.one("position", form.get("position", ""), rule, way_out)
    return views.SPEEDS[int(position)]


def _edit(playground: Playground, id: int, form: Mapping[str, str]) -> None:
    run = playground.run(id)
    spec = playground.catalog().algorithm(run.algorithm)
    changed = forms.differences(forms.parse(spec.config, form, base=run.config), run.config)
    if changed:
        playground.patch_run(id, RunPatch(config=changed))


def _fork(playground: Playground, id: int, form: Mapping[str, str]) -> Run:
    """Fork as the form says; a form sent twice makes one run."""
    body = forking.request_of(playground.catalog().algorithm(playground.run(id).algorithm), form)
    key = f"fork-{content_hash([form['nonce'], body])}" if form.get("nonce") else None
    return playground.fork(id, _model(ForkRequest, body), key=key)


def _refused(
    request: Request, playground: Playground, id: int, *, error: InvalidInput, action: str, form: Mapping[str, str]
) -> Response:
    status = 409 if isinstance(error, Refused) else 422
    context = _run(request, playground, id)
    if action == "edit":
        spec = context["view"].algorithm
        typed = forms.parse(spec.config, form) if spec else {}
        context["edits"] = views.edit_fields(context["view"], typed, error.violations)
        context["edit_problem"] = _beside(error, context["edits"])
        return page("_run_edit.html" if is_fragment(request) else "run.html", context, status)
    if action == "describe":
        context["naming"] = {"name": form.get("name", ""), "tags": form.get("tags", "")}
    if action == "fork":
        context["fork"] = {name: form.get(name, "") for name in FORK_FIELDS}
        context["fork_inputs"] = forms.retyped(context["fork_inputs"], form, error.violations)
        context["fork_problem"] = _beside(error, context["fork_inputs"])
        return page("run.html", context, status)
    context["problem"] = str(error)
    return page("_run_header.html" if is_fragment(request) else "run.html", context, status)


def _beside(error: InvalidInput, inputs: Sequence[forms.Field]) -> str:
    """Return what no input beside it says already."""
    said = {field.name for field in inputs}
    rest = [str(violation) for violation in error.violations if violation.where not in said]
    return " ".join(rest) or _("Not done: the fields concerned say why.")


def _run(request: Request, playground: Playground, id: int) -> dict[str, Any]:
    """Return everything the run's page and its parts show."""
    run = playground.run(id)
    with playground.store.read() as connection:
        counts = series.cursors(connection, id)
        kept = checkpoints.list_(connection, id)
        logged = events.list_(connection, id, limit=10_000)
        lead = series.read(connection, id, ["rollout/episode_return"], max_points=SPARK_POINTS)
        row = run_rows.get(connection, id)
        made = edits.list_(connection, id)
        active = run_rows.active(connection) if run.state == "queued" else []
    catalog = playground.catalog()
    view = views.view(catalog, run, list(counts))
    if row is None:
        raise Missing.one("run", id, _("there is no such run"))
    worlds = worlds_of(view.environment, row, made)
    view = replace(view, references=[line.model_dump(exclude_none=True) for line in worlds.references])
    tab = request.query_params.get("tab", "maths")
    dictionary = catalog.scalars()
    maps = [picture for picture in view.pictures if picture.element in pictures.MODES]
    origin = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return {
        "here": "runs",
        "view": view,
        "world": worlds.items[-1],
        "tab": tab if tab in TABS else "maths",
        "maps": maps[:1],
        "editor": editor.of_run(view),
        "others": [picture for picture in view.pictures if picture not in maps[:1]],
        "deck": pictures.deck(view.pictures),
        "figures": pictures.FIGURES if maps else (),
        "checkpoints": views.labelled(kept),
        "undo": {item["step"]: item["id"] for item in kept if item["kind"] == "before_edit"},
        "started_config": row.config,
        "changed": forms.differences(run.config, row.config),
        "step_units": views.step_units(view),
        "events": list(reversed(logged))[:EVENT_ROWS],
        "edits": views.edit_fields(view),
        "in_force": views.in_force(view),
        "holders": [views.row(catalog, run_model(other)) for other in active if other.state != "paused"],
        "fork_inputs": forking.inputs(view.algorithm) if view.algorithm else [],
        "nonce": secrets.token_urlsafe(16),
        "configuration": forms.fields(view.algorithm.config, run.config) if view.algorithm else [],
        "lesson": lessons.lesson(catalog, view.algorithm) if view.algorithm else None,
        "series": [
            (dictionary[name].of_run(run.config), count) for name, count in counts.items() if name in dictionary
        ],
        "speeds": ["full" if speed is None else f"{speed:g}" for speed in views.SPEEDS],
        "spark": _spark(lead.get("rollout/episode_return")),
        "returns": views.RETURNS,
        "snippets": of_run(row, made, origin=origin, data=playground.settings.data),
        "problem": "",
        "fork": dict.fromkeys(FORK_FIELDS, "") | {"checkpoint": failing.preset_id(row, kept, made)},
        "recipe_url": failing.recipe_url(catalog, row) if row.state == failing.FAILED else "",
        "fork_problem": "",
        "asks_delete": request.query_params.get("delete") == "ask",
        "naming": {"name": run.name, "tags": ", ".join(run.tags)},
        "edit_note": "",
        "edit_problem": "",
    }


def _listing(playground: Playground, asked: Mapping[str, str]) -> dict[str, Any]:
    query = _query(asked)
    cursor = asked.get("cursor") or None
    found = playground.runs(query, limit=PAGE_ROWS, cursor=cursor)
    catalog = playground.loaded_catalog
    rows = [views.row(catalog, run) for run in found.items]
    given = query.given()
    sorted_by = query.sort.lstrip("-")
    urls = {
        key: _url(
            "/runs",
            {**given, "sort": key if query.sort == f"-{key}" else f"-{key}" if query.sort == key else _first(key)},
        )
        for key, _label, _number in COLUMNS
        if key
    }
    return {
        "here": "runs",
        "rows": rows,
        "place": _place({**asked, "delete": ""}).removeprefix("/runs"),
        "doomed": numbers(asked.get("delete", "")),
        "query": query,
        "columns": COLUMNS,
        "sorted_by": sorted_by,
        "is_falling": query.sort.startswith("-"),
        "sort_urls": urls,
        "cursor": cursor,
        "has_more": found.next_cursor is not None,
        "next_url": _url("/runs", {**given, "cursor": found.next_cursor}) if found.next_cursor else "",
        "first_url": _url("/runs", given),
        "is_filtered": any(value for name, value in given.items() if name != "sort"),
        "filters": [
            ("state", _("State"), [(state, state) for state in STATES]),
            ("algorithm", _("Algorithm"), views.choices(catalog, "algorithm", rows, query.algorithm)),
            ("environment", _("Environment"), views.choices(catalog, "environment", rows, query.environment)),
        ],
        "problem": "",
    }


def _for_each(request: Request, playground: Playground, ids: Sequence[int], action: str) -> Response:
    refusals = []
    for id in ids:
        try:
            if action == "delete":
                playground.delete_run(id)
            else:
                playground.act(id, "stop")
        except InvalidInput as error:
            refusals.append(f"#{id}: {error}")
    if not refusals and not is_fragment(request):
        return RedirectResponse(_place(request.query_params), SEE_OTHER)
    context = {**_listing(playground, request.query_params), "problem": " ".join(refusals[:5])}
    return page("_runs_table.html" if is_fragment(request) else "runs.html", context, 409 if refusals else 200)


def _query(asked: Mapping[str, str]) -> RunQuery:
    names = ("state", "algorithm", "environment", "tag", "q")
    given = {name: asked[name][:200] for name in names if asked.get(name)}
    return RunQuery(**given, sort=asked.get("sort") or "-created")


def _place(asked: Mapping[str, str]) -> str:
    """Return the address of a list: its filters, order and page, and the runs it asks about."""
    return _url("/runs", {**_query(asked).given(), **{name: asked.get(name, "") for name in ("cursor", "delete")}})


def _first(key: str) -> str:
    """The order a column starts with: newest and furthest first, words from A."""
    return f"-{key}" if key in {"created", "step"} else key


def _url(path: str, query: Mapping[str, str]) -> str:
    shown = {name: value for name, value in query.items() if value and not (name == "sort" and value == "-created")}
    return f"{path}?{urlencode(shown)}" if shown else path


def _model(model: Any, values: dict[str, Any]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(recipe.of_model(error)) from None


def _spark(curve: Any) -> dict[str, Any] | None:
    """Return a curve's means as the points of an SVG line and the ends of its axes, for pages without script."""
    if curve is None or len(curve.values) < 2:
        return None
    at, values = [float(step) for step in curve.steps], [float(value) for value in curve.values]
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    height, width = (high - low) or 1.0, (at[-1] - at[0]) or 1.0
    points = " ".join(
        f"{SPARK_WIDTH * (step - at[0]) / width:.1f},{SPARK_HEIGHT * (1 - (value - low) / height):.1f}"
        for step, value in zip(at, values, strict=True)
        if math.isfinite(value)
    )
    return {"points": points, "low": low, "high": high, "first": at[0], "last": at[-1]}
