"""The pages: Play and the API reference here, those of runs in `pages_runs`, those of Learn in `pages_learn`. All read and act without script."""

import hashlib
import json
import secrets
from dataclasses import replace

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.errors import InvalidInput, Refused, Violation
from app.protocol.runs import RunCreate
from app.web import (
    editor,
    lessons,
    pages_language,
    pages_learn,
    pages_preferences,
    pages_runs,
    pages_studies,
    recipe,
    reference,
    saved_worlds,
)
from app.web.context import Service
from app.web.posted import Form
from app.web.problems import KINDS
from app.web.rendering import PageRoute, is_fragment, page
from app.web.services import Playground
from app.web.snippets import snippets

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SEE_OTHER = 303


@router.get("/")
def play(request: Request, playground: Service) -> Response:
    """Show the recipe that the address names; the form's own questions are answered under their short address."""
    form = dict(request.query_params)
    if "saved" in form:
        form = saved_worlds.in_form(playground, form)
    choice = recipe.read(playground.catalog(), form)
    if "shown" in form and not is_fragment(request):
        return RedirectResponse(choice.url(), SEE_OTHER)
    violations = recipe.check(playground.catalog(), choice)
    grave = editor.without_drawing(choice.environment.id, violations)
    shown = grave if is_fragment(request) else violations
    return _play(request, playground, choice, violations=shown, has_errors=bool(grave))


@router.post("/runs")
def start(request: Request, form: Form, playground: Service) -> Response:
    """Start the recipe of the form, if it is the one that was shown; a form sent twice starts one run."""
    catalog = playground.catalog()
    choice = recipe.read(catalog, form)
    choice = replace(choice, notice=recipe.turned(choice, form))
    violations = recipe.check(catalog, choice)
    if violations or choice.notice:
        return _play(request, playground, choice, violations=violations, status=422)
    body = choice.request()
    mark = hashlib.sha256(json.dumps([form.get("nonce", ""), body], sort_keys=True).encode()).hexdigest()
    try:
        run = playground.create_run(RunCreate.model_validate(body), key=f"form-{mark}" if form.get("nonce") else None)
    except InvalidInput as error:
        status = 409 if isinstance(error, Refused) else 422
        return _play(request, playground, choice, violations=error.violations, status=status)
    except ValidationError as error:
        return _play(request, playground, choice, violations=recipe.of_model(error), status=422)
    return RedirectResponse(f"/runs/{run.id}", SEE_OTHER)


def _play(
    request: Request,
    playground: Playground,
    choice: recipe.Choice,
    *,
    violations: tuple[Violation, ...],
    has_errors: bool = True,
    status: int = 200,
) -> Response:
    view = recipe.view(playground.catalog(), choice, violations)
    context = {
        "here": "play",
        "recipe": view,
        "has_errors": has_errors and bool(violations),
        "nonce": secrets.token_urlsafe(16),
        "equations": lessons.leading_equations(choice.algorithm),
        "snippets": snippets(view.request, origin_of(request), path=view.url, data=playground.settings.data),
    }
    if is_fragment(request):
        return page("_recipe.html", context, status, {"HX-Replace-Url": view.url})
    return page("play.html", context, status)


@router.get("/docs")
def docs(request: Request, playground: Service) -> Response:
    """Show the API, read from its own OpenAPI document."""
    document = request.app.openapi()
    example = {"algorithm": "q_learning", "environment": "CliffWalking-v1", "config": {"alpha": 0.5}, "seed": 1}
    context = {
        "here": "docs",
        "openapi_url": request.app.openapi_url or "/openapi.json",
        "tags": reference.tags(document),
        "models": reference.models(document),
        "problems": list(KINDS.values()),
        "snippets": snippets(example, origin_of(request), path="/", data=playground.settings.data),
    }
    return page("docs.html", context)


def origin_of(request: Request) -> str:
    """Return the address of this server as the browser wrote it; the guard has checked the name."""
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


router.include_router(pages_language.router)
router.include_router(pages_studies.router)
router.include_router(pages_learn.router)
router.include_router(pages_preferences.router)  # before the actions of a run, which take any name
router.include_router(pages_runs.router)
