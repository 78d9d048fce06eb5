"""The worlds of a run in words: a drawing is named, a change of it is told, and the moment before it keeps its own words.

Covers app/web/run_worlds.py.
"""

from typing import Any

from starlette.testclient import TestClient

from app import catalog
from app.protocol.data import RunWorld
from app.store import edits
from app.store import runs as run_rows
from app.web.run_worlds import lines_of, worlds_of
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


def lines(environment: str, *starts: tuple[int, dict[str, Any]]) -> list[tuple[str, float, int | None, int | None]]:
    spec = catalog.environment(environment)
    worlds = [RunWorld(from_step=step, environment_config=options, words="") for step, options in starts]
    return [(line.label, round(line.value, 9), line.from_step, line.to_step) for line in lines_of(spec, worlds)]


def test_a_line_holds_for_the_part_of_the_run_that_its_world_lasted() -> None:
    free, rich = ({"layout": STARTED, "step_reward": 0.0, "goal_reward": goal} for goal in (1.0, 2.0))
    assert lines("gridworld", (0, free)) == [("Optimum", 1.0, None, None)]
    wall = {**free, "layout": "S.../.#../...G"}  # the way round is as short
    assert lines("gridworld", (0, free), (50, wall), (90, rich)) == [
        ("Optimum", 1.0, None, 90), ("Optimum", 2.0, 90, None),
    ]  # fmt: skip
    assert lines("gridworld", (0, free), (50, rich), (90, free))[-1] == ("Optimum", 1.0, 90, None)


def test_a_maze_that_changes_by_itself_is_solved_as_of_a_step(client: TestClient) -> None:
    def start_value(step: int) -> float:
        body = {"gamma": 0.9, "step": step}
        return float(client.post("/api/v1/environments/blocking_maze/solution", json=body).json()["start_value"])

    assert abs(start_value(999) - 0.9**9) < 1e-12
    assert abs(start_value(1_000) - 0.9**15) < 1e-12
