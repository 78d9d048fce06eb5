"""The one event stream: merged messages from the hub as server-sent events, with a farewell when the server stops."""

import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

import anyio
from fastapi import Header, Query
from sse_starlette import EventSourceResponse, ServerSentEvent

from app.core.errors import InvalidInput
from app.core.text import _
from app.web.bodies import parse_json
from app.web.context import Service, api_router
from app.web.problems import ProblemError, documented
from app.web.run_numbers import run_number, run_numbers
from app.web.services import Playground

router = api_router("stream")
RETRY_MS = 1000
FAREWELL_S = 1.0
STREAM = {"text/event-stream": {"schema": {"type": "string"}}}
CURSOR = r"^[A-Za-z0-9-]{0,60}$"


@router.get(
    "/stream", operation_id="stream", summary="What happens, as it happens (server-sent events)",
    response_class=EventSourceResponse, responses={**documented("busy"), 200: {"content": STREAM}},
)  # fmt: skip
async def stream(
    playground: Service,
    runs: Annotated[
        str | None, Query(max_length=1000, description="Run numbers, separated by commas; none: every run's row.")
    ] = None,
    panels: Annotated[str | None, Query(max_length=2000, description="Pictures to keep drawing: run:panel,…")] = None,
    cursor: Annotated[str | None, Query(pattern=CURSOR, description="Last message's id, to go on from it.")] = None,
    last_event_id: Annotated[str | None, Header(pattern=CURSOR)] = None,
) -> EventSourceResponse:
    """Each message merges everything new for this viewer; at most a few come each second. Ids are cursors."""
    chosen = None if runs is None else run_numbers(runs)
    watched = _panels(panels)
    if watched:
        await anyio.to_thread.run_sync(_check_panels, playground, watched)
    limit = playground.settings.max_streams
    if playground.viewers >= limit:
        raise ProblemError(
            "busy", _("At most {limit} event streams are open at once; close a tab.").format(limit=limit)
        )
    closing = anyio.Event()
    messages = _messages(playground, chosen, watched=watched, cursor=last_event_id or cursor or "", closing=closing)
    return EventSourceResponse(messages, ping=15, shutdown_event=closing, shutdown_grace_period=FAREWELL_S)


async def _messages(
    playground: Playground,
    runs: list[int] | None,
    *,
    watched: dict[int, list[dict[str, Any]]],
    cursor: str,
    closing: anyio.Event,
) -> AsyncIterator[ServerSentEvent]:
    viewer = secrets.token_hex(8)
    playground.viewers += 1
    subscription = playground.hub.subscribe(runs, cursor)
    try:
        for run, wanted in watched.items():
            await anyio.to_thread.run_sync(playground.jobs.watch, run, viewer, wanted)
        yield ServerSentEvent("{}", event="hello", id=playground.hub.cursor_of(subscription), retry=RETRY_MS)
        while True:
            message = await _next(subscription, closing)
            if message is None:
                yield ServerSentEvent("{}", event="bye", retry=RETRY_MS)
                return
            yield ServerSentEvent(message.text, event="message", id=message.id)
    finally:
        subscription.close()
        playground.viewers -= 1
        if watched:
            with anyio.CancelScope(shield=True), suppress(Exception):
                await anyio.to_thread.run_sync(playground.jobs.unwatch, viewer)


async def _next(subscription: Any, closing: anyio.Event) -> Any:
    """Return the next message, or None when the server stops."""
    found: Any = None
    async with anyio.create_task_group() as group:

        async def listen() -> None:
            await closing.wait()
            group.cancel_scope.cancel()

        group.start_soon(listen)
        found = await subscription.next_message()
        group.cancel_scope.cancel()
    return found


def _panels(text: str | None) -> dict[int, list[dict[str, Any]]]:
    """Return run → panels of `1:grid_values,…`, or of JSON [{run, panel, options}] where a panel has options."""
    wanted: dict[int, list[dict[str, Any]]] = {}
    for run, panel, options in _listed(text or ""):
        if not panel.isidentifier() or not isinstance(options, dict):
            raise InvalidInput.one("panels", panel, _("must read run:panel"), _("For example 1:grid_values."))
        wanted.setdefault(run_number("panels", run), []).append({"panel": panel, "options": options})
    return wanted


def _check_panels(playground: Playground, watched: dict[int, list[dict[str, Any]]]) -> None:
    """Refuse pictures and options that no worker could draw."""
    catalog = playground.catalog()
    for panel in (panel for panels in watched.values() for panel in panels):
        catalog.panel(panel["panel"]).options.parse(panel["options"], "panels.options")


def _listed(text: str) -> list[tuple[str, str, Any]]:
    if not text.startswith("["):
        parts = [part.partition(":") for part in text.split(",") if part]
        return [(run, panel, {}) for run, _colon, panel in parts]
    value = parse_json(text.encode())
    if not all(isinstance(item, dict) for item in value):
        raise InvalidInput.one("panels", text, _("must be a list of {run, panel, options}"))
    return [(str(item.get("run")), str(item.get("panel", "")), item.get("options", {})) for item in value]
