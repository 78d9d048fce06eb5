"""The page on which a person says which of two completions or clips of a run is better."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.codecs import content_hash
from app.core.errors import InvalidInput, Missing, Refused, Violation
from app.core.specs import AlgorithmSpec
from app.core.text import _
from app.protocol.preferences import Ability, LabelNew, Pair, RaterRequest
from app.protocol.runs import ForkRequest
from app.web import preferring, recipe, views
from app.web.context import RunId, Service
from app.web.forms import whole
from app.web.posted import Form
from app.web.rendering import PageRoute, is_fragment, page
from app.web.scenes import scene_of
from app.web.services import Playground

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SEE_OTHER = 303
SHOWN_LABELS = 12
LEARNERS = {"language": "reward_model", "continuous": "ppo_preferences"}
WIDTH = 100.0  # of the drawing of an interval
REFS = ("step", "number", "start")


@dataclass(frozen=True)
class Band:
    """An ability as its line is drawn: from, to and middle in hundredths of the widest interval's reach."""

    ability: Ability
    low: float
    high: float
    at: float


@router.get("/runs/{id}/preferences")
def preferences_page(request: Request, id: RunId, playground: Service) -> Response:
    """Show two things to compare, and what was said so far."""
    context = _context(playground, id)
    if is_fragment(request):
        part = "_preference_seen.html" if request.query_params.get("part") == "seen" else "_preferences.html"
        return page(part, context)
    return page("preferences.html", context)


@router.post("/runs/{id}/preferences")
def judge(request: Request, id: RunId, form: Form, playground: Service) -> Response:
    """Store a choice, then show the next two; a form sent twice stores one."""
    return _answered(request, playground, id, lambda: _judge(playground, id, form))


@router.post("/runs/{id}/preferences/simulated")
def simulate(request: Request, id: RunId, form: Form, playground: Service) -> Response:
    """Let a simulated rater label the next pairs."""
    return _answered(request, playground, id, lambda: _simulate(playground, id, form), form)


@router.post("/runs/{id}/preferences/forget")
def forget(request: Request, id: RunId, form: Form, playground: Service) -> Response:
    """Forget one label, or all once that is confirmed."""
    label = whole(form, "label")
    if label is None and "sure" not in form:
        return RedirectResponse(f"/runs/{id}/preferences#labels", SEE_OTHER)
    if label is not None and not isinstance(label, int):
        raise Missing.one("label", label, _("there is no such label"))
    return _answered(request, playground, id, lambda: preferring.remove(playground, id, label))


@router.post("/runs/{id}/preferences/learn")
def learn(request: Request, id: RunId, form: Form, playground: Service) -> Response:
    """Start a run that learns from the answers; a form sent twice starts one."""
    run, steps = playground.run(id), whole(form, "total_steps")
    key = f"learn-{content_hash([id, dict(form)])}" if form.get("nonce") else None
    try:
        kind = playground.catalog().environment(run.environment).kind
        wanted = {"algorithm": LEARNERS.get(kind, LEARNERS["continuous"]), "config": {"labels": "stored"}}
        made = playground.fork(id, ForkRequest.model_validate({**wanted, "total_steps": steps}), key=key)
    except (InvalidInput, ValidationError) as error:
        return _refused(request, playground, id, error=error)
    return RedirectResponse(f"/runs/{made.id}", SEE_OTHER)


@router.get("/runs/{id}/preferences/{action}")
def back(id: RunId, action: str) -> Response:
    """Lead from the address of a refusal, loaded again, to the page it was about."""
    return RedirectResponse(f"/runs/{id}/preferences", SEE_OTHER)


def _judge(playground: Playground, id: int, form: Mapping[str, str]) -> None:
    sides = {side: {name: whole(form, f"{side}_{name}") for name in REFS} for side in ("left", "right")}
    body = LabelNew.model_validate({**sides, "choice": form.get("choice", "")})
    preferring.add(playground, id, body, key=f"page-{form['nonce']}" if form.get("nonce") else None)


def _simulate(playground: Playground, id: int, form: Mapping[str, str]) -> None:
    values: dict[str, Any] = {"count": whole(form, "count"), "seed": whole(form, "seed") or 0}
    values["rationality"] = _number(form, "rationality", 1.0)
    error = _number(form, "error_share", 0.01)
    body = RaterRequest.model_validate({**values, "error_share": 0.0 if error is None else error})
    preferring.simulate(playground, id, body, key=f"page-{form['nonce']}" if form.get("nonce") else None)


def _number(form: Mapping[str, str], name: str, unit: float) -> float | None:
    text = form.get(name, "").strip()
    try:
        return float(text) * unit if text else None
    except ValueError:
        raise InvalidInput.one(name, text, _("is no number"), _("Leave it empty, or write one.")) from None


def _answered(
    request: Request, playground: Playground, id: int, act: Any, typed: Mapping[str, str] | None = None
) -> Response:
    try:
        act()
    except Missing:
        raise
    except (InvalidInput, ValidationError) as error:
        return _refused(request, playground, id, error=error, typed=typed)
    if is_fragment(request):
        return page("_preferences.html", _context(playground, id))
    return RedirectResponse(f"/runs/{id}/preferences", SEE_OTHER)


def _refused(
    request: Request,
    playground: Playground,
    id: int,
    *,
    error: InvalidInput | ValidationError,
    typed: Mapping[str, str] | None = None,
) -> Response:
    problems = recipe.of_model(error) if isinstance(error, ValidationError) else error.violations
    context = _context(playground, id, problems=problems, typed=typed or {})
    name = "_preferences.html" if is_fragment(request) else "preferences.html"
    return page(name, context, status=409 if isinstance(error, Refused) else 422)


def _context(
    playground: Playground, id: int, *, problems: Sequence[Violation] = (), typed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    run, catalog = playground.run(id), playground.catalog()
    view = views.view(catalog, run)
    pair: Pair | None = None
    why = ""
    try:
        pair = preferring.pair(playground, id)
    except Refused as error:
        why = str(error)
    found = preferring.page(playground, id, limit=1)
    labels = preferring.page(playground, id, after=_last_but(playground, id), limit=SHOWN_LABELS).items
    scene = scene_of(view.environment, run.environment_config) if view.environment else None
    return {
        "here": "runs",
        "view": view,
        "pair": pair,
        "why": why,
        "scene": scene.facts() if scene else {},
        "total": found.total,
        "agreement": found.agreement,
        "bands": _bands(found.abilities),
        "labels": list(reversed(labels)),
        "learner": _learner_spec(catalog, view),
        "problems": problems,
        "typed": typed or {},
        "nonce": secrets.token_urlsafe(16),
    }


def _learner_spec(catalog: Any, view: views.RunView) -> AlgorithmSpec | None:
    """Return what could learn from the answers, where it fits the environment."""
    if view.environment is None:
        return None
    id = LEARNERS.get(view.environment.kind, LEARNERS["continuous"])
    spec: AlgorithmSpec | None = catalog.algorithms().get(id)
    return None if spec is None or catalog.misfit(spec, view.environment) else spec


def _last_but(playground: Playground, id: int) -> int:
    """Return the id after which the labels that are shown begin."""
    ids = preferring.ids(playground, id)
    return ids[-SHOWN_LABELS - 1] if len(ids) > SHOWN_LABELS else 0


def _bands(abilities: Sequence[Ability]) -> list[Band]:
    reach = max((abs(one.ability) + one.half_width for one in abilities), default=1.0) or 1.0

    def at(value: float) -> float:
        return round(WIDTH * (1 + value / reach) / 2, 2)

    return [
        Band(one, at(one.ability - one.half_width), at(one.ability + one.half_width), at(one.ability))
        for one in abilities
    ]
