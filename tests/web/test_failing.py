"""A failed run says what a fork of it goes on from, or that there is nothing to fork, and leads to its recipe."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.testclient import TestClient

from app import catalog
from app.store import checkpoints, edits
from app.store import runs as run_rows
from app.store.records import Record
from app.training.checkpoints import write_checkpoint
from app.web import recipe
from app.web.services import Playground
from tests.web.conftest import API, CLIFF

REASON = "train/loss became inf at step 600: training diverged. Start a new run with a lower learning rate."


@pytest.fixture
def failed(client: TestClient, playground: Playground) -> dict[str, Any]:
    """A run that diverged at step 600 with nothing kept."""
    made: dict[str, Any] = client.post(f"{API}/runs", json={**CLIFF, "config": {"alpha": 0.75}}).json()

    def attempt(connection: Any) -> int:
        claimed = run_rows.claim(connection, made["id"])
        row = run_rows.get(connection, made["id"])
        return claimed or (row.attempt if row else 0)

    ends = [Record("state", {"state": state, "reason": reason, "step": 600}, {})
            for state, reason in (("running", ""), ("failed", REASON))]  # fmt: skip
    outcomes: list[str] = []
    playground.store.writer.submit(made["id"], playground.store.writer.do(attempt), ends, outcomes.append)
    playground.store.writer.do(lambda connection: None)
    assert outcomes == ["committed"]
    return made


def keep(playground: Playground, run: dict[str, Any], *saved: tuple[int, str]) -> None:
    for number, (step, kind) in enumerate(saved, start=1):
        name = f"{step}-{kind}-{number}"
        row = {"id": name, "step": step, "kind": kind, "size_bytes": 1, "files": {}}
        playground.store.writer.do(
            lambda connection, row=row: checkpoints.add(connection, run["id"], attempt=1, checkpoint=row)
        )
        folder = playground.store.run_folder(run["id"]) / "checkpoints" / name
        write_checkpoint(folder, {}, {"config": run["config"]})


def edit(playground: Playground, run: dict[str, Any], step: int, kind: str = edits.CONFIG) -> None:
    def work(connection: Any) -> None:
        made = edits.add(connection, run["id"], {"alpha": 1.0}, kind=kind)
        edits.set_step(connection, run["id"], edit=made, step=step)

    playground.store.writer.do(work)


def offer(client: TestClient, run: dict[str, Any]) -> str:
    """Return the checkpoint that a fork without a name takes; the page selects the same, and the reason names it."""
    made = client.post(f"{run['links']['self']}/fork", json={})
    assert made.status_code == 201, made.text
    checkpoint = str(made.json()["parent"]["checkpoint"])
    page = client.get(run["links"]["page"]).text
    assert re.findall(r'<option value="([^"]+)" selected>', page[page.index('id="fork-checkpoint"') :])[0] == checkpoint
    step, kind = checkpoint.split("-")[:2]
    sentence = f"A fork goes on from step {step} ({kind.replace('_', ' ')}), unless another checkpoint is chosen."
    assert client.get(run["links"]["self"]).json()["reason"] == f"{REASON} {sentence}"
    assert sentence in page
    return checkpoint


def test_a_fork_of_a_failed_run_undoes_its_newest_edit(
    client: TestClient, playground: Playground, failed: dict[str, Any]
) -> None:
    edit(playground, failed, 300)
    edit(playground, failed, 500)
    edit(playground, failed, 550, edits.ENVIRONMENT)
    keep(playground, failed, (100, "best"), (300, "before_edit"), (500, "before_edit"), (550, "before_edit"), (598, "auto"))  # fmt: skip
    assert offer(client, failed) == "500-before_edit-3"
    chosen = client.post(f"{failed['links']['self']}/fork", json={"checkpoint": "598-auto-5"})
    assert chosen.json()["parent"]["checkpoint"] == "598-auto-5", "any other can be chosen"


def test_a_fork_of_a_failed_run_without_an_edit_goes_on_from_the_best(
    client: TestClient, playground: Playground, failed: dict[str, Any]
) -> None:
    keep(playground, failed, (100, "best"), (598, "auto"))
    assert offer(client, failed) == "100-best-1"


def test_a_fork_of_a_failed_run_without_edit_and_best_goes_on_from_the_last(
    client: TestClient, playground: Playground, failed: dict[str, Any]
) -> None:
    keep(playground, failed, (300, "auto"), (598, "auto"))
    assert offer(client, failed) == "598-auto-2"


def test_a_run_that_did_not_fail_is_forked_from_its_last(client: TestClient, ended: dict[str, Any], playground: Playground) -> None:  # fmt: skip
    keep(playground, ended, (100, "best"), (1000, "final"))
    made = client.post(f"{ended['links']['self']}/fork", json={})
    assert made.json()["parent"]["checkpoint"] == "1000-final-2"


def test_a_run_that_failed_before_its_first_checkpoint_says_so_and_leads_to_its_recipe(
    client: TestClient, failed: dict[str, Any]
) -> None:
    reason = client.get(failed["links"]["self"]).json()["reason"]
    assert reason == f"{REASON} It kept no checkpoint, so there is nothing to fork from."
    page = client.get(failed["links"]["page"]).text
    assert reason in page
    assert "It ended before a checkpoint was kept" in page
    refused = client.post(f"{failed['links']['self']}/fork", json={})
    assert refused.status_code == 409
    (error,) = refused.json()["errors"]
    assert error["rule"] == "this run ended before it saved a state"
    assert error["way_out"].startswith("Start a new run, with a lower learning rate")
    (link,) = re.findall(r'<a href="(/\?[^"]+)">Its recipe, filled in</a>', page)
    choice = recipe.read(catalog, dict(parse_qsl(unescape(link).removeprefix("/?"))))
    request = choice.request()
    asked = catalog.resolve(
        request["algorithm"], request["environment"], config=request.get("config", {}),
        environment_config=request.get("environment_config", {}), preset=request.get("preset", ""),
        total_steps=request.get("total_steps"), seed=request["seed"],
    ).as_dict()  # fmt: skip
    assert asked["config"] == failed["config"]
    assert (asked["environment"], asked["total_steps"]) == (failed["environment"], failed["total_steps"])


def test_a_run_that_goes_on_is_asked_to_wait_for_its_first_checkpoint(client: TestClient, run: dict[str, Any]) -> None:
    refused = client.post(f"{run['links']['self']}/fork", json={})
    assert refused.json()["errors"][0]["way_out"] == "Wait a moment or start a new run."
