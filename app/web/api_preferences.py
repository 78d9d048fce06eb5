"""REST: two things of a run to compare, what raters say of them, and what follows."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response, StreamingResponse

from app.protocol.base import SAFE_INTEGER
from app.protocol.preferences import Label, LabelNew, Pair, PreferencePage, Rated, RaterRequest
from app.web import preferring
from app.web.context import ACTS, API, CREATES, READS, IdempotencyKey, RunId, Service, api_router
from app.web.problems import documented

router = api_router("preferences")
CSV = {"text/csv": {"schema": {"type": "string"}}}
LabelId = Annotated[int, Path(ge=1, le=SAFE_INTEGER, description="The label's number.", examples=[1])]


@router.get(
    "/runs/{id}/preferences", operation_id="list_preferences", summary="What raters preferred, and what follows from it",
    response_model=PreferencePage, responses=documented(*READS),
)  # fmt: skip
def list_preferences(
    id: RunId,
    playground: Service,
    cursor: Annotated[int, Query(ge=0, le=SAFE_INTEGER, description="`next_cursor` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """Labels, oldest first, with the abilities of the moments of the run (Bradley and Terry) from all of them."""
    page = preferring.page(playground, id, after=cursor, limit=limit)
    response = Response(page.model_dump_json(), media_type="application/json")
    if page.next_cursor:
        address = f"{API}/runs/{id}/preferences?cursor={page.next_cursor}&limit={limit}"
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


@router.get(
    "/runs/{id}/preferences.csv", operation_id="read_preferences_csv", summary="What raters preferred, as a table",
    response_class=Response, responses={**documented(*READS), 200: {"content": CSV}},
)  # fmt: skip
def read_preferences_csv(id: RunId, playground: Service) -> Response:
    """One line for each label."""
    lines = preferring.as_csv(playground, id)
    first = next(lines)
    headers = {"Content-Disposition": f'attachment; filename="run-{id}-preferences.csv"'}
    return StreamingResponse(_chained(first, lines), media_type="text/csv; charset=utf-8", headers=headers)


@router.get(
    "/runs/{id}/preferences/pair", operation_id="read_pair", summary="Two things to compare",
    responses=documented(*READS, "refused"),
)  # fmt: skip
def read_pair(
    id: RunId,
    playground: Service,
    number: Annotated[
        int | None, Query(ge=0, le=SAFE_INTEGER, description="Which pair. Unset: the one after the last label.")
    ] = None,
) -> Pair:
    """Two completions of one prompt, or two clips of episodes, of different moments of the run where it kept some."""
    return preferring.pair(playground, id, number)


@router.post(
    "/runs/{id}/preferences", operation_id="add_preference", summary="Say which of two is better", status_code=201,
    responses=documented(*ACTS, *CREATES),
)  # fmt: skip
def add_preference(id: RunId, body: LabelNew, playground: Service, idempotency_key: IdempotencyKey = None) -> Label:
    """A person's word; the simulated rater has an address of its own."""
    return preferring.add(playground, id, body, key=idempotency_key)


@router.post(
    "/runs/{id}/preferences/simulated", operation_id="simulate_preferences", summary="Let a simulated rater compare",
    status_code=201, responses=documented(*ACTS, *CREATES),
)  # fmt: skip
def simulate_preferences(
    id: RunId, body: RaterRequest, playground: Service, idempotency_key: IdempotencyKey = None
) -> Rated:
    """It goes by the true reward, and errs as much as it is told to."""
    return preferring.simulate(playground, id, body, key=idempotency_key)


@router.delete(
    "/runs/{id}/preferences", operation_id="delete_preferences", summary="Forget all labels of a run", status_code=204,
    responses=documented(*READS),
)  # fmt: skip
def delete_preferences(id: RunId, playground: Service) -> None:
    """Runs that learned from them keep their copies."""
    preferring.remove(playground, id)


@router.delete(
    "/runs/{id}/preferences/{label:int}", operation_id="delete_preference", summary="Forget a label", status_code=204,
    responses=documented(*READS),
)  # fmt: skip
def delete_preference(id: RunId, label: LabelId, playground: Service) -> None:
    """Runs that learned from it keep their copies."""
    preferring.remove(playground, id, label)


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
