"""The event stream: merged messages, cursors, what is watched, the farewell."""

import asyncio
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from app.core.errors import InvalidInput
from app.protocol.runs import RunCreate, RunPatch
from app.web.services import Playground
from app.web.stream import _messages, _panels
from tests.web.conftest import API, CLIFF, close, make_playground, recorded


def read(playground: Playground, runs: list[int] | None, change: Any, *, count: int = 1, **options: Any) -> list[Any]:
    """Return the first messages after `change` was made, and the farewell when the server closes."""

    async def main() -> list[Any]:
        closing = anyio.Event()
        cursor, watched = options.get("cursor", ""), options.get("watched", {})
        source = _messages(playground, runs, watched=watched, cursor=cursor, closing=closing)
        got = [await anext(source)]
        if change is not None:
            await asyncio.to_thread(change)
        for _time in range(count):
            got.append(await asyncio.wait_for(anext(source), 10))
        closing.set()
        got.extend([item async for item in source])
        return got

    return asyncio.run(main())


@pytest.fixture
def fresh(tmp_path: Path):
    made = make_playground(tmp_path)
    made._load()
    yield made
    close(made)


def test_what_is_committed_arrives_merged(fresh: Playground) -> None:
    id = fresh.create_run(RunCreate(**CLIFF)).id
    hello, message, bye = read(fresh, [id], lambda: rename(fresh))
    assert hello.retry == 1000
    body = json.loads(message.data)
    assert set(body) == {"runs"}
    assert bye.event == "bye"


def rename(playground: Playground) -> None:
    playground.patch_run(1, RunPatch(name="renamed"))


def test_points_arrive_with_their_numbers(fresh: Playground) -> None:
    _hello, message, _bye = read(fresh, [1], lambda: recorded(fresh, lambda id: id))
    run = json.loads(message.data)["runs"]["1"]
    assert run["run"]["name"] == "recorded"
    assert message.id


def test_a_reconnect_goes_on_where_it_was(fresh: Playground) -> None:
    fresh.create_run(RunCreate(**CLIFF))
    _hello, first, _bye = read(fresh, None, lambda: rename(fresh))
    fresh.patch_run(1, RunPatch(tags=["later"]))
    _hello, second, _bye = read(fresh, None, None, cursor=first.id)
    assert json.loads(second.data)["runs"]["1"]["run"] == {"tags": ["later"]}


def test_a_stream_that_gives_way_before_its_first_message_loses_nothing(fresh: Playground) -> None:
    fresh.create_run(RunCreate(**CLIFF))
    hello, _bye = read(fresh, None, None, count=0)
    rename(fresh)
    _hello, message, _bye = read(fresh, None, None, cursor=hello.id)
    assert "run" in json.loads(message.data)["runs"]["1"]
    before_a_restart, message, _bye = read(fresh, [1], None, cursor="0123abcd-7")
    assert json.loads(message.data)["runs"]["1"]["refetch"]
    _hello, again, _bye = read(fresh, [1], None, cursor=before_a_restart.id)
    assert json.loads(again.data)["runs"]["1"]["refetch"], "also when that stream gave way before it could say so"


def test_a_viewer_leaves_nothing_behind(fresh: Playground, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(fresh.jobs, "watch", lambda run, viewer, panels: calls.append((run, viewer, panels)))
    monkeypatch.setattr(fresh.jobs, "unwatch", lambda viewer: calls.append(viewer))
    read(fresh, None, None, count=0, watched={1: [{"panel": "grid_values", "options": {}}]})
    assert fresh.viewers == 0
    assert not fresh.hub._subscriptions
    assert calls == [(1, calls[1], [{"panel": "grid_values", "options": {}}]), calls[1]]


def test_the_number_of_streams_is_bounded(client: TestClient, playground: Playground) -> None:
    playground.viewers = playground.settings.max_streams
    try:
        response = client.get(f"{API}/stream")
    finally:
        playground.viewers = 0
    assert response.status_code == 503
    assert str(playground.settings.max_streams) in response.json()["detail"]


@pytest.mark.parametrize(
    "query", ["runs=x", "runs=0", "runs=" + ",".join(["1"] * 51), "runs=1e3", "panels=1", "panels=x:grid_values",
              "panels=1:a.b", "panels=[1]", "panels=[", "panels=1:no_such", "cursor=<b>", "run=1"]
)  # fmt: skip
def test_a_bad_stream_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"{API}/stream?{query}").status_code in (400, 422)


def test_panels_are_named_briefly_or_with_options() -> None:
    assert _panels("1:a,1:b,2:a") == {
        1: [{"panel": "a", "options": {}}, {"panel": "b", "options": {}}],
        2: [{"panel": "a", "options": {}}],
    }
    assert _panels('[{"run": 3, "panel": "plane_values", "options": {"x": "angle"}}]') == {
        3: [{"panel": "plane_values", "options": {"x": "angle"}}]
    }
    assert _panels(None) == {}
    with pytest.raises(InvalidInput):
        _panels('[{"run": 3}]')
