"""The exact solution over REST: numbers by hand, refusals in words, and quick on the largest grid.

Covers app/web/solving.py and app/web/api_solutions.py.
"""

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

PATH = "/api/v1/environments/gridworld/solution"


def solve(client: TestClient, gamma: float = 0.5, **options: Any) -> dict[str, Any]:
    response = client.post(PATH, json={"environment_config": options, "gamma": gamma})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_values_and_actions_by_hand(client: TestClient) -> None:
    found = solve(client, layout="S.G\n#..", step_reward=0.0)
    assert found["v"] == pytest.approx([0.5, 1.0, 0.0, 0.0, 0.5, 1.0])
    assert found["policy"] == [[1], [1], [], [], [0, 1], [0]]
    assert found["reachable"] == [True, True, False, False, True, True]
    assert found["start_value"] == pytest.approx(0.5)
    assert found["layout"] == {"rows": 2, "cols": 3, "cells": "S.G#.."}
    assert found["environment_config"]["layout"] == "S.G/#.."


def test_cells_behind_walls_are_not_reachable(client: TestClient) -> None:
    found = solve(client, layout="S.G/###/...")
    assert found["reachable"][6:] == [False, False, False]
    assert found["policy"][6:] == [[], [], []]


def test_free_steps_at_gamma_one_still_lead_to_the_goal(client: TestClient) -> None:
    found = solve(client, 1.0, layout="S..G", step_reward=0.0)
    assert found["v"][:3] == pytest.approx([1.0, 1.0, 1.0])
    assert found["policy"][:3] == [[1], [1], [1]], "all actions are worth 1; only these ever arrive"


@pytest.mark.parametrize(
    ("options", "gamma", "where", "words"),
    [
        ({"layout": "S#G"}, 0.9, "environment_config.layout", "no goal can be reached"),
        ({"layout": "S.G/."}, 0.9, "environment_config.layout", "make all rows equally long"),
        ({"layout": "/".join(["." * 41] * 41)}, 0.9, "environment_config.layout", "at most 40 by 40"),
        ({"layout": "S.G", "slip": 1.2}, 0.9, "environment_config.slip", "must be ≤ 1"),
        ({"layout": "S.G", "rewards": "0,1:1"}, 1.0, "config.gamma", "grow without end"),
        ({"layout": "S.G/#v#/#v#/#v#"}, 1.0, "config.gamma", "cannot reach an end"),
        ({"layout": "S.G"}, 1.5, "gamma", "must be ≤ 1"),
    ],
)
def test_what_cannot_be_solved_is_said_in_words(
    client: TestClient, options: dict[str, Any], gamma: float, where: str, words: str
) -> None:
    response = client.post(PATH, json={"environment_config": options, "gamma": gamma})
    assert response.status_code == 422
    fault = response.json()["errors"][0]
    assert fault["where"] == where
    assert words in fault["rule"]
    assert fault["way_out"]


def test_an_editor_is_answered_with_the_faults_of_an_unfinished_drawing(client: TestClient) -> None:
    body = {"environment_config": {"layout": "S..", "slip": 2}, "gamma": 0.9, "explain": True}
    response = client.post(PATH, json=body)
    assert response.status_code == 200
    answer = response.json()
    assert [fault["where"].split(".")[1] for fault in answer["faults"]] == ["layout", "slip"]
    assert answer["v"] == []
    assert client.post("/api/v1/environments/nowhere/solution", json={"explain": True}).status_code == 404


def test_only_tables_are_solved(client: TestClient) -> None:
    answer = client.post("/api/v1/environments/CartPole-v1/solution", json={})
    assert answer.status_code == 422
    assert "no table of states" in answer.json()["detail"]
    assert client.post("/api/v1/environments/nowhere/solution", json={}).status_code == 404


def test_the_largest_grid_is_solved_while_one_draws(client: TestClient) -> None:
    rows = ["." * 40] * 40
    rows[0], rows[-1] = "S" + rows[0][1:], rows[-1][1:] + "G"
    options: dict[str, Any] = {"layout": "/".join(rows), "slip": 0.1}
    solve(client, **options)
    started = time.perf_counter()
    solve(client, **(options | {"rewards": "3,3:-1"}))
    assert time.perf_counter() - started < 1.0, "measured: 0.03 s"
