"""REST: health, algorithms, environments."""

from typing import Annotated

from fastapi import Path

from app.protocol.catalog import AlgorithmInfo, AlgorithmList, EnvironmentInfo, EnvironmentList, Health
from app.web import describe
from app.web.context import READS, Service, api_router
from app.web.problems import documented

router = api_router("catalogue")
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
    return describe.environment_info(catalog, describe.known(catalog.environment, id))
