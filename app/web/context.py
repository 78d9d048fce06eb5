"""What every route of the API is declared with: the router, its documented problems, and the playground behind it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path
from starlette.requests import Request

from app.protocol.base import SAFE_INTEGER
from app.web.bodies import StrictRoute
from app.web.problems import documented
from app.web.services import Playground

API = "/api/v1"
ALWAYS = ("no-identity", "cross-site", "host", "invalid")
READS = ("missing",)
CREATES = ("malformed", "too-large", "media-type")
ACTS = ("missing", "refused", "too-large")


def api_router(tag: str) -> APIRouter:
    """Return a router of the API; every route of it documents the problems the guard may answer with."""
    return APIRouter(prefix=API, tags=[tag], route_class=StrictRoute, responses=documented(*ALWAYS))


def playground_of(request: Request) -> Playground:
    """Return the playground behind the application."""
    playground: Any = request.app.state.playground
    assert isinstance(playground, Playground)
    return playground


async def _service(request: Request) -> Playground:
    return playground_of(request)  # a plain function would be sent to another thread, which takes longer than it does


Service = Annotated[Playground, Depends(_service)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text; a repeated request with it makes nothing twice.",
    ),
]
RunId = Annotated[int, Path(ge=1, le=SAFE_INTEGER, description="The run's number.", examples=[1])]
