"""The page of preferences: forms that work without script, fragments, refusals beside what was typed."""

import re
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.jobs import labels
from app.protocol.runs import RunCreate
from app.store import checkpoints
from app.training.checkpoints import write_checkpoint
from app.web.services import Playground
from tests.web.conftest import API
from tests.web.test_api_preferences import STEPS, drafts, episode, record

HTMX = {"HX-Request": "true"}


@pytest.fixture
def language(playground: Playground, client: TestClient) -> str:
    body = RunCreate(algorithm="sft", environment="sort_digits", total_steps=100)
    return record(playground, body, [drafts(step) for step in STEPS]).removeprefix(API)


@pytest.fixture
def control(playground: Playground, client: TestClient) -> str:
    body = RunCreate(algorithm="ppo", environment="CartPole-v1", total_steps=100)
    return record(playground, body, [episode(1, 0, 12), episode(2, 100, 80)]).removeprefix(API)


def fields(text: str) -> dict[str, str]:
    """Return the hidden fields of the form that judges."""
    (form,) = re.findall(r"<form[^>]*data-judge>.*?</form>", text, re.DOTALL)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) | {"choice": "left"}


def test_a_pair_is_judged_by_a_form_and_the_next_one_is_shown(client: TestClient, language: str) -> None:
    first = client.get(language).text
    assert "Pair 1" in first
    assert first.count('name="choice"') == 3
    answer = client.post(language, data=fields(first), follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, language)
    assert client.post(language, data=fields(first)).text.count("Forget answer") == 1, "a form sent twice counts once"
    then = client.get(language).text
    assert "Pair 2" in then
    assert "Answers: 1" in then


def test_script_gets_the_changed_part_alone(client: TestClient, language: str) -> None:
    first = client.get(language).text
    part = client.post(language, data=fields(first), headers=HTMX).text
    assert part.startswith('\n<div id="preferences"') or part.lstrip().startswith('<div id="preferences"')
    assert "<html" not in part
    seen = client.get(f"{language}?part=seen", headers=HTMX).text
    assert seen.lstrip().startswith('<div id="preference-seen"')
    assert 'data-total="1"' in seen


def test_a_simulated_rater_answers_from_the_page_and_its_bounds_are_said(client: TestClient, language: str) -> None:
    asked = {"count": "40", "rationality": "", "error_share": "10", "seed": "1", "nonce": "n"}
    shown = client.post(f"{language}/simulated", data=asked).text
    assert "Answers: 40" in shown
    assert shown.count('class="band-mark"') == len(STEPS)
    refused = client.post(f"{language}/simulated", data={**asked, "count": "0", "nonce": "m"})
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert 'value="10"' in refused.text, "what was typed stays"
    words = client.post(f"{language}/simulated", data={**asked, "error_share": "often", "nonce": "k"})
    assert (words.status_code, "is no number" in words.text) == (422, True)


def test_answers_are_forgotten_singly_or_all_once_confirmed(client: TestClient, language: str) -> None:
    client.post(f"{language}/simulated", data={"count": "3"})
    shown = client.get(language).text
    label = re.findall(r'name="label" value="(\d+)"', shown)[0]
    assert "Answers: 2" in client.post(f"{language}/forget", data={"label": label}).text
    assert "Answers: 2" in client.post(f"{language}/forget", data={}).text
    assert "Answers: 0" in client.post(f"{language}/forget", data={"sure": "yes"}).text
    assert client.post(f"{language}/forget", data={"label": "x"}).status_code == 404


def test_clips_name_their_episode_and_stretch(client: TestClient, control: str) -> None:
    text = client.get(control).text
    clips = re.findall(r'<clip-player run="\d+" number="(\d+)" start="(\d+)" length="(\d+)"', text)
    assert {int(number) for number, _start, _length in clips} == {1, 2}
    assert "Drawn by script" in text


def test_a_run_that_kept_nothing_has_a_page_that_says_so(client: TestClient, run: dict[str, Any]) -> None:
    text = client.get(f"/runs/{run['id']}/preferences").text
    assert "Nothing to compare yet" in text
    assert "first evaluation" in text
    assert client.get(f"/runs/{run['id']}/preferences/simulated", follow_redirects=False).status_code == 303


def checkpointed(playground: Playground, address: str) -> int:
    """Give a run of a test a checkpoint, from which a stage may start."""
    id = int(address.split("/")[2])
    saved = {"id": "100-final-1", "step": 100, "kind": "final", "size_bytes": 1, "files": {}}
    playground.store.writer.do(lambda connection: checkpoints.add(connection, id, attempt=1, checkpoint=saved))
    run = playground.run(id)
    folder = playground.store.run_folder(id) / "checkpoints" / "100-final-1"
    write_checkpoint(folder, {"w": np.zeros(1)}, {"config": run.config, "algorithm": run.algorithm})
    return id


@pytest.mark.parametrize(("kind", "learner"), [("language", "reward_model"), ("control", "ppo_preferences")])
def test_a_run_that_learns_from_the_answers_starts_from_the_page(
    request: pytest.FixtureRequest, playground: Playground, client: TestClient, kind: str, learner: str
) -> None:
    address: str = request.getfixturevalue(kind)
    id = checkpointed(playground, address)
    none = client.post(f"{address}/learn", data={"nonce": "a"})
    assert (none.status_code, "has no stored labels" in none.text) == (409, True)
    client.post(f"{address}/simulated", data={"count": "5"})
    answers = [
        client.post(f"{address}/learn", data={"nonce": "b", "total_steps": "700"}, follow_redirects=False) for _ in "ab"
    ]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"], "a form sent twice starts one run"
    made = client.get(f"{API}{answers[0].headers['Location']}").json()
    assert (made["algorithm"], made["config"]["labels"], made["total_steps"]) == (learner, "stored", 700)
    assert made["parent"]["run"] == id
    assert labels.folder_of(playground.store.run_folder(made["id"])).is_dir()
