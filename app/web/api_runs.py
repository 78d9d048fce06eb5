# house: parameters: one per filter of the URL
"""REST: runs and what one does with them."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Body, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from app.protocol.runs import Accepted, ForkRequest, Run, RunCreate, RunPage, RunPatch, State, StepRequest
from app.web.context import ACTS, API, CREATES, READS, IdempotencyKey, RunId, Service, api_router
from app.web.etags import conditional, run_tag
from app.web.problems import documented
from app.web.services import Action, RunQuery

router = api_router("runs")
Text = Annotated[str | None, Query(max_length=200)]
LOCATION = {"Location": {"description": "The new run.", "schema": {"type": "string"}}}


@router.post(
    "/runs", operation_id="create_run", summary="Start a run", status_code=201, response_model=Run,
    responses={**documented(*CREATES, "refused"), 201: {"headers": LOCATION}},
)  # fmt: skip
def create_run(body: RunCreate, playground: Service, idempotency_key: IdempotencyKey = None) -> Response:
    run = playground.create_run(body, key=idempotency_key)
    return _run_response(run, 201, {"Location": run.links["self"]})


@router.get("/runs", operation_id="list_runs", summary="Runs, newest first, page by page", response_model=RunPage)
def list_runs(
    playground: Service,
    state: Annotated[State | None, Query()] = None,
    algorithm: Text = None,
    environment: Text = None,
    tag: Text = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of the name.")] = None,
    sort: Annotated[Literal["created", "-created", "name", "-name", "step", "-step"], Query()] = "-created",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    query = RunQuery(state=state, algorithm=algorithm, environment=environment, tag=tag, q=q, sort=sort)
    page = playground.runs(query, limit=limit, cursor=cursor)
    response = Response(page.model_dump_json(), media_type="application/json")
    if page.next_cursor:
        given = {**query.given(), "limit": str(limit), "cursor": page.next_cursor}
        response.headers["Link"] = f'<{_url(API + "/runs", given)}>; rel="next"'
    return response


@router.get(
    "/runs/{id}", operation_id="read_run", summary="One run", response_model=Run,
    responses={**documented(*READS), 304: {"description": "Not changed"}},
)  # fmt: skip
def read_run(id: RunId, playground: Service, request: Request) -> Response:
    response = _run_response(playground.run(id), 200, {})
    return conditional(request, response, response.headers["ETag"])


@router.patch(
    "/runs/{id}", operation_id="patch_run", summary="Change name, tags, speed, or hyperparameters while it runs",
    response_model=Run, responses=documented(*ACTS, *CREATES, "changed"),
)  # fmt: skip
def patch_run(
    id: RunId,
    body: RunPatch,
    playground: Service,
    if_match: Annotated[str | None, Header(max_length=1000, description="The ETag that was edited.")] = None,
) -> Response:
    return _run_response(playground.patch_run(id, body, if_match=if_match), 200, {})


@router.delete(
    "/runs/{id}", operation_id="delete_run", summary="Delete an ended run and everything it left", status_code=204,
    responses=documented(*ACTS),
)  # fmt: skip
def delete_run(id: RunId, playground: Service) -> None:
    playground.delete_run(id)


@router.post(
    "/runs/{id}/fork", operation_id="fork_run", summary="Continue from a checkpoint as a new run", status_code=201,
    response_model=Run, responses={**documented(*ACTS, *CREATES), 201: {"headers": LOCATION}},
)  # fmt: skip
def fork_run(
    id: RunId,
    playground: Service,
    body: Annotated[ForkRequest, Body()] = ForkRequest(),
    idempotency_key: IdempotencyKey = None,
) -> Response:
    run = playground.fork(id, body, key=idempotency_key)
    return _run_response(run, 201, {"Location": run.links["self"]})


@router.post(
    "/runs/{id}/step", operation_id="step_run", summary="Let a paused run go on a little", status_code=202,
    responses=documented(*ACTS, *CREATES),
)  # fmt: skip
def step_run(id: RunId, playground: Service, body: Annotated[StepRequest, Body()] = StepRequest()) -> Accepted:
    return playground.step(id, body)


def _action(action: Action, summary: str) -> Any:
    def act(id: RunId, playground: Service) -> Accepted:
        return playground.act(id, action)

    router.add_api_route(
        f"/runs/{{id}}/{action}", act, methods=["POST"], operation_id=f"{action}_run", summary=summary, status_code=202,
        response_model=Accepted, responses=documented(*ACTS),
    )  # fmt: skip


_action("pause", "Pause at the next update")
_action("resume", "Go on")
_action("stop", "Stop for good; the run's receipt says what happened")
_action("checkpoint", "Save the state now and keep it")


def _run_response(run: Run, status: int, headers: dict[str, str]) -> Response:
    body = run.model_dump_json().encode()
    return Response(body, status, {"ETag": run_tag(run, body), **headers}, media_type="application/json")


def _url(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}"
