# house: parameters: one per query parameter of the URL
"""REST: what a run leaves behind: metrics, frames, events, checkpoints, episodes."""

from collections.abc import Iterator
from typing import Annotated, Any

import anyio
from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.protocol.base import SAFE_INTEGER, CheckpointId
from app.protocol.data import (
    CheckpointList,
    EpisodeDetail,
    EpisodeList,
    EventPage,
    FrameBodies,
    FrameBody,
    FrameList,
    Metrics,
    RunWorlds,
)
from app.web import run_data
from app.web.context import ACTS, API, READS, RunId, Service, api_router
from app.web.etags import body_response, conditional, json_response, tag_of
from app.web.problems import documented
from app.web.run_data import Window

router = api_router("data")
StepNumber = Annotated[int | None, Query(ge=0, le=SAFE_INTEGER)]
Names = Annotated[
    str | None, Query(max_length=4000, description="Scalars, separated by commas.", examples=["rollout/episode_return"])
]
Buckets = Annotated[int, Query(ge=1, le=2000, description="Buckets of each curve at most.")]
Panel = Annotated[str, Path(max_length=64, examples=["grid_values"])]
NOT_CHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "Not changed"}}
CSV = {"text/csv": {"schema": {"type": "string"}}}
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/runs/{id}/metrics", operation_id="read_metrics", summary="Curves, reduced to buckets", response_model=Metrics,
    responses={**documented(*READS), **NOT_CHANGED, 200: {"content": CSV}},
)  # fmt: skip
async def read_metrics(
    id: RunId,
    playground: Service,
    request: Request,
    names: Names = None,
    from_step: StepNumber = None,
    to_step: StepNumber = None,
    max_points: Buckets = 1000,
) -> Response:
    """Each bucket has the mean, the smallest and the largest value of the full data. `Accept: text/csv` gives every point."""
    window = Window(run_data.split_names(names), from_step, to_step, max_points)
    if "text/csv" in request.headers.get("accept", ""):
        return await anyio.to_thread.run_sync(_csv, playground, id, window)
    body = run_data.kept_metrics(playground, id, window)
    if body is None:
        body = await anyio.to_thread.run_sync(run_data.metrics_body, playground, id, window)
    return body_response(request, body)


@router.get(
    "/runs/{id}/metrics.csv", operation_id="read_metrics_csv", summary="Curves as a table, every point",
    response_class=Response, responses={**documented(*READS), 200: {"content": CSV}},
)  # fmt: skip
def read_metrics_csv(
    id: RunId, playground: Service, names: Names = None, from_step: StepNumber = None, to_step: StepNumber = None
) -> Response:
    """The columns are name, step, value, min, max."""
    return _csv(playground, id, Window(run_data.split_names(names), from_step, to_step))


@router.get(
    "/runs/{id}/frames", operation_id="list_frames", summary="The pictures of a run and when they were kept",
    responses=documented(*READS),
)  # fmt: skip
def list_frames(id: RunId, playground: Service) -> FrameList:
    """A picture can also be asked for between these steps: the last one before is given."""
    return FrameList(panels=run_data.panels(playground, id))


@router.get(
    "/runs/{id}/frames/{panel}", operation_id="read_frame", summary="One picture, now or at a past step",
    response_model=FrameBody, responses={**documented(*READS, "refused"), **NOT_CHANGED, 200: {"content": BYTES}},
)  # fmt: skip
def read_frame(
    id: RunId,
    panel: Panel,
    playground: Service,
    request: Request,
    step: StepNumber = None,
    x: Annotated[str | None, Query(max_length=40, description="Observation on the horizontal axis.")] = None,
    y: Annotated[str | None, Query(max_length=40, description="Observation on the vertical axis.")] = None,
    at: Annotated[str | None, Query(max_length=400, description="The other dimensions: name:value,…")] = None,
    resolution: Annotated[int | None, Query(ge=8, le=128, description="Points per axis.")] = None,
    of: Annotated[str | None, Query(max_length=60, description="What is drawn over the axes.")] = None,
    action: Annotated[str | None, Query(max_length=40, description="Number of a continuous action.")] = None,
    prompt: Annotated[str | None, Query(max_length=40, description="What a language model is to write to.")] = None,
    env: Annotated[int | None, Query(ge=0, le=63, description="Environment whose part of a rollout is shown.")] = None,
    episodes: Annotated[
        int | None, Query(ge=2, le=64, description="Episodes at each place along the last update.")
    ] = None,
    lengths: Annotated[int | None, Query(ge=2, le=40, description="Places along the last update.")] = None,
) -> Response:
    """`Accept: application/octet-stream` gives a u32 length, a JSON header of that length, and little-endian float32."""
    given = {
        "x": x, "y": y, "at": at, "resolution": resolution, "of": of, "action": action, "prompt": prompt, "env": env,
        "episodes": episodes, "lengths": lengths,
    }  # fmt: skip
    options = {name: value for name, value in given.items() if value is not None}
    shown = run_data.frame(playground, id, panel, options, step)
    if "application/octet-stream" not in request.headers.get("accept", ""):
        return json_response(request, run_data.frame_json(shown))
    body = run_data.frame_bytes(shown)
    return conditional(request, Response(body, media_type="application/octet-stream"), tag_of(body))


@router.get(
    "/runs/{id}/frames/{panel}/past", operation_id="read_past_frames", summary="Kept pictures from one step to another",
    response_model=FrameBodies, responses={**documented(*READS), **NOT_CHANGED, 200: {"content": BYTES}},
)  # fmt: skip
def read_past_frames(
    id: RunId,
    panel: Panel,
    playground: Service,
    request: Request,
    from_step: StepNumber = None,
    to_step: StepNumber = None,
) -> Response:
    """At most 64 at once and about 4 MB: ask again from after the last. `Accept: application/octet-stream` gives each after its length as u32."""
    first, last = from_step or 0, SAFE_INTEGER if to_step is None else to_step
    shown = run_data.past_frames(playground, id, panel, first=first, last=last)
    if "application/octet-stream" not in request.headers.get("accept", ""):
        return json_response(request, {"items": [run_data.frame_json(one) for one in shown]})
    body = run_data.frames_bytes(shown)
    return conditional(request, Response(body, media_type="application/octet-stream"), tag_of(body))


@router.get(
    "/runs/{id}/events", operation_id="list_events", summary="The run's log, oldest first", response_model=EventPage,
    responses=documented(*READS),
)  # fmt: skip
def list_events(
    id: RunId,
    playground: Service,
    cursor: Annotated[int, Query(ge=0, le=SAFE_INTEGER, description="`next_cursor` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """Edits, pauses, checkpoints, evaluations and everything else that happened."""
    page = run_data.event_page(playground, id, after=cursor, limit=limit)
    response = Response(page.model_dump_json(), media_type="application/json")
    if page.next_cursor:
        response.headers["Link"] = f'<{API}/runs/{id}/events?cursor={page.next_cursor}&limit={limit}>; rel="next"'
    return response


@router.get(
    "/runs/{id}/worlds", operation_id="list_worlds", summary="The worlds that a run has lived in, oldest first",
    responses=documented(*READS),
)  # fmt: skip
def list_worlds(id: RunId, playground: Service) -> RunWorlds:
    """A world is edited while a run goes, or changes by itself; the known numbers of the return change with it."""
    return run_data.world_list(playground, id)


@router.get(
    "/runs/{id}/checkpoints", operation_id="list_checkpoints", summary="Saved states, oldest first",
    responses=documented(*READS),
)  # fmt: skip
def list_checkpoints(id: RunId, playground: Service) -> CheckpointList:
    """Each can be forked from."""
    return CheckpointList(items=run_data.checkpoint_list(playground, id))


@router.delete(
    "/runs/{id}/checkpoints/{checkpoint}", operation_id="delete_checkpoint", summary="Delete a saved state",
    status_code=204, responses=documented(*ACTS),
)  # fmt: skip
def delete_checkpoint(id: RunId, checkpoint: Annotated[CheckpointId, Path()], playground: Service) -> None:
    """The last one of a run that has not ended stays: it would resume from it."""
    playground.delete_checkpoint(id, checkpoint)


@router.get(
    "/runs/{id}/episodes", operation_id="list_episodes", summary="Recorded episodes, oldest first",
    responses=documented(*READS),
)  # fmt: skip
def list_episodes(id: RunId, playground: Service) -> EpisodeList:
    """Of every evaluation the median, the best and the worst greedy episode are kept, as far as they differ."""
    return EpisodeList(items=run_data.episode_list(playground, id))


@router.get(
    "/runs/{id}/episodes/{number}", operation_id="read_episode", summary="One recorded episode, step by step",
    responses=documented(*READS),
)  # fmt: skip
def read_episode(
    id: RunId, number: Annotated[int, Path(ge=0, le=SAFE_INTEGER, examples=[0])], playground: Service
) -> EpisodeDetail:
    """T+1 states, T actions, T rewards, and what a drawing needs."""
    return run_data.episode(playground, id, number)


def _csv(playground: Service, run: int, window: Window) -> Response:
    whole = Window(window.names, window.from_step, window.to_step, run_data.CSV_POINTS)
    lines: Iterator[str] = run_data.metrics_csv(playground, run, whole)
    first = next(lines)
    headers = {"Content-Disposition": f'attachment; filename="run-{run}.csv"'}
    return StreamingResponse(_chained(first, lines), media_type="text/csv; charset=utf-8", headers=headers)


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
