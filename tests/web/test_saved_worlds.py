"""Drawn worlds are checked, kept under a name, listed and deleted."""

from starlette.testclient import TestClient

from tests.web.conftest import API

DRAWN = {"name": "Two rooms", "environment_config": {"layout": "S..#.../...#..G/.......", "slip": 0.1}}


def test_a_drawn_world_is_saved_listed_and_deleted(client: TestClient) -> None:
    answer = client.post(f"{API}/environments", json=DRAWN)
    assert answer.status_code == 201, answer.text
    saved = answer.json()
    assert (saved["name"], saved["environment"]) == ("Two rooms", "gridworld")
    assert saved["environment_config"]["layout"] == DRAWN["environment_config"]["layout"]  # type: ignore[index]
    assert saved["environment_config"]["step_reward"] == -0.04
    assert client.get(f"{API}/environments/gridworld").json()["saved"] == [saved]
    run = {"algorithm": "q_learning", "environment": "gridworld", "environment_config": saved["environment_config"]}
    assert client.post(f"{API}/runs", json=run).status_code == 201
    assert answer.headers["Location"] == f"{API}/environments/gridworld/saved/Two%20rooms"
    assert client.delete(answer.headers["Location"]).status_code == 204
    assert client.delete(answer.headers["Location"]).status_code == 404
    assert client.get(f"{API}/environments/gridworld").json()["saved"] == []


def test_a_name_that_is_taken_is_replaced_only_when_asked(client: TestClient) -> None:
    other = {**DRAWN, "name": "Maze", "environment_config": {"layout": "S.G"}}
    assert client.post(f"{API}/environments", json={**DRAWN, "name": "Maze"}).status_code == 201
    assert client.post(f"{API}/environments", json={**DRAWN, "name": "Maze"}).status_code == 201, "the same again"
    refused = client.post(f"{API}/environments", json=other)
    assert refused.status_code == 409
    assert "another name" in refused.json()["detail"]
    assert client.post(f"{API}/environments", json={**other, "replace": True}).status_code == 201
    (kept,) = client.get(f"{API}/environments/gridworld").json()["saved"]
    assert kept["environment_config"]["layout"] == "S.G"


def test_a_world_that_cannot_be_is_refused_with_the_reason(client: TestClient) -> None:
    for config, said in (
        ({"layout": "S#G"}, "no goal can be reached"),
        ({"slip": 3}, "must be ≤ 1"),
        ({"x": 1}, "unknown name"),
    ):
        answer = client.post(f"{API}/environments", json={**DRAWN, "environment_config": config})
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
    for name in ("", "   ", "..", "a/b", "x" * 61, "a\x01"):
        assert client.post(f"{API}/environments", json={**DRAWN, "name": name}).status_code == 422
