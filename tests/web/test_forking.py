"""Forks over REST: what they continue from, what they may change."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from app.store import checkpoints, edits
from app.web.services import Playground
from tests.web.conftest import API


@pytest.fixture
def parent(playground: Playground, ended: dict[str, Any]) -> dict[str, Any]:
    """An ended run whose checkpoints lie on the disk: one before an edit at step 400, one after it, one at the end."""
    id = ended["id"]

    def work(connection: Any) -> None:
        edit = edits.add(connection, id, {"alpha": 0.125})
        edits.set_step(connection, id, edit=edit, step=400)
        for name, step, kind in (("400-before_edit-1", 400, "before_edit"), ("400-requested-2", 400, "requested")):
            saved = {"id": name, "step": step, "kind": kind, "size_bytes": 1, "files": {}}
            checkpoints.add(connection, id, attempt=1, checkpoint=saved)

    playground.store.writer.do(work)
    for name in ("400-before_edit-1", "400-requested-2", "1000-final-1"):
        folder = playground.store.run_folder(id) / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
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


def test_a_fork_holds_the_edits_made_before_its_checkpoint(client: TestClient, parent: dict[str, Any]) -> None:
    assert fork(client, parent, checkpoint="400-requested-2").json()["config"]["alpha"] == 0.125
    undone = fork(client, parent, checkpoint="400-before_edit-1").json()
    assert undone["config"]["alpha"] != 0.125


def test_a_fork_at_the_end_gets_a_budget_of_its_own(client: TestClient, parent: dict[str, Any]) -> None:
    made = fork(client, parent, checkpoint="1000-final-1").json()
    assert made["total_steps"] == 2000
    refused = fork(client, parent, checkpoint="1000-final-1", total_steps=1000)
    assert refused.status_code == 422
    assert "already" in refused.json()["detail"]


def test_a_fork_changes_only_what_may_change(client: TestClient, parent: dict[str, Any]) -> None:
    assert fork(client, parent, config={"alpha": 3}).status_code == 422
    assert fork(client, parent, config={"nonsense": 3}).status_code == 422


def test_what_is_fixed_in_an_agent_is_refused_by_name() -> None:
    from app import catalog
    from app.core.errors import InvalidInput
    from app.web.forking import check_live

    spec = catalog.algorithm("ppo")
    fixed = next(name for name in spec.config.model_fields if name not in spec.config.live_names())
    with pytest.raises(InvalidInput, match=f"config.{fixed}"):
        check_live(spec, {fixed: 1})
    check_live(spec, dict.fromkeys(spec.config.live_names()))


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
