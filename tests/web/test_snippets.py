"""What is copied asks for the same run, as it was started, and names what was changed since."""

import shlex
import sys
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.web import snippets
from tests.web.conftest import API

OPEN, WALLED = "S../.../..G", "S#./.../..G"


def test_snippets_ask_for_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    request = {"algorithm": "q_learning", "environment": "CliffWalking-v1", "config": {"alpha": 0.5}, "seed": 1}
    found = dict(snippets.snippets(request, "http://127.0.0.1:1", path="/?x"))
    assert found["Link"] == "http://127.0.0.1:1/?x"
    recipe = "train CliffWalking-v1 q_learning --set alpha=0.5 --seed 1"
    assert found["shell"] == f"{shlex.quote(sys.executable)} -m app {recipe}", "nothing of that name is on the PATH"
    compile(found["Python"], "snippet", "exec")
    assert '"alpha": 0.5' in found["curl"]
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    there = dict(snippets.snippets(request, "http://127.0.0.1:1", path="/?x", data=tmp_path / "my data"))
    assert there["shell"] == f"rl-playground {recipe} --data '{tmp_path}/my data'"
    assert f"$(rl-playground token --data '{tmp_path}/my data')" in there["curl"]
    assert f"Playground(data='{tmp_path}/my data')" in there["Python"]


def test_the_speed_is_in_every_snippet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    request = {"algorithm": "q_learning", "environment": "gridworld", "seed": 0, "speed": 100000.0}
    found = dict(snippets.snippets(request, "http://127.0.0.1:1", path="/"))
    assert found["shell"].endswith("--seed 0 --speed 100000")
    assert '"speed": 100000.0' in found["curl"]
    assert "speed=100000.0" in found["Python"]


def test_a_run_whose_world_was_changed_is_copied_as_it_was_started(client: TestClient) -> None:
    body = {
        "algorithm": "q_learning", "environment": "gridworld", "environment_config": {"layout": OPEN},
        "config": {"alpha": 0.25}, "total_steps": 1_000_000, "speed": 10,
    }  # fmt: skip
    run = client.post(f"{API}/runs", json=body).json()["id"]
    for change in ({"environment_config": {"layout": WALLED}}, {"config": {"alpha": 0.5}}):
        assert client.patch(f"{API}/runs/{run}", json=change).status_code in (200, 202)
    html = unescape(client.get(f"/runs/{run}").text)
    shell = html[html.index(" train gridworld q_learning") :]
    command, *comments = shell[: shell.index("</code>")].splitlines()
    assert f"layout={OPEN}" in command
    assert "alpha=0.25" in command
    assert "--speed 10" in command
    assert all(line.startswith("# ") for line in comments)
    assert WALLED in comments[1]
    assert comments[2].startswith("# soon: PATCH ")
    assert '{"config": {"alpha": 0.5}}' in comments[2]


def test_edits_are_named_with_their_steps_and_no_snippet_breaks() -> None:
    request = {"algorithm": "q_learning", "environment": "gridworld", "seed": 0}
    edits = [(120, {"config": {"alpha": 0.5}}), (None, {"environment_config": {"layout": "S\nimport os/G"}})]
    found = dict(
        snippets.snippets(request, "http://127.0.0.1:1", path="/runs/3", later=["It was forked."], edits=edits)
    )
    code = found["Python"]
    compile(code, "snippet", "exec")
    assert "# It was forked." in code
    assert "# step 120: playground.patch(run.id, config={'alpha': 0.5})" in code
    for text in found.values():
        assert "\nimport os" not in text
