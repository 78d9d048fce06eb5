"""Studies: a recipe's runs are planned at once, and each is queued when the one it starts from has ended.

Covers app/core/studies.py, app/jobs/studies.py, app/web/studying.py, app/web/api_studies.py, app/web/study_figures.py and app/web/pages_studies.py.
"""

import re
from functools import partial
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app import catalog
from app.core.studies import Study as Recipe
from app.jobs.studies import advance_one
from app.parts.pass_at_k import TRIES
from app.parts.tries import PROMPTS
from app.store import checkpoints, frames, studies
from app.store import runs as run_rows
from app.training.checkpoints import write_checkpoint
from app.web.services import Playground
from tests.web.conftest import API

RECIPE = "ceiling"


def started(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post(f"{API}/studies", json={"recipe": RECIPE, "seeds": [4], **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def end(playground: Playground, run: int, *, right: int = 32, state: str = "finished", saves: bool = True) -> None:
    """End a run as a worker would, with its last state and with so many of 64 tries right at every prompt."""
    with playground.store.read() as connection:
        row = run_rows.get(connection, run)
    assert row is not None
    saved = {"id": f"{row.total_steps}-final-1", "step": row.total_steps, "kind": "final", "size_bytes": 1, "files": {}}
    meta = {"config": row.config, "algorithm": row.algorithm, "environment_config": row.environment_config}
    arrays = {"right": np.full(PROMPTS, right, np.float32)}

    def work(connection: Any) -> None:
        if saves:
            write_checkpoint(playground.store.run_folder(run) / "checkpoints" / saved["id"], {"w": np.zeros(1)}, meta)
            checkpoints.add(connection, run, attempt=0, checkpoint=saved)
        frames.put(connection, run, panel="pass_at_k", step=row.total_steps, meta={"tries": TRIES}, arrays=arrays)
        for to, expected in (("starting", "queued"), ("running", "starting"), (state, "running")):
            run_rows.transition(connection, run, to=to, expected=(expected,))

    playground.store.writer.do(work)


def advance(playground: Playground, study: int) -> dict[str, int | None]:
    """Take a study as far as it goes, as the supervisor does whenever a run has ended; return stage → run."""
    store = playground.store
    with store.read() as connection:
        places = [item.place for item in studies.planned(connection, study)]
    for place in places:
        store.writer.do(partial(advance_one, store, study=study, place=place))
    with store.read() as connection:
        return {item.stage: item.run for item in studies.planned(connection, study)}


def test_every_recipe_can_be_read_and_expects_something() -> None:
    for recipe in catalog.studies().values():
        assert isinstance(recipe, Recipe)
        assert recipe.expected
        assert len(recipe.seeds) >= 3
        by_id = {stage.id: stage for stage in recipe.stages}
        for stage in recipe.stages:
            if stage.after:
                kind = catalog.algorithm(stage.algorithm).config
                own, before = (
                    catalog.resolve(one.algorithm, recipe.environment, config=one.config).config
                    for one in (stage, by_id[stage.after])
                )
                assert all(own[name] == before.get(name, own[name]) for name in kind.settled_names())


def test_a_stage_is_queued_once_the_one_before_it_has_ended(playground: Playground, client: TestClient) -> None:
    study = started(client)
    by_stage = {run["stage"]: run for run in study["runs"]}
    assert by_stage["base"]["run"] is not None
    assert by_stage["rl"]["run"] is None
    assert advance(playground, study["id"])["rl"] is None, "nothing starts before its time"
    end(playground, by_stage["base"]["run"])
    made = advance(playground, study["id"])["rl"]
    assert advance(playground, study["id"])["rl"] == made, "nothing starts twice"
    run = client.get(f"{API}/runs/{made}").json()
    assert run["parent"] == {"run": by_stage["base"]["run"], "checkpoint": "20-final-1"}
    assert (run["algorithm"], run["seed"], run["total_steps"]) == ("grpo_language", 4, 280)
    client.post(f"{API}/studies/{study['id']}/stop")


@pytest.mark.parametrize(("state", "saves", "words"), [("failed", True, "has failed"), ("finished", False, "no state")])
def test_what_cannot_start_any_more_says_why(
    playground: Playground, client: TestClient, state: str, saves: bool, words: str
) -> None:
    study = started(client)
    end(playground, study["runs"][0]["run"], state=state, saves=saves)
    advance(playground, study["id"])
    found = client.get(f"{API}/studies/{study['id']}").json()
    assert words in next(run["problem"] for run in found["runs"] if run["stage"] == "rl")
    client.post(f"{API}/studies/{study['id']}/stop")


def test_what_the_runs_reached_is_told_drawn_and_judged(playground: Playground, client: TestClient) -> None:
    study = started(client, seeds=[1, 2])
    base = [run["run"] for run in study["runs"] if run["stage"] == "base"]
    assert client.get(f"{API}/studies/{study['id']}/figures").json()["figures"] == []
    for run, right in zip(base, (0, 16), strict=True):
        end(playground, run, right=right)
    found = client.get(f"{API}/studies/{study['id']}").json()
    (stage,) = [one for one in found["stages"] if one["seeds"]]
    assert stage["pass_at"]["1"] == {"mean": 0.125, "low": 0.0, "high": 0.25}
    once, often = [one for one in found["expected"] if one["value"] is not None]
    assert (once["value"], once["is_reached"]) == (0.125, False)
    assert (often["k"], often["value"], often["is_reached"]) == (64, 0.5, True)
    drawn = client.get(f"{API}/studies/{study['id']}/figures").json()
    assert [mark["kind"] for mark in drawn["figures"][0]["marks"]] == ["band", "line", "dots"]
    assert drawn["arrays"]["base.mean"][0] == 0.125
    page = client.get(f"/language/studies/{study['id']}").text
    assert "12.5 %" in page
    assert "study-figures" in page
    client.post(f"{API}/studies/{study['id']}/stop")


def test_single_runs_are_laid_over_each_other(playground: Playground, client: TestClient) -> None:
    study = started(client, seeds=[21])["id"]
    first = advance(playground, study)
    end(playground, first["base"] or 0, right=16)
    last = advance(playground, study)["rl"] or 0
    end(playground, last, right=48)
    ended = [first["base"], last]
    drawn = client.get(f"{API}/pass_at_k?runs={first['base']},{last},{first['more_sft']}").json()
    names = [mark["name"] for mark in drawn["figures"][0]["marks"] if mark["name"]]
    assert names == [f"Supervised fine-tuning #{first['base']}", f"GRPO of a language model #{last}"]
    low, once, high = (drawn["arrays"][f"run{last}.{part}"][0] for part in ("low", "mean", "high"))
    assert once == 0.75
    assert 0.6 < low < once < high < 0.9
    assert "64 held-out prompts" in drawn["words"]
    page = client.get(f"/language?task=sort_digits&from={last}").text
    (shown,) = re.findall(r'data-path="/pass_at_k\?runs=([\d,]+)"', page)
    assert {str(run) for run in ended} <= set(shown.split(","))
    assert f'data-path="/pass_at_k?runs={ended[0]},{last}"' in client.get(f"/compare?runs={ended[0]},{last}").text
    assert client.get(f"{API}/pass_at_k?runs={first['more_sft']}").json()["figures"] == []
    assert client.get(f"{API}/pass_at_k?runs=999999").status_code == 404
    assert client.get(f"{API}/pass_at_k?runs=all").status_code == 422
    client.post(f"{API}/studies/{study}/stop")


def test_one_stage_is_compared_with_another(playground: Playground, client: TestClient) -> None:
    study = started(client, seeds=[3])
    for turn, right in ((("base", "more_sft"), {"base": 0, "more_sft": 8}), (("rl",), {"rl": 48})):
        stages = advance(playground, study["id"])
        for stage in turn:
            end(playground, stages[stage] or 0, right=right[stage])
    found = client.get(f"{API}/studies/{study['id']}").json()["expected"]
    (surer,) = [one for one in found if one["stage"] == "SFT 20, then GRPO − SFT, 55 updates" and one["k"] == 1]
    assert (surer["value"], surer["is_reached"]) == (pytest.approx(48 / 64 - 8 / 64), True)


def test_a_recipe_starts_by_a_form_once_and_is_stopped_and_forgotten(client: TestClient) -> None:
    assert "Does RL raise the ceiling?" in client.get("/language").text
    form = {"recipe": RECIPE, "seeds": "7, 8", "nonce": "once"}
    first = client.post("/language/studies", data=form, follow_redirects=False)
    assert first.status_code == 303
    assert client.post("/language/studies", data=form, follow_redirects=False).headers["location"] == first.headers["location"]  # fmt: skip
    place = first.headers["location"]
    study = int(place.rsplit("/", 1)[-1])
    refused = client.delete(f"{API}/studies/{study}")
    assert refused.status_code == 409
    assert client.post(f"{place}/stop", follow_redirects=False).headers["location"] == place
    assert client.get(f"{API}/studies/{study}").json()["stopped"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"recipe": "nonsense"}, 404),
        ({"recipe": RECIPE, "seeds": []}, 422),
        ({"recipe": RECIPE, "seeds": [-1]}, 422),
        ({"recipe": RECIPE, "what": 1}, 422),
    ],
)
def test_what_is_no_recipe_is_refused(client: TestClient, body: dict[str, Any], status: int) -> None:
    assert client.post(f"{API}/studies", json=body).status_code == status


def test_a_form_with_a_wrong_seed_says_so(client: TestClient) -> None:
    answer = client.post("/language/studies", data={"recipe": RECIPE, "seeds": "1, x"})
    assert answer.status_code == 422
    assert "must be a whole number" in answer.text


def test_a_key_used_for_another_recipe_is_refused(client: TestClient) -> None:
    headers = {"Idempotency-Key": "one-key"}
    first = client.post(f"{API}/studies", json={"recipe": RECIPE, "seeds": [5]}, headers=headers)
    again = client.post(f"{API}/studies", json={"recipe": RECIPE, "seeds": [5]}, headers=headers)
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    other = client.post(f"{API}/studies", json={"recipe": RECIPE, "seeds": [6]}, headers=headers)
    assert other.status_code == 422
    client.post(f"{API}/studies/{first.json()['id']}/stop")


def test_a_stage_may_have_options_of_the_task_of_its_own(client: TestClient, playground: Playground) -> None:
    study = started(client, recipe="something_to_reinforce")["id"]
    stages = advance(playground, study)
    with playground.store.read() as connection:
        first = {stage: run_rows.get(connection, run) for stage, run in stages.items() if run is not None}
    counts = {stage: row.environment_config["counts_digits"] for stage, row in first.items() if row is not None}
    assert counts["whole_0"] is False
    assert counts["rl_0"] is True
    for run in stages.values():
        if run is not None:
            end(playground, run)
    stages = advance(playground, study)
    with playground.store.read() as connection:
        row = run_rows.get(connection, stages["whole_55"] or 0)
    assert row is not None
    assert (row.parent_run, row.environment_config["counts_digits"]) == (stages["sft_55"], False)
