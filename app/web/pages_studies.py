"""The pages of studies: a recipe started from the language lab, its runs, its table, its figures."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.core.codecs import content_hash
from app.core.errors import InvalidInput, Missing, Refused
from app.core.text import _
from app.protocol.base import SAFE_INTEGER
from app.protocol.studies import Study, StudyCreate
from app.web import pages_language, recipe, studying
from app.web.context import Service
from app.web.posted import Form
from app.web.rendering import PageRoute, is_fragment, page

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SEE_OTHER = 303
SHOWN = (1, 4, 16, 64)
StudyId = Annotated[int, Path(ge=1, le=SAFE_INTEGER)]


@router.get("/language/studies")
def back_to_recipes() -> Response:
    """Lead from the address of a refusal, loaded again, to the recipes."""
    return RedirectResponse("/language#recipes", SEE_OTHER)


@router.post("/language/studies")
def start(form: Form, playground: Service) -> Response:
    """Start a recipe; a form sent twice starts one study."""
    key = f"study-{content_hash(dict(form))}" if form.get("nonce") else None
    try:
        seeds = studying.whole_seeds(form.get("seeds", ""))
        body = StudyCreate.model_validate({"recipe": form.get("recipe", ""), "seeds": seeds})
        study = studying.create(playground, body, key=key)
    except ValidationError as error:
        return pages_language.refused_recipe(playground, form.get("recipe", ""), recipe.of_model(error), 422)
    except InvalidInput as error:
        if isinstance(error, Missing):
            raise
        return pages_language.refused_recipe(
            playground, form.get("recipe", ""), error.violations, 409 if isinstance(error, Refused) else 422
        )
    return RedirectResponse(study.links["page"], SEE_OTHER)


@router.get("/language/studies/{id}")
def study_page(request: Request, id: StudyId, playground: Service) -> Response:
    """Show a study."""
    context = _context(studying.find(playground, id))
    return page("_study.html" if is_fragment(request) else "study.html", context)


@router.post("/language/studies/{id}/{action}")
def act(id: StudyId, action: str, playground: Service) -> Response:
    """Stop a study, or forget it."""
    if action == "stop":
        return RedirectResponse(studying.stop(playground, id).links["page"], SEE_OTHER)
    if action == "delete":
        studying.remove(playground, id)
        return RedirectResponse("/language#recipes", SEE_OTHER)
    raise Missing.one("action", action, _("there is no such page"))


@router.get("/language/studies/{id}/{action}")
def back_to_study(id: StudyId, action: str) -> Response:
    """Lead from the address of a refusal, loaded again, to the study it was about."""
    return RedirectResponse(f"/language/studies/{id}", SEE_OTHER)


def _context(study: Study) -> dict[str, object]:
    tries = [k for k in SHOWN if any(k in stage.pass_at for stage in study.stages)] or list(SHOWN)
    ended = sum(1 for run in study.runs if run.pass_at)
    labels = {stage.id: stage.label for stage in study.stages}
    return {
        "here": "language", "study": study, "tries": tries, "ended": ended, "labels": labels,
        "nonce": secrets.token_urlsafe(16),
    }  # fmt: skip
