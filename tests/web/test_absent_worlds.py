"""What is not installed: folded away on Play with the reason, refused over REST with the command that installs it."""

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from app import catalog
from app.core.folders import GYMNASIUM_VARIABLE
from tests.web.conftest import API, CLIFF

ABSENT = "Absent-v1"
CACHED = (catalog.environments, catalog.absent, catalog._declared_environments, catalog.presets)


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The operator lists an environment that exists and one that does not."""
    monkeypatch.setenv(GYMNASIUM_VARIABLE, f"CartPole-v0,no_such_module:{ABSENT}")
    for cached in CACHED:
        cached.cache_clear()
    yield
    for cached in CACHED:
        cached.cache_clear()


def test_play_offers_what_is_there_and_says_why_the_rest_is_not(client: TestClient) -> None:
    html = client.get(f"/?environment={ABSENT}").text
    assert re.search(r'<input[^>]*value="CartPole-v0"', html)
    assert not re.search(rf'<input[^>]*value="{ABSENT}"', html)
    fold = html[html.index('id="fold-absent"') :]
    assert f"{ABSENT}</span>" in fold
    assert "Cannot be opened here: No module named" in fold
    assert f"{ABSENT} cannot be opened here" in html[: html.index('id="fold-absent"')], "the notice says so as well"


def test_a_run_in_what_is_not_there_is_refused_with_the_way_out(client: TestClient) -> None:
    response = client.post(f"{API}/runs", json={**CLIFF, "algorithm": "ppo", "environment": ABSENT})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["where"] == "environment"
    assert "gymnasium_ids" in error["way_out"]
    assert client.get(f"{API}/environments/{ABSENT}").status_code == 404


def test_what_is_there_can_be_read_and_run(client: TestClient) -> None:
    assert client.get(f"{API}/environments/CartPole-v0").json()["max_episode_steps"] == 200
    assert client.get("/learn/environments/CartPole-v0").status_code == 200
    response = client.post(f"{API}/runs", json={"algorithm": "ppo", "environment": "CartPole-v0", "total_steps": 100})
    assert response.status_code == 201
    assert client.get(f"/runs/{response.json()['id']}").status_code == 200


def test_a_browser_cannot_name_a_module(client: TestClient) -> None:
    for name in ("no_such_module:Thing-v0", "CartPole-v0:CartPole-v0"):
        body = {"algorithm": "ppo", "environment": name, "total_steps": 100}
        assert client.post(f"{API}/runs", json=body).status_code == 422


@pytest.mark.parametrize("name", [spec.id for spec in catalog.environments().values() if spec.kind == "continuous"])
def test_every_continuous_world_has_its_page(client: TestClient, name: str) -> None:
    for address in (f"/learn/environments/{name}", f"/?environment={name}"):
        html = client.get(address).text
        assert f"{catalog.environment(name).name}" in html
        assert '<svg class="scene"' in html
