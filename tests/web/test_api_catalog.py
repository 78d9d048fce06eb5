"""Health, algorithms and environments over REST."""

import pytest
from starlette.testclient import TestClient

from app import catalog
from tests.web.conftest import API


def test_health_says_only_that_it_lives(outside: TestClient) -> None:
    assert outside.get(f"{API}/health").json() == {"status": "ok"}


def test_every_algorithm_is_listed_with_what_it_fits(client: TestClient) -> None:
    listed = {item["id"]: item for item in client.get(f"{API}/algorithms").json()["items"]}
    assert list(listed) == list(catalog.algorithms())
    q_learning = listed["q_learning"]
    assert "CliffWalking-v1" in q_learning["fits"]
    assert "continuous" in q_learning["misfits"]["CartPole-v1"]
    assert q_learning["config_schema"]["properties"]["alpha"]["hyper"]["symbol"] == "\\alpha"
    assert set(q_learning["live"].values()) <= {"step", "update", "episode"}
    assert "\\tag{1}" in q_learning["equations"]


def test_an_algorithm_names_its_presets(client: TestClient) -> None:
    presets = client.get(f"{API}/algorithms/ppo").json()["presets"]
    assert all(preset["source"] for preset in presets)
    assert {(preset["environment"], preset["name"]) for preset in presets} == {
        (environment, name)
        for (algorithm, environment), named in catalog.presets().items()
        if algorithm == "ppo"
        for name in named
    }


def test_every_environment_is_listed_with_its_spaces(client: TestClient) -> None:
    listed = {item["id"]: item for item in client.get(f"{API}/environments").json()["items"]}
    assert list(listed) == list(catalog.environments())
    assert listed["CliffWalking-v1"]["n_states"] == 48
    assert len(listed["CliffWalking-v1"]["actions"]) == 4
    assert listed["CartPole-v1"]["n_states"] is None
    assert listed["CartPole-v1"]["observation_size"] == 4
    one = client.get(f"{API}/environments/CartPole-v1").json()
    assert one == listed["CartPole-v1"]


@pytest.mark.parametrize(
    "path", ["algorithms/xyzzy", "environments/xyzzy", "algorithms/CartPole-v1", "algorithms/" + "x" * 64]
)
def test_an_unknown_name_is_missing_and_near_ones_are_named(client: TestClient, path: str) -> None:
    response = client.get(f"{API}/{path}")
    assert response.status_code == 404
    assert "Known:" in response.json()["errors"][0]["way_out"]
