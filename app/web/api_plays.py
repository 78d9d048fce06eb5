# house: parameters: one per parameter of the URL
"""REST: a recorded episode played again by hand, and drawn as its simulator draws it."""

from struct import pack
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.protocol.base import SAFE_INTEGER
from app.protocol.plays import Play, PlaySteps, Reached
from app.web import playing
from app.web.context import ACTS, API, CREATES, READS, RunId, Service, api_router
from app.web.etags import conditional, tag_of
from app.web.problems import documented

router = api_router("data")
EpisodeNumber = Annotated[int, Path(ge=0, le=SAFE_INTEGER, examples=[3])]
PlayId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{8,32}$", description="The game, as its start named it.")]
LOCATION = {"Location": {"description": "The game.", "schema": {"type": "string"}}}
BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
NOT_CHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "Not changed"}}


@router.post(
    "/runs/{id}/episodes/{number}/plays", operation_id="play_episode", summary="Play a recorded episode yourself",
    status_code=201, response_model=Play, responses={**documented(*ACTS), 201: {"headers": LOCATION}},
)  # fmt: skip
def play_episode(id: RunId, number: EpisodeNumber, playground: Service) -> Response:
    """The same world, start and chance as the agent's; a game that rests for ten minutes is forgotten."""
    made = playing.begin(playground, id, number)
    headers = {"Location": f"{API}/plays/{made.id}"}
    return Response(made.model_dump_json(by_alias=True), 201, headers, media_type="application/json")


@router.post(
    "/plays/{play}/steps", operation_id="step_play", summary="Take steps in a game",
    responses=documented(*ACTS, *CREATES),
)  # fmt: skip
def step_play(play: PlayId, body: PlaySteps, playground: Service) -> Reached:
    """Steps beyond the end of the episode are not taken."""
    return playing.step(playground, play, body)


@router.delete(
    "/plays/{play}", operation_id="end_play", summary="End a game", status_code=204, responses=documented("refused"),
)  # fmt: skip
def end_play(play: PlayId, playground: Service) -> None:
    """It is forgotten; nothing of it is kept."""
    playing.end(playground, play)


@router.get(
    "/runs/{id}/episodes/{number}/images", operation_id="read_images", response_class=Response,
    summary="A recorded episode as its simulator draws it",
    responses={**documented(*READS, "refused"), **NOT_CHANGED, 200: {"content": BYTES}},
)  # fmt: skip
def read_images(
    id: RunId,
    number: EpisodeNumber,
    playground: Service,
    request: Request,
    first: Annotated[int, Query(ge=0, le=100_000, description="Number of the first state.")] = 0,
    count: Annotated[int, Query(ge=1, le=playing.FRAMES, description="How many at most.")] = 32,
) -> Response:
    """WebP, one for each state, each after its length as little-endian u32. Made on request by a process of low
    priority: where that takes long there are fewer, and the rest is asked for again."""
    images = playing.images(playground, id, number, first=first, count=count)
    body = b"".join(pack("<I", len(image)) + image for image in images)
    return conditional(request, Response(body, media_type="application/octet-stream"), tag_of(body))
