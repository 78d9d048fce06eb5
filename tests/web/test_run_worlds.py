"""The worlds of a run in words: a drawing is named, a change of it is told, and the moment before it keeps its own words.

Covers app/web/run_worlds.py.
"""

from typing import Any

from starlette.testclient import TestClient

from app import catalog
from app.store import edits
from app.store import runs as run_rows
from app.web.run_worlds import worlds_of
from app.web.services import Playground

STARTED = "S.../..../...G"


def edit(step: int, **changes: Any) -> dict[str, Any]:
    return {"kind": edits.ENVIRONMENT, "step": step, "refused": None, "config": changes}


def worlds(playground: Playground, client: TestClient, *made: dict[str, Any]) -> list[Any]:
    body = {"algorithm": "q_learning", "environment": "gridworld", "environment_config": {"layout": STARTED}}
    id = client.post("/api/v1/runs", json=body).json()["id"]
    with playground.store.read() as connection:
        row = run_rows.get(connection, id)
    assert row is not None
    return worlds_of(catalog.environment("gridworld"), row, made).items


def test_a_drawing_is_named_and_not_written_out(playground: Playground, client: TestClient) -> None:
    (world,) = worlds(playground, client)
    assert (world.words, world.change) == ("drawn world", "")


def test_a_changed_world_says_what_changed_and_the_one_before_keeps_its_words(
    playground: Playground, client: TestClient
) -> None:
    first, second, third = worlds(
        playground, client, edit(50, layout="S.../.#../...G"), edit(90, layout=STARTED, slip=0.2)
    )
    assert first.words == "drawn world"
    assert second.words == "changed world"
    assert "wall" in second.change
    assert "added" in second.change
    assert third.words == "drawn world, slip 0.2", "as it was started, but for the slip"
    assert "removed" in third.change


def test_the_page_names_the_world_in_its_subtitle(client: TestClient) -> None:
    body = {"algorithm": "q_learning", "environment": "gridworld", "environment_config": {"layout": STARTED}}
    html = client.get(f"/runs/{client.post('/api/v1/runs', json=body).json()['id']}").text
    assert '<span data-live="world" title="">drawn world · </span>' in html
