"""Compared runs: a dashed line holds where its world did, and an axis that counts different things says so.

Covers app/web/comparing.py.
"""

import json
import re
from html import unescape

from sqlalchemy import Connection
from starlette.testclient import TestClient

from app.store import edits
from app.web.services import Playground

OPEN = {"layout": "S.../..../...G", "step_reward": 0.0, "goal_reward": 1.0}


def started(client: TestClient, algorithm: str = "q_learning", environment: str = "gridworld", **more: object) -> int:
    body = {"algorithm": algorithm, "environment": environment, **more}
    return int(client.post("/api/v1/runs", json=body).json()["id"])


def edit(playground: Playground, run: int, step: int, changes: dict[str, object]) -> None:
    """Put an edit of the world into the store, answered as of a step."""

    def work(connection: Connection) -> None:
        number = edits.add(connection, run, changes, kind=edits.ENVIRONMENT)
        edits.set_step(connection, run, edit=number, step=step)

    playground.store.writer.do(work)


def compared(client: TestClient, *ids: int) -> str:
    return unescape(client.get(f"/compare?runs={','.join(map(str, ids))}").text)


def lines(html: str) -> list[tuple[str, float, int | None, int | None, int]]:
    found = json.loads(re.findall(r"references='([^']*)'", html)[0])
    return [
        (line["label"], round(line["value"], 9), line.get("from_step"), line.get("to_step"), line["run"])
        for line in found
    ]


def test_the_line_of_an_edited_world_begins_where_the_edit_took_effect(
    client: TestClient, playground: Playground
) -> None:
    one, other = (started(client, environment_config=OPEN) for _run in range(2))
    assert lines(compared(client, one, other)) == [("Optimum", 1.0, None, None, one)]
    edit(playground, other, 300, {"goal_reward": 2.0})
    html = compared(client, one, other)
    assert lines(html) == [
        (f"Optimum (#{one})", 1.0, None, None, one),
        (f"Optimum (#{other})", 1.0, None, 300, other),
        (f"Optimum (#{other})", 2.0, 300, None, other),
    ]
    assert "live in different worlds" in html


def test_an_axis_that_counts_sweeps_and_steps_says_so(client: TestClient) -> None:
    planner, learner = started(client, "value_iteration"), started(client)
    html = compared(client, planner, learner)
    assert f"sweeps for #{planner}, steps for #{learner}" in html
    assert 'step-unit="sweeps or steps"' in html
    assert "counts different things" not in compared(client, learner, started(client, "sarsa"))
