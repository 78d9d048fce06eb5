"""Forks over REST: what they continue from, what they may change."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app import catalog
from app.core.errors import InvalidInput, Refused
from app.core.specs import AlgorithmSpec
from app.protocol.runs import ForkRequest
from app.store import checkpoints, events
from app.training.checkpoints import write_checkpoint
from app.web.services import Playground
from tests.web.conftest import API, close, make_playground, recorded


@pytest.fixture
def parent(playground: Playground, ended: dict[str, Any]) -> dict[str, Any]:
    """An ended run whose checkpoints lie on the disk: one before an edit at step 400, one after it, one at the end."""
    id = ended["id"]

    def work(connection: Any) -> None:
        for name, step, kind in (("400-before_edit-1", 400, "before_edit"), ("400-requested-2", 400, "requested")):
            saved = {"id": name, "step": step, "kind": kind, "size_bytes": 1, "files": {}}
            checkpoints.add(connection, id, attempt=1, checkpoint=saved)

    playground.store.writer.do(work)
    for name, alpha in (("400-before_edit-1", 0.5), ("400-requested-2", 0.125), ("1000-final-1", 0.125)):
        folder = playground.store.run_folder(id) / "checkpoints" / name
        write_checkpoint(folder, {"w": np.zeros(1)}, {"config": {**ended["config"], "alpha": alpha}})
    return ended


def fork(client: TestClient, parent: dict[str, Any], **body: Any) -> Any:
    return client.post(f"{parent['links']['self']}/fork", json=body)


def test_a_fork_says_where_it_came_from(client: TestClient, parent: dict[str, Any]) -> None:
    response = fork(client, parent, checkpoint="400-requested-2", config={"epsilon": 0.3}, name="other")
    assert response.status_code == 201
    made = response.json()
    assert made["parent"] == {"run": parent["id"], "checkpoint": "400-requested-2"}
    assert (made["name"], made["seed"], made["total_steps"]) == ("other", parent["seed"], parent["total_steps"])
    assert made["config"]["epsilon"] == 0.3
    assert response.headers["Location"] == f"{API}/runs/{made['id']}"


def test_a_fork_starts_with_the_configuration_of_its_checkpoint(client: TestClient, parent: dict[str, Any]) -> None:
    assert fork(client, parent, checkpoint="400-requested-2").json()["config"]["alpha"] == 0.125
    assert fork(client, parent, checkpoint="400-before_edit-1").json()["config"]["alpha"] == 0.5


def test_an_edit_is_undone_by_one_click_that_forks_from_before_it(
    playground: Playground, client: TestClient, parent: dict[str, Any]
) -> None:
    page = f"/runs/{parent['id']}"
    edit = {"step": 400, "event": "edit", "text": "alpha: 0.5 → 0.125", "data": {"id": 1, "config": {"alpha": 0.125}}}
    playground.store.writer.do(lambda connection: events.add(connection, parent["id"], attempt=1, event=edit))
    log = client.get(f"{page}/parts/events").text
    (form,) = re.findall(r"<form.*?</form>", log, re.DOTALL)
    assert "undo by a fork" in form
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert fields["checkpoint"] == "400-before_edit-1"
    answer = client.post(f"{page}/fork", data=fields, follow_redirects=False)
    made = client.get(f"{API}{answer.headers['Location']}").json()
    assert (answer.status_code, made["config"]["alpha"]) == (303, 0.5)
    assert (
        client.post(f"{page}/fork", data=fields, follow_redirects=False).headers["Location"]
        == answer.headers["Location"]
    )


def test_a_form_left_empty_forks_what_the_checkpoint_holds(client: TestClient, parent: dict[str, Any]) -> None:
    page = f"/runs/{parent['id']}"
    menu = client.get(page).text
    menu = menu[menu.index('id="fork-menu"') :]
    fields = dict.fromkeys(re.findall(r'name="(config\.[a-z_]+)"', menu), "")
    assert "config.alpha" in fields
    assert "config.gamma" in fields  # not live, and yet a fork may change it
    assert "config.initial_q" not in fields  # the table is in the checkpoint
    form = {**fields, "checkpoint": "400-before_edit-1", "config.epsilon": "0.25", "seed": "9", "name": "undone"}
    answer = client.post(f"{page}/fork", data=form, follow_redirects=False)
    assert answer.status_code == 303
    made = client.get(f"{API}{answer.headers['Location']}").json()
    assert (made["config"]["alpha"], made["config"]["epsilon"]) == (0.5, 0.25)
    assert (made["seed"], made["name"]) == (9, "undone")


def test_a_refused_fork_comes_back_open_with_what_was_typed(client: TestClient, parent: dict[str, Any]) -> None:
    page = f"/runs/{parent['id']}"
    form = {"checkpoint": "400-before_edit-1", "config.epsilon": "9", "name": "kept", "total_steps": "2000"}
    refused = client.post(f"{page}/fork", data=form)
    assert refused.status_code == 422
    menu = refused.text[refused.text.index('<section class="panel-menu" id="fork-menu"') :]  # open without script
    assert all(f'value="{typed}"' in menu for typed in ("9", "kept", "2000"))
    assert '<option value="400-before_edit-1" selected>' in menu
    assert refused.text.count("must be ≤ 1") == 1, "said once, beside the input"
    assert client.get(f"{page}/fork", follow_redirects=False).headers["location"] == page
    gone = client.post(f"{page}/fork", data={**form, "checkpoint": "7-gone-1", "config.epsilon": "0.2"})
    assert gone.status_code == 422
    assert "there is no such checkpoint" in gone.text
    assert 'value="kept"' in gone.text


def test_a_second_click_on_fork_leads_to_the_same_run(client: TestClient, parent: dict[str, Any]) -> None:
    page = f"/runs/{parent['id']}"
    nonces = re.findall(r'name="nonce" value="([^"]+)"', client.get(page).text)
    assert len(nonces) >= 2  # one in the menu, one at each checkpoint
    form = {"nonce": nonces[0], "checkpoint": "400-requested-2"}
    first, second = (client.post(f"{page}/fork", data=form, follow_redirects=False) for _click in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    other = client.post(f"{page}/fork", data={**form, "seed": "5"}, follow_redirects=False)
    assert other.headers["Location"] != first.headers["Location"]


def test_a_repeated_fork_with_a_key_makes_one_run(client: TestClient, parent: dict[str, Any]) -> None:
    address, key = f"{parent['links']['self']}/fork", {"Idempotency-Key": f"fork-{parent['id']}"}
    first, second = (client.post(address, json={}, headers=key) for _time in range(2))
    assert (first.status_code, first.json()["id"]) == (201, second.json()["id"])
    other = client.post(address, json={"seed": 4}, headers=key)
    assert other.json()["errors"][0]["where"] == "Idempotency-Key"


def test_a_fork_waits_in_the_same_bounded_queue(tmp_path: Path) -> None:
    playground = make_playground(tmp_path, max_queued=1)
    playground._load()  # the catalogue alone: nothing takes runs from the queue
    playground.jobs.submit = lambda run: None  # type: ignore[method-assign]
    try:
        parent = recorded(playground, playground.run)
        folder = playground.store.run_folder(parent.id) / "checkpoints" / "1000-final-1"
        write_checkpoint(folder, {"w": np.zeros(1)}, {"config": parent.config})
        playground.fork(parent.id, ForkRequest())
        with pytest.raises(Refused, match="queue"):
            playground.fork(parent.id, ForkRequest())
    finally:
        close(playground)


def test_a_damaged_checkpoint_is_refused(client: TestClient, parent: dict[str, Any], playground: Playground) -> None:
    manifest = playground.store.run_folder(parent["id"]) / "checkpoints" / "400-requested-2" / "manifest.json"
    manifest.write_text("{}")
    refused = fork(client, parent, checkpoint="400-requested-2")
    assert refused.status_code == 422
    assert "damaged" in refused.json()["detail"]


def test_a_fork_at_the_end_gets_a_budget_of_its_own(client: TestClient, parent: dict[str, Any]) -> None:
    made = fork(client, parent, checkpoint="1000-final-1").json()
    assert made["total_steps"] == 2000
    refused = fork(client, parent, checkpoint="1000-final-1", total_steps=1000)
    assert refused.status_code == 422
    assert "already" in refused.json()["detail"]


def test_a_fork_changes_only_what_may_change(client: TestClient, parent: dict[str, Any]) -> None:
    assert fork(client, parent, config={"alpha": 3}).status_code == 422
    assert fork(client, parent, config={"nonsense": 3}).status_code == 422


def test_a_fork_may_change_what_is_not_live(client: TestClient, parent: dict[str, Any]) -> None:
    made = fork(client, parent, config={"gamma": 0.5, "epsilon_schedule": "linear"}).json()
    assert (made["config"]["gamma"], made["config"]["epsilon_schedule"]) == (0.5, "linear")


def test_what_the_checkpoint_has_settled_is_refused_by_name(client: TestClient, parent: dict[str, Any]) -> None:
    kept = parent["config"]["initial_q"]
    refused = fork(client, parent, config={"initial_q": kept + 1})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["where"] == "config.initial_q"
    assert "new run" in refused.json()["errors"][0]["way_out"]
    assert fork(client, parent, config={"initial_q": kept}).status_code == 201


@pytest.mark.parametrize("spec", catalog.algorithms().values(), ids=lambda spec: spec.id)
def test_an_agent_goes_on_from_a_state_made_with_other_values_of_what_is_not_settled(spec: AlgorithmSpec) -> None:
    smoke = spec.smoke
    wanted: dict[str, Any] = {
        "environment_config": dict(smoke.environment_config),
        "total_steps": smoke.total_steps,
        "seed": 0,
    }

    def agent(**changes: Any) -> Any:
        config = {**smoke.config, **changes}
        return catalog.build(catalog.resolve(spec.id, smoke.environment, config=config, **wanted))[3]

    first = agent()
    first.update(300)
    state, config = first.state(), first.config
    for name in spec.config.model_fields:
        if name not in spec.config.settled_names():
            other = agent(**{name: other_value(config, name)})
            other.load(state)
            other.update(300)


def other_value(config: Any, name: str) -> Any:
    """Return another allowed value of one hyperparameter."""
    now = getattr(config, name)
    hyper = type(config).model_json_schema()["properties"][name]["hyper"]
    if isinstance(now, bool):
        candidates: list[Any] = [not now]
    elif isinstance(now, str):
        candidates = [*hyper["choices"], "16"]
    else:
        candidates = [now * 2, now // 2 if isinstance(now, int) else now / 2, now + 1, 1 - now]
    for candidate in candidates:
        try:
            if candidate != now:
                config.edited({name: candidate})
                return candidate
        except InvalidInput:
            continue
    raise AssertionError(f"no other value of {name}")


def test_an_unknown_checkpoint_is_missing(client: TestClient, parent: dict[str, Any]) -> None:
    assert fork(client, parent, checkpoint="5-auto-1").status_code == 404
    assert fork(client, parent, checkpoint="../../etc").status_code == 422


def test_a_run_without_saved_state_cannot_be_forked(client: TestClient, run: dict[str, Any]) -> None:
    assert fork(client, run).status_code == 409


def test_a_run_of_older_code_cannot_be_forked(
    client: TestClient, parent: dict[str, Any], playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    catalog = playground.catalog()
    newer = replace(catalog.algorithm("q_learning"), version=99)
    monkeypatch.setattr(catalog, "algorithm", lambda name: newer)
    refused = fork(client, parent)
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["where"] == "algorithm_version"
