"""The language lab: stages start from each other's models, and the page shows the tree of what came from what."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.core.folders import MODELS_VARIABLE
from app.jobs import launching, lineage
from app.protocol.runs import RunCreate
from app.store import checkpoints
from app.store import runs as run_rows
from app.training.checkpoints import write_checkpoint
from app.web.services import Playground
from tests.web.conftest import API

SAVED = "55-final-1"
SIZES = {"d_model": 16, "n_layers": 1, "n_heads": 2}


def saved(playground: Playground, algorithm: str, **config: Any) -> int:
    """Return a run of a stage with a checkpoint on the disk."""
    body = RunCreate(algorithm=algorithm, environment="sort_digits", config={**SIZES, **config}, name="taught")
    made = playground.create_run(body)
    facts = {"id": SAVED, "step": 55, "kind": "final", "size_bytes": 1, "files": {}}
    playground.store.writer.do(
        lambda connection: checkpoints.add(connection, made.id, attempt=made.attempt, checkpoint=facts)
    )
    folder = playground.store.run_folder(made.id) / "checkpoints" / SAVED
    meta = {"config": made.config, "algorithm": algorithm, "environment_config": made.environment_config}
    write_checkpoint(folder, {"w": np.zeros(1)}, meta)
    return made.id


@pytest.fixture
def taught(playground: Playground, client: TestClient) -> int:
    """A run of supervised fine-tuning."""
    return saved(playground, "sft")


def row_of(playground: Playground, run: int) -> Any:
    with playground.store.read() as connection:
        return run_rows.get(connection, run)


def test_a_fork_into_another_stage_starts_anew_from_the_model(
    playground: Playground, client: TestClient, taught: int
) -> None:
    made = client.post(f"{API}/runs/{taught}/fork", json={"algorithm": "grpo_language", "config": {"beta": 0.1}}).json()
    assert (made["algorithm"], made["environment"], made["step"]) == ("grpo_language", "sort_digits", 0)
    assert made["parent"] == {"run": taught, "checkpoint": SAVED}
    assert made["config"]["beta"] == 0.1
    assert {name: made["config"][name] for name in SIZES} == SIZES, "the model's sizes are those of the source"
    row, folder = row_of(playground, made["id"]), playground.store.run_folder(made["id"])
    kept = lineage.parent_checkpoint_folder(folder, SAVED)
    assert lineage.origin_of(row, folder) == str(kept)
    with playground.store.read() as connection:
        assert launching.start_points(connection, row, folder) == [None], "its state is not resumed"


def test_a_fork_of_the_same_stage_resumes_its_state(playground: Playground, client: TestClient, taught: int) -> None:
    made = client.post(f"{API}/runs/{taught}/fork", json={"total_steps": 99}).json()
    row, folder = row_of(playground, made["id"]), playground.store.run_folder(made["id"])
    assert lineage.origin_of(row, folder) is None
    with playground.store.read() as connection:
        kept = lineage.parent_checkpoint_folder(folder, SAVED)
        assert launching.start_points(connection, row, folder) == [str(kept)]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"algorithm": "q_learning"}, "algorithm"),
        ({"algorithm": "grpo_language", "config": {"d_model": 32}}, "config.d_model"),
        ({"preset": "tuned"}, "preset"),
        ({"algorithm": "nonsense"}, "algorithm"),
    ],
)
def test_what_cannot_start_from_a_model_is_refused_with_the_reason(
    client: TestClient, taught: int, body: dict[str, Any], where: str
) -> None:
    refused = client.post(f"{API}/runs/{taught}/fork", json=body)
    assert refused.status_code in (404, 422)
    (error,) = refused.json()["errors"]
    assert error["where"] == where
    assert error["way_out"]


def test_the_page_leads_from_a_run_to_the_next_stage(client: TestClient, taught: int) -> None:
    text = client.get(f"/language?task=sort_digits&from={taught}").text
    assert 'aria-current="page">Language</a>' in text
    stage = text[text.index('id="stage-grpo_language"') :]
    stage = stage[: stage.index("</li>")]
    assert f'<option value="{taught}:{SAVED}" selected>' in stage
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', stage))
    answer = client.post("/language/stages", data={**fields, "origin": f"{taught}:{SAVED}"}, follow_redirects=False)
    assert answer.status_code == 303
    made = client.get(f"{API}{answer.headers['Location']}").json()
    assert made["parent"] == {"run": taught, "checkpoint": SAVED}
    again = client.post("/language/stages", data={**fields, "origin": f"{taught}:{SAVED}"}, follow_redirects=False)
    assert again.headers["Location"] == answer.headers["Location"], "a second click starts nothing"
    tree = client.get("/language?task=sort_digits", headers={"HX-Request": "true"}).text
    assert tree.lstrip().startswith('<div id="runs"')
    row = tree[tree.index(f'data-run="{made["id"]}"') :]
    assert f"from #{taught}:" in row[: row.index("</tr>")]


def test_a_refused_stage_says_why_on_the_page(client: TestClient, taught: int) -> None:
    refused = client.post(
        "/language/stages", data={"task": "sort_digits", "stage": "sft", "origin": "", "total_steps": "0"}
    )
    assert refused.status_code == 422
    assert "total_steps" in refused.text
    gone = client.post(
        "/language/stages", data={"task": "sort_digits", "stage": "grpo_language", "origin": f"{taught}:7-gone-1"}
    )
    assert gone.status_code == 422
    assert "there is no such checkpoint" in gone.text
    assert client.get("/language?task=CartPole-v1").status_code == 404


def test_the_price_of_divergence_is_typed_where_a_stage_has_one_and_a_refused_one_stays(
    playground: Playground, client: TestClient, taught: int
) -> None:
    form = {"task": "sort_digits", "stage": "dpo", "origin": f"{taught}:{SAVED}", "config.beta": "0.3"}
    page = client.get("/language?task=sort_digits").text
    assert 'id="beta-dpo"' in page
    assert 'id="beta-sft"' not in page
    place = client.post("/language/stages", data=form, follow_redirects=False).headers["location"]
    assert row_of(playground, int(place.rsplit("/", 1)[-1])).config["beta"] == 0.3
    for wrong, rule in (("0", "must be &gt; 0"), ("-1", "must be &gt; 0"), ("much", "must be a number")):
        refused = client.post("/language/stages", data={**form, "config.beta": wrong})
        assert refused.status_code == 422
        assert rule in refused.text
        assert f'name="config.beta" inputmode="decimal" placeholder="0.1" value="{wrong}"' in refused.text


def test_settings_beyond_the_form_are_offered_and_a_run_says_in_what_it_departs_from_the_usual(
    playground: Playground, client: TestClient, taught: int
) -> None:
    page = client.get("/language?task=sort_digits").text
    card = page[page.index('id="stage-dpo"') : page.index('id="stage-ipo"')]
    assert 'name="config.pairs"' in card
    assert "online, as usual" in card
    assert 'name="config.d_model"' not in card, "a model that was trained has settled its sizes"
    form = {"task": "sort_digits", "stage": "dpo", "origin": f"{taught}:{SAVED}", "config.pairs": "offline"}
    made = client.post("/language/stages", data={**form, "config.beta": "0.3"}, follow_redirects=False)
    place = made.headers["location"]
    row = row_of(playground, int(place.rsplit("/", 1)[-1]))
    assert (row.config["pairs"], row.config["beta"]) == ("offline", 0.3)
    tree = client.get("/language?task=sort_digits", headers={"HX-Request": "true"}).text
    line = tree[tree.index(f'href="{place}"') :]
    told = line[: line.index("</th>")]
    assert "beta=0.3" in told
    assert "d_model=16" in told


def test_a_refusal_leaves_the_starts_of_the_other_stages_as_they_were(client: TestClient, taught: int) -> None:
    def chosen(text: str) -> list[str]:
        return re.findall(r'<option value="([^"]*)" selected>', text)

    form = {"task": "sort_digits", "stage": "grpo_language", "origin": "", "config.beta": "-1"}
    before = chosen(client.get("/language?task=sort_digits").text)
    refused = client.post("/language/stages", data={**form, "origin": f"{taught}:{SAVED}"})
    assert refused.status_code == 422
    assert chosen(refused.text) == before


def test_the_tree_names_each_run_by_its_stage_unless_it_was_given_a_name(client: TestClient, taught: int) -> None:
    form = {"task": "sort_digits", "stage": "dpo", "origin": f"{taught}:{SAVED}"}
    place = client.post("/language/stages", data=form, follow_redirects=False).headers["location"]
    assert client.get(f"{API}{place}").json()["name"] == "taught → DPO"
    tree = client.get("/language?task=sort_digits", headers={"HX-Request": "true"}).text
    assert f'<a href="/runs/{taught}" title="taught">taught</a>' in tree
    assert f'<a href="{place}" title="taught → DPO">DPO</a>' in tree


def test_a_stage_starts_from_a_model_that_the_operator_lists(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}")
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "tiny"))
    monkeypatch.setattr("app.parts.extras.find_spec", lambda name: object())
    text = client.get("/language?task=sort_digits").text
    assert text.count('<option value="model:tiny"') == 9
    form = {"task": "sort_digits", "stage": "sft", "origin": "model:tiny", "total_steps": "5"}
    started = client.post("/language/stages", data=form, follow_redirects=False)
    assert started.status_code == 303
    run = client.get(f"{API}{started.headers['location']}").json()
    assert run["config"]["local_model"] == "tiny"
    refused = client.post("/language/stages", data={**form, "origin": "model:/etc/passwd"}, follow_redirects=False)
    assert refused.status_code == 422
    assert str(tmp_path) not in refused.text


def test_a_stage_learns_from_the_reward_model_of_its_start_unless_the_task_is_to_reward(
    playground: Playground, client: TestClient
) -> None:
    judge = saved(playground, "reward_model")
    page = client.get("/language?task=sort_digits").text
    card = page[page.index('id="stage-ppo_language"') : page.index('id="stage-grpo_language"')]
    assert f'value="{judge}:{SAVED}" selected' in card, "PPO usually follows a reward model"
    assert 'name="config.reward"' in card
    assert 'name="config.reward"' not in page[page.index('id="stage-sft"') : page.index('id="stage-reward_model"')]
    for asked, expected in (("", "reward_model"), ("task", "task")):
        form = {"task": "sort_digits", "stage": "ppo_language", "origin": f"{judge}:{SAVED}", "config.reward": asked}
        place = client.post("/language/stages", data=form, follow_redirects=False).headers["location"]
        row = row_of(playground, int(place.rsplit("/", 1)[-1]))
        assert (row.parent_run, row.config["reward"]) == (judge, expected)
        assert row.config["beta"] == (1.0 if expected == "reward_model" else 0.0), "leaving the reference has a price"


def test_a_stage_after_one_that_learned_from_a_reward_model_may_be_rewarded_by_the_task(
    playground: Playground, client: TestClient
) -> None:
    judge = saved(playground, "reward_model")
    body = {"algorithm": "grpo_language", "config": {"reward": "task"}}
    made = client.post(f"{API}/runs/{judge}/fork", json=body)
    assert (made.status_code, made.json()["config"]["reward"]) == (201, "task")


def test_a_reward_model_that_is_not_there_is_refused_at_once(client: TestClient, taught: int) -> None:
    asked = {"algorithm": "ppo_language", "config": {"reward": "reward_model"}}
    for answer in (
        client.post(f"{API}/runs", json={"environment": "sort_digits", **asked}),
        client.post(f"{API}/runs/{taught}/fork", json=asked),
    ):
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert problem["where"] == "config.reward"
        assert "has no reward model" in problem["rule"]
        assert "let the task reward" in problem["way_out"]


def test_the_address_of_a_refused_stage_leads_back_when_it_is_loaded_again(client: TestClient) -> None:
    answer = client.get("/language/stages", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/language#stages")
