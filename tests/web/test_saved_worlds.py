"""Drawn worlds are checked, kept under a name, listed and deleted."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from app.web import saved_worlds, services
from app.web.services import Playground
from tests.web.conftest import API

DRAWN = {"name": "Two rooms", "environment_config": {"layout": "S..#.../...#..G/.......", "slip": 0.1}}


def test_a_drawn_world_is_saved_listed_and_deleted(client: TestClient) -> None:
    answer = client.post(f"{API}/environments", json=DRAWN)
    assert answer.status_code == 201, answer.text
    saved = answer.json()
    assert (saved["name"], saved["environment"]) == ("Two rooms", "gridworld")
    assert saved["environment_config"]["layout"] == DRAWN["environment_config"]["layout"]  # type: ignore[index]
    assert saved["environment_config"]["step_reward"] == -0.04
    (link,) = client.get(f"{API}/environments/gridworld").json()["saved"]
    assert link == {name: saved[name] for name in ("name", "created", "links")}, "names and links only"
    assert client.get(answer.headers["Location"]).json() == saved
    run = {"algorithm": "q_learning", "environment": "gridworld", "environment_config": saved["environment_config"]}
    assert client.post(f"{API}/runs", json=run).status_code == 201
    assert answer.headers["Location"] == f"{API}/environments/gridworld/saved/Two%20rooms"
    assert client.delete(answer.headers["Location"]).status_code == 204
    assert client.delete(answer.headers["Location"]).status_code == 404
    assert client.get(answer.headers["Location"]).status_code == 404
    assert client.get(f"{API}/environments/gridworld").json()["saved"] == []


def test_a_name_that_is_taken_is_replaced_only_when_asked(client: TestClient) -> None:
    other = {**DRAWN, "name": "Maze", "environment_config": {"layout": "S.G"}}
    assert client.post(f"{API}/environments", json={**DRAWN, "name": "Maze"}).status_code == 201
    assert client.post(f"{API}/environments", json={**DRAWN, "name": "Maze"}).status_code == 201, "the same again"
    refused = client.post(f"{API}/environments", json=other)
    assert refused.status_code == 409
    assert "another name" in refused.json()["detail"]
    assert client.post(f"{API}/environments", json={**other, "replace": True}).status_code == 201
    (link,) = client.get(f"{API}/environments/gridworld").json()["saved"]
    assert client.get(link["links"]["self"]).json()["environment_config"]["layout"] == "S.G"
    client.delete(link["links"]["self"])


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


def test_a_world_with_a_reward_on_every_cell_is_saved_and_can_be_used(client: TestClient) -> None:
    layout = "/".join(["S" + "." * 39, *["." * 40] * 38, "." * 39 + "G"])
    rewards = ";".join(f"{row},{col}:-0.12345678901" for row in range(40) for col in range(40))
    assert 20_000 < len(rewards) <= 40_000
    world = {"layout": layout, "rewards": rewards}
    saved = client.post(f"{API}/environments", json={"name": "Full", "environment_config": world})
    assert saved.status_code == 201, saved.text
    run = {
        "algorithm": "q_learning",
        "environment": "gridworld",
        "environment_config": saved.json()["environment_config"],
    }
    assert client.post(f"{API}/runs", json=run).status_code == 201
    again = client.post(f"{API}/environments", json={"name": "Full", "environment_config": run["environment_config"]})
    assert again.status_code == 201
    longer = {**world, "rewards": rewards + ";" * 40_000}
    refused = client.post(f"{API}/environments", json={"name": "Longer", "environment_config": longer})
    assert refused.status_code == 422
    assert "at most 40\u202f000 characters" in refused.json()["detail"]
    client.delete(saved.headers["Location"])


def test_play_opens_a_saved_world_with_all_its_options(client: TestClient) -> None:
    saved = client.post(f"{API}/environments", json={**DRAWN, "name": "Slippery"}).json()
    html = client.get(saved["links"]["play"]).text
    assert 'value="0.1"' in html
    assert "S..#.../...#..G/......." in html
    client.delete(saved["links"]["self"])
    assert client.get(saved["links"]["play"]).status_code == 404
    assert client.get("/?saved=Slippery").status_code == 404


def test_a_request_that_comes_twice_saves_once(client: TestClient) -> None:
    headers, body = {"Idempotency-Key": "save-1"}, {**DRAWN, "name": "Once"}
    first = client.post(f"{API}/environments", json=body, headers=headers)
    assert first.status_code == 201
    changed = {**DRAWN, "name": "Once", "environment_config": {"layout": "S.G"}, "replace": True}
    assert client.post(f"{API}/environments", json=changed).status_code == 201
    again = client.post(f"{API}/environments", json=body, headers=headers)
    assert (again.status_code, again.json()["environment_config"]["layout"]) == (201, "S.G"), "not saved a second time"
    other = client.post(f"{API}/environments", json={**body, "name": "Twice"}, headers=headers)
    assert other.status_code == 422
    assert "another body" in other.json()["detail"]
    client.delete(first.headers["Location"])
    assert client.post(f"{API}/environments", json=body, headers=headers).json()["environment_config"]["slip"] == 0.1
    client.delete(first.headers["Location"])


def test_there_is_an_end_to_what_is_kept(
    client: TestClient, playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer() -> Any:
        return client.post(f"{API}/environments", json={**DRAWN, "name": "Last"})

    with monkeypatch.context() as patched:
        patched.setattr(saved_worlds, "MAX_CHARS", 100)
        assert (answer().status_code, "together" in answer().json()["detail"]) == (409, True)
    with monkeypatch.context() as patched:
        patched.setattr(services, "free_bytes", lambda folder: -1)
        assert (answer().status_code, "free disk" in answer().json()["detail"]) == (409, True)
    assert client.get(f"{API}/environments/gridworld").json()["saved"] == []
