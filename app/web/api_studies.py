"""REST: recipes, the studies that were started from them, and how often single runs are right in several tries."""

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from app.protocol.base import SAFE_INTEGER
from app.protocol.studies import RecipeList, Study, StudyCreate, StudyFigures, StudyList
from app.web import study_figures, studying
from app.web.context import ACTS, CREATES, READS, IdempotencyKey, Service, api_router
from app.web.problems import documented
from app.web.run_numbers import run_numbers

router = api_router("studies")
LOCATION = {"Location": {"description": "The new study.", "schema": {"type": "string"}}}
StudyId = Annotated[int, Path(ge=1, le=SAFE_INTEGER, description="The study's number.", examples=[1])]


@router.get("/recipes", operation_id="list_recipes", summary="Questions, and the runs that answer them")
def list_recipes(playground: Service) -> RecipeList:
    return RecipeList(items=studying.recipes(playground.catalog()))


@router.get("/studies", operation_id="list_studies", summary="Started recipes, newest first")
def list_studies(playground: Service) -> StudyList:
    return StudyList(items=studying.listed(playground))


@router.post(
    "/studies", operation_id="create_study", summary="Start a recipe", status_code=201, response_model=Study,
    responses={**documented(*ACTS, *CREATES), 201: {"headers": LOCATION}},
)  # fmt: skip
def create_study(body: StudyCreate, playground: Service, idempotency_key: IdempotencyKey = None) -> Response:
    """Every run is planned at once; each is queued when the one it starts from has ended."""
    study = studying.create(playground, body, key=idempotency_key)
    headers = {"Location": study.links["self"]}
    return Response(study.model_dump_json(), 201, headers, media_type="application/json")


@router.get(
    "/studies/{id}", operation_id="read_study", summary="A study: its runs and what they reached",
    responses=documented(*READS),
)  # fmt: skip
def read_study(id: StudyId, playground: Service) -> Study:
    return studying.find(playground, id)


@router.get(
    "/studies/{id}/figures", operation_id="read_study_figures", summary="The figures of a study",
    responses=documented(*READS),
)  # fmt: skip
def read_study_figures(id: StudyId, playground: Service) -> StudyFigures:
    return study_figures.figures(playground.catalog(), studying.find(playground, id))


@router.post(
    "/studies/{id}/stop", operation_id="stop_study", summary="Stop the runs of a study, and start no further one",
    responses=documented(*ACTS),
)  # fmt: skip
def stop_study(id: StudyId, playground: Service) -> Study:
    return studying.stop(playground, id)


@router.delete(
    "/studies/{id}", operation_id="delete_study", summary="Forget a study; its runs stay", status_code=204,
    responses=documented(*ACTS),
)  # fmt: skip
def delete_study(id: StudyId, playground: Service) -> None:
    studying.remove(playground, id)


@router.get(
    "/pass_at_k", operation_id="read_pass_at_k", summary="pass@k of models, side by side", responses=documented(*READS),
)  # fmt: skip
def read_pass_at_k(
    playground: Service,
    runs: Annotated[str, Query(max_length=1000, description="Run numbers, separated by commas.", examples=["1,2,3"])],
) -> StudyFigures:
    """Runs that have not ended, or that do not write, have no line."""
    return study_figures.of_runs(studying.tried(playground, run_numbers(runs)))
