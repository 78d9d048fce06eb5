"""REST: health, algorithms, environments."""

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from app.protocol.base import SAVED
from app.protocol.catalog import (
    AlgorithmInfo,
    AlgorithmList,
    EnvironmentInfo,
    EnvironmentList,
    Health,
    SavedWorld,
    WorldSave,
)
from app.web import describe, saved_worlds
from app.web.context import CREATES, READS, IdempotencyKey, Service, api_router
from app.web.problems import documented

router = api_router("catalogue")
LOCATION = {"Location": {"description": "The saved world.", "schema": {"type": "string"}}}
SavedName = Annotated[str, Path(pattern=SAVED, description="Its name.", examples=["Two rooms"])]
Name = Annotated[str, Path(max_length=64, description="Id from the list.", examples=["q_learning"])]


@router.get("/health", operation_id="health", summary="Whether the server lives; open to all")
async def health() -> Health:
    return Health(status="ok")


@router.get("/algorithms", operation_id="list_algorithms", summary="Every algorithm")
def list_algorithms(playground: Service) -> AlgorithmList:
    catalog = playground.catalog()
    return AlgorithmList(items=[describe.algorithm_info(catalog, spec) for spec in catalog.algorithms().values()])


@router.get(
    "/algorithms/{id}", operation_id="read_algorithm", summary="One algorithm: schema, presets, what it fits, equations",
    responses=documented(*READS),
)  # fmt: skip
def read_algorithm(id: Name, playground: Service) -> AlgorithmInfo:
    catalog = playground.catalog()
    return describe.algorithm_info(catalog, describe.known(catalog.algorithm, id))


@router.get("/environments", operation_id="list_environments", summary="Every environment")
def list_environments(playground: Service) -> EnvironmentList:
    catalog = playground.catalog()
    return EnvironmentList(items=[describe.environment_info(catalog, spec) for spec in catalog.environments().values()])


@router.get(
    "/environments/{id}", operation_id="read_environment", summary="One environment: spaces, threshold, optimum",
    responses=documented(*READS),
)  # fmt: skip
def read_environment(id: Name, playground: Service) -> EnvironmentInfo:
    catalog = playground.catalog()
    info = describe.environment_info(catalog, describe.known(catalog.environment, id))
    return info.model_copy(update={"saved": saved_worlds.listed(playground, id)})


@router.post(
    "/environments", operation_id="save_world", summary="Save a drawn world under a name", status_code=201,
    response_model=SavedWorld, responses={**documented(*CREATES, "refused"), 201: {"headers": LOCATION}},
)  # fmt: skip
def save_world(body: WorldSave, playground: Service, idempotency_key: IdempotencyKey = None) -> Response:
    """`environment_config` of the answer is all that POST /runs needs to start in it."""
    saved = saved_worlds.save(playground, body, key=idempotency_key)
    headers = {"Location": saved.links["self"]}
    return Response(saved.model_dump_json(), 201, headers, media_type="application/json")


@router.get(
    "/environments/{id}/saved/{name}", operation_id="read_world", summary="A saved world with all its options",
    responses=documented(*READS),
)  # fmt: skip
def read_world(id: Name, name: SavedName, playground: Service) -> SavedWorld:
    return saved_worlds.find(playground, id, name)


@router.delete(
    "/environments/{id}/saved/{name}", operation_id="delete_world", summary="Delete a saved world", status_code=204,
    responses=documented(*READS),
)  # fmt: skip
def delete_world(id: Name, name: SavedName, playground: Service) -> None:
    """Runs in it go on."""
    saved_worlds.remove(playground, id, name)
