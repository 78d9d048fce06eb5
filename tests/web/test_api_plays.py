"""Episodes are played again over REST, in a real process; keys follow from what an environment declares."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from app import catalog
from app.web.playing import controls_of
from tests.web.conftest import API


def test_an_episode_is_played_from_its_start_by_its_rules(client: TestClient, ended: dict[str, Any]) -> None:
    episode = f"{ended['links']['episodes']}/1"
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


@pytest.mark.parametrize("spec", catalog.environments().values(), ids=lambda spec: spec.id)
def test_every_action_has_a_key_of_its_own(spec: Any) -> None:
    if spec.missing() is not None or spec.kind == "language":
        return
    world = spec.make(spec.config())
    controls = controls_of(spec, world)
    keys = [control.key for control in controls]
    assert len(set(keys)) == len(keys)
    if world.action_bounds is None:
        idle = [spec.keys.index("")] if "" in spec.keys else []
        assert sorted([*(control.action for control in controls), *idle]) == list(range(world.n_actions))
    else:
        assert [(control.action, control.value) for control in controls] == [
            (place, value) for place, bounds in enumerate(world.action_bounds.tolist()) for value in bounds
        ]
