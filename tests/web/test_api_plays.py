"""Episodes are played again over REST, in a real process."""

from typing import Any

from starlette.testclient import TestClient

from tests.web.conftest import API


def test_an_episode_is_played_from_its_start_by_its_rules(client: TestClient, ended: dict[str, Any]) -> None:
    episode = f"{ended['links']['episodes']}/1"
    assert client.post(f"{API}/plays/never-begun/steps", json={"actions": [0]}).status_code == 404
    assert client.delete(f"{API}/plays/never-begun").status_code == 204
    begun = client.post(f"{episode}/plays")
    made = begun.json()
    assert (begun.status_code, begun.headers["Location"]) == (201, f"{API}/plays/{made['id']}")
    assert (made["states"], made["drawing"], made["layout"]["cols"]) == ([[36.0]], "grid", 12)
    assert {control["key"]: control["name"] for control in made["controls"]}["ArrowUp"] == "Up"
    steps = f"{API}/plays/{made['id']}/steps"
    reached = client.post(steps, json={"actions": [0, 1]}).json()
    assert reached["states"] == [[24.0], [25.0]]
    assert (reached["return"], reached["length"], reached["terminated"]) == (-2.0, 2, False)
    refused = client.post(steps, json={"actions": [4]})
    assert (refused.status_code, "0 … 3" in refused.json()["detail"]) == (422, True)
    assert client.post(steps, json={"actions": []}).status_code == 422
    assert client.post(steps, json={"actions": [[0.5]]}).status_code == 422
    assert client.delete(f"{API}/plays/{made['id']}").status_code == 204
    assert client.post(steps, json={"actions": [0]}).status_code == 404
    assert client.get(f"{episode}/images").status_code == 409
    assert client.post(f"{ended['links']['episodes']}/99/plays").status_code == 404
