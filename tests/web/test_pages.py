"""The pages as they read and act without script: status, echoed values, fragments, refusals.

Covers app/web/pages.py, app/web/pages_runs.py, app/web/recipe.py, app/web/views.py, app/web/lessons.py, app/web/reference.py,
app/web/rendering.py, app/web/posted.py and app/web/scenes.py.
"""

import importlib
import json
import re
import threading
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.testclient import TestClient

from app import catalog
from app.protocol.runs import ForkRequest, Run
from app.store import runs as run_rows
from app.store.runs import RunNew
from app.web import posted, reference, rendering, views
from app.web.app import create_app
from app.web.services import Playground
from tests.web.conftest import BASE, TOKEN, close, make_playground, recorded

PAGES = ["/", "/runs", "/compare", "/learn", "/learn/q_learning", "/learn/ppo", "/learn/glossary", "/docs"]
HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_reads_without_script(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.text.count("<h1>") == 1
    assert '<main id="main"' in response.text


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_inline_script_or_style(client: TestClient, path: str) -> None:
    html = client.get(path).text
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<[^>]+\sstyle=", html)
    assert not re.search(r"<[^>]+\son[a-z]+=", html)
    assert "hx-on" not in html


def test_a_page_leaves_compressed_where_the_browser_takes_it(client: TestClient) -> None:
    packed = client.get("/learn/q_learning", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(packed.content) / 4
    plain = client.get("/learn/q_learning", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == packed.text


def test_the_first_visit_has_a_recipe_filled_in(client: TestClient) -> None:
    html = client.get("/").text
    assert re.search(r'value="gridworld" checked', html)
    assert re.search(r'value="q_learning" checked', html)
    assert '<grid-editor class="editor"' in html, "the world is drawn, and can be drawn"
    assert 'name="config.alpha"' in html


def test_an_address_is_the_recipe(client: TestClient) -> None:
    html = client.get("/?environment=CliffWalking-v1&algorithm=q_learning&config.epsilon=0.25&seed=9").text
    assert re.search(r'name="config.epsilon"[^>]*data-changed="true"', html) or 'value="0.25"' in html
    assert 'value="CliffWalking-v1" checked' in html
    assert re.search(r'name="seed"', html)
    assert 'value="9"' in html


def test_a_misfit_is_greyed_with_its_reason(client: TestClient) -> None:
    html = client.get("/?environment=CartPole-v1&algorithm=q_learning").text
    assert re.search(r'value="q_learning" disabled', html)
    assert "continuous state" in html
    assert "is chosen instead" in html


def test_values_of_another_algorithm_are_dropped(client: TestClient) -> None:
    form = {
        "environment": "FrozenLake-v1", "algorithm": "dqn", "config.gamma": "0.123", "preset": "tuned",
        "shown": "FrozenLake-v1|q_learning|tuned",
    }  # fmt: skip
    response = client.get("/", params=form, headers=HTMX)
    assert "0.123" not in response.text
    assert response.headers["HX-Replace-Url"].startswith("/?environment=FrozenLake-v1&algorithm=dqn")


def test_a_form_without_script_is_led_to_its_short_address(client: TestClient) -> None:
    form = {
        "environment": "CliffWalking-v1",
        "algorithm": "q_learning",
        "seed": "3",
        "shown": "gridworld|q_learning|tuned",
    }
    response = client.get("/", params=form, follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == "/?environment=CliffWalking-v1&algorithm=q_learning&seed=3"


def test_start_leads_to_the_run_and_a_second_click_to_the_same(client: TestClient) -> None:
    form = {"environment": "CliffWalking-v1", "algorithm": "q_learning", "total_steps": "1000", "nonce": "once"}
    first = client.post("/runs", data=form, follow_redirects=False)
    assert first.status_code == 303
    assert re.fullmatch(r"/runs/\d+", first.headers["location"])
    assert client.post("/runs", data=form, follow_redirects=False).headers["location"] == first.headers["location"]
    changed = client.post("/runs", data={**form, "seed": "5"}, follow_redirects=False)
    assert changed.headers["location"] != first.headers["location"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"environment": "CartPole-v1", "total_steps": "300000"}, "is chosen instead"),
        ({"environment": "CliffWalking-v1"}, "The choice has changed"),
        ({"preset": "defaults"}, "The choice has changed"),
        ({"environment": "NoLake-v1"}, "There is no environment"),
        ({"algorithm": "sarsa_99"}, "There is no algorithm"),
        ({"preset": "nothing"}, "There is no preset"),
    ],
)
def test_start_never_starts_another_recipe_than_the_one_shown(
    client: TestClient, changed: dict[str, str], words: str
) -> None:
    form = {"environment": "gridworld", "algorithm": "q_learning", "preset": "tuned", "nonce": str(changed)}
    before = [run["id"] for run in client.get("/api/v1/runs").json()["items"]]
    sent = {**form, "shown": "gridworld|q_learning|tuned", **changed}
    response = client.post("/runs", data=sent, follow_redirects=False)
    assert response.status_code == 422
    assert words in response.text
    assert [run["id"] for run in client.get("/api/v1/runs").json()["items"]] == before
    shown = re.search(r'name="shown" value="([^"]*)"', response.text)
    assert shown
    environment, algorithm, preset = shown.group(1).split("|")
    again = {**form, "environment": environment, "algorithm": algorithm, "preset": preset, "shown": shown.group(1)}
    assert client.post("/runs", data=again, follow_redirects=False).status_code == 303


def test_a_refused_recipe_keeps_what_was_typed(client: TestClient) -> None:
    form = {"environment": "CliffWalking-v1", "algorithm": "q_learning", "config.epsilon": "7", "seed": "-1"}
    response = client.post("/runs", data=form)
    assert response.status_code == 422
    assert re.search(r'value="7"[^>]*aria-invalid="true"', response.text)
    assert "must be ≤ 1" in response.text
    assert 'aria-describedby="f-config-epsilon-unit f-config-epsilon-help f-config-epsilon-error"' in response.text
    assert '<a href="#f-config-epsilon">' in response.text, "the notice leads to the field"


def test_a_world_without_a_goal_is_refused_with_a_way_to_its_drawing(client: TestClient) -> None:
    form = {
        "environment": "gridworld",
        "algorithm": "q_learning",
        "environment_config.layout": "S..",
        "preset": "tuned",
    }
    html = client.post("/runs", data=form).text
    assert re.search(r'<a href="#f-environment_config-layout">[^<]+</a>: [^<]*goal', html)
    assert 'href="#editor"' in html


def test_a_waiting_run_names_those_that_hold_the_slots(tmp_path: Path) -> None:
    playground = make_playground(tmp_path, max_running=1)
    with TestClient(create_app(playground), base_url=BASE, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        body = {"algorithm": "q_learning", "environment": "CliffWalking-v1", "total_steps": 1000}
        first, second = (client.post("/api/v1/runs", json=body).json()["id"] for _ in range(2))
        playground.store.writer.do(lambda connection: run_rows.claim(connection, first))
        html = client.get(f"/runs/{second}").text
        assert "number 1 in the queue" in html
        assert re.search(rf'The slots are held by\s+<a href="/runs/{first}">', html)
        assert f'href="/runs/{second}"' not in html.split("The slots are held by")[1].split("</p>")[0]
    close(playground)


def test_a_planner_opens_on_its_exact_return(client: TestClient) -> None:
    body = {"algorithm": "value_iteration", "environment": "CliffWalking-v1", "total_steps": 50}
    html = client.get(f"/runs/{client.post('/api/v1/runs', json=body).json()['id']}").text
    assert re.findall(r'data-lead="([^"]*)"', html)[0] == "tabular/greedy_return"


def test_a_scheduled_hyperparameter_has_its_value_in_force_beside_it(client: TestClient, run: dict[str, Any]) -> None:
    html = client.get(f"/runs/{run['id']}").text
    found = re.findall(r'<value-now class="value-now" run="\d+" scalar="([^"]*)" configured="([^"]*)"', html)
    config = run["config"]
    assert set(found) == {("tabular/alpha", str(config["alpha"])), ("tabular/epsilon", str(config["epsilon"]))}


def test_a_form_of_ours_may_name_no_origin(client: TestClient) -> None:
    """Without a referrer browsers send `Origin: null` even to the same site; only Sec-Fetch-Site tells them apart."""
    form = {"environment": "CliffWalking-v1", "algorithm": "q_learning"}
    ours = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/runs", data=form, headers=ours, follow_redirects=False).status_code == 303
    assert client.post("/runs", data=form, headers={"Origin": "null"}).status_code == 403
    assert client.post("/runs", data=form, headers={**ours, "Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_run_shows_state_controls_and_numbers(client: TestClient, run: dict[str, Any]) -> None:
    html = client.get(f"/runs/{run['id']}").text
    assert 'data-state="starting"' in html or 'data-state="queued"' in html
    assert f'action="/runs/{run["id"]}/pause"' in html
    assert f'action="/runs/{run["id"]}/stop"' in html
    assert '<grid-map run="' in html
    assert 'scalar="rollout/episode_return"' in html


def test_an_ended_run_reads_without_script(client: TestClient, ended: dict[str, Any]) -> None:
    html = client.get(f"/runs/{ended['id']}").text
    assert "<polyline points=" in html
    assert f'action="/runs/{ended["id"]}/delete"' in html
    assert f'action="/runs/{ended["id"]}/pause"' in html
    assert "Evaluation 1" in html
    assert "recorded" in html


@pytest.mark.parametrize("tab", ["maths", "configuration", "data"])
def test_every_tab_of_a_run_is_an_address(client: TestClient, ended: dict[str, Any], tab: str) -> None:
    html = client.get(f"/runs/{ended['id']}", params={"tab": tab}).text
    assert re.search(rf'href="\?tab={tab}#more" aria-current="page"', html)


@pytest.mark.parametrize("part", ["header", "events", "checkpoints", "edit"])
def test_every_part_of_a_run_is_a_fragment(client: TestClient, run: dict[str, Any], part: str) -> None:
    response = client.get(f"/runs/{run['id']}/parts/{part}")
    assert response.status_code == 200
    assert f'id="run-{part}"' in response.text
    assert "<html" not in response.text


def test_pause_is_a_form_that_leads_back(client: TestClient, run: dict[str, Any]) -> None:
    response = client.post(f"/runs/{run['id']}/pause", follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == f"/runs/{run['id']}"


def test_a_refused_action_says_why_in_the_fragment(client: TestClient, ended: dict[str, Any]) -> None:
    response = client.post(f"/runs/{ended['id']}/pause", headers=HTMX)
    assert response.status_code == 409
    assert 'role="alert"' in response.text
    assert 'id="run-header"' in response.text


def test_a_refused_edit_keeps_what_was_typed(client: TestClient, run: dict[str, Any]) -> None:
    response = client.post(f"/runs/{run['id']}/edit", data={"config.epsilon": "9"}, headers=HTMX)
    assert response.status_code == 422
    assert 'value="9"' in response.text
    assert response.text.count("must be ≤ 1") == 1, "said once, beside the input"


def test_delete_leads_to_the_list(client: TestClient, ended: dict[str, Any]) -> None:
    path = f"/runs/{ended['id']}/delete"
    asked = client.post(path, follow_redirects=False)
    assert asked.headers["location"] == f"/runs/{ended['id']}?delete=ask"
    question = client.get(asked.headers["location"]).text
    assert '<section class="panel-menu" id="delete-menu"' in question, "the question is open without script"
    response = client.post(path, data={"sure": str(ended["id"])}, follow_redirects=False)
    assert response.headers["location"] == "/runs"
    assert client.get(f"/runs/{ended['id']}").status_code == 404


def test_the_list_filters_and_sorts_by_its_address(client: TestClient, run: dict[str, Any]) -> None:
    found = client.get("/runs", params={"q": str(run["id"])}, headers=HTMX)
    assert f'data-run="{run["id"]}"' in found.text
    assert "<html" not in found.text
    assert found.headers["HX-Replace-Url"] == f"/runs?q={run['id']}"
    none = client.get("/runs", params={"state": "failed", "q": "no such name"})
    assert "No run matches" in none.text
    assert 'aria-sort="ascending"' in client.get("/runs?sort=name").text


def test_ticked_runs_are_stopped_together(client: TestClient, run: dict[str, Any]) -> None:
    response = client.post("/runs/stop", data={"runs": [str(run["id"])]}, follow_redirects=False)
    assert response.status_code == 303
    assert client.get(f"/api/v1/runs/{run['id']}").json()["state"] in {"stopping", "stopped"}


def test_ticked_runs_are_deleted_after_a_question_with_their_count(
    client: TestClient, playground: Playground, ended: dict[str, Any]
) -> None:
    other = recorded(playground, lambda id: client.get(f"/api/v1/runs/{id}").json())
    ids = [str(ended["id"]), str(other["id"])]
    list_ = {"algorithm": "q_learning", "sort": "name"}
    response = client.post("/runs/delete", params=list_, data={"runs": ids})
    assert "Delete 2 runs" in response.text
    assert f'name="sure" value="{",".join(ids)}"' in response.text
    assert response.text.index('name="sure"') > response.text.index('formaction="/compare"'), (
        "Enter takes the first button"
    )
    assert all(client.get(f"/runs/{id}").status_code == 200 for id in ids), "a question deletes nothing"
    action = re.search(r'formaction="([^"]*)" name="sure"', response.text)
    assert action
    sent = client.post(unescape(action.group(1)), data={"sure": ",".join(ids)}, follow_redirects=False)
    assert sent.headers["location"] == "/runs?algorithm=q_learning&sort=name"
    assert [client.get(f"/runs/{id}").status_code for id in ids] == [404, 404]


def test_a_run_is_deleted_by_the_button_of_a_question(client: TestClient, ended: dict[str, Any]) -> None:
    header, menus = (client.get(f"/runs/{ended['id']}/parts/{part}").text for part in ("header", "menus"))
    question = menus[menus.index('popover id="delete-menu"') :]
    assert "/delete" not in header
    assert f'action="/runs/{ended["id"]}/delete"' in question
    assert 'popovertarget="delete-menu"' in header
    assert "checkpoints (1)" in question


def test_stop_keeps_filter_order_and_page(client: TestClient, run: dict[str, Any]) -> None:
    cursor = client.get("/api/v1/runs", params={"limit": 1}).json()["next_cursor"]
    asked = {"state": "starting", "algorithm": "q_learning", "cursor": cursor}
    html = client.get("/runs", params=asked).text
    action = re.search(r'formaction="(/runs/stop[^"]*)"', html)
    assert action
    response = client.post(unescape(action.group(1)), data={"runs": [str(run["id"])]}, follow_redirects=False)
    assert sorted(parse_qsl(urlsplit(response.headers["location"]).query)) == sorted(asked.items())


def test_a_refused_stop_shows_the_same_list_and_leads_back_to_it(client: TestClient, ended: dict[str, Any]) -> None:
    refused = client.post("/runs/stop?state=finished", data={"runs": [str(ended["id"])]})
    assert refused.status_code == 409
    assert '<option value="finished" selected>' in refused.text
    again = client.get("/runs/stop?state=finished", follow_redirects=False)
    assert again.headers["location"] == "/runs?state=finished"


def test_the_list_does_not_wait_for_the_catalogue(tmp_path: Path) -> None:
    may_load = threading.Event()

    def load() -> ModuleType:
        may_load.wait()
        return importlib.import_module("app.catalog")

    made = make_playground(tmp_path)
    made._load_catalog = load
    new = RunNew(algorithm="q_learning", environment="CliffWalking-v1", config={}, seed=1, total_steps=9)
    made.store.writer.do(lambda connection: run_rows.create(connection, new))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        with TestClient(create_app(made), base_url=BASE, headers=headers) as client:
            html = client.get("/runs", params={"environment": "CliffWalking-v1"}).text
            assert "q_learning on CliffWalking-v1" in html
            assert '<option value="CliffWalking-v1" selected>CliffWalking-v1</option>' in html
            assert '<option value="q_learning">q_learning</option>' in html
            may_load.set()
            made.catalog()
            assert "Q-learning on" in client.get("/runs").text
    finally:
        may_load.set()
        close(made)


@pytest.mark.parametrize("position", ["abc", "12", "-1", "1.5", ""])
def test_a_speed_that_is_none_is_refused(client: TestClient, run: dict[str, Any], position: str) -> None:
    client.post(f"/runs/{run['id']}/speed", data={"position": "2"})
    response = client.post(f"/runs/{run['id']}/speed", data={"position": position}, headers=HTMX)
    assert response.status_code == 422
    assert "from 0 to 11" in response.text
    assert client.get(f"/api/v1/runs/{run['id']}").json()["speed"] == views.SPEEDS[2]


def test_no_steps_at_all_are_refused(client: TestClient, run: dict[str, Any]) -> None:
    response = client.post(f"/runs/{run['id']}/step", data={"count": "0"}, headers=HTMX)
    assert response.status_code == 422
    assert "count" in response.text


def test_a_pausing_run_offers_resume(
    client: TestClient, playground: Playground, run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pausing = playground.run(run["id"]).model_copy(update={"state": "pausing"})
    monkeypatch.setattr(playground, "run", lambda _id: pausing)
    header = client.get(f"/runs/{run['id']}/parts/header").text
    assert 'id="run-header" data-state="pausing"' in header
    assert re.search(rf'action="/runs/{run["id"]}/resume"[^>]*><button class="button" type="submit">', header)


def test_environments_that_step_together_are_named(client: TestClient, run: dict[str, Any]) -> None:
    form = {"environment": "CartPole-v1", "algorithm": "ppo", "preset": "tuned"}
    vector = client.post("/runs", data=form, follow_redirects=False).headers["location"]
    envs = client.get(f"/api/v1{vector}").json()["config"]["n_envs"]
    assert f"Its {envs} environments step together" in client.get(vector).text
    assert "environments step together" not in client.get(f"/runs/{run['id']}").text


def test_a_fork_takes_a_seed_and_a_name(
    client: TestClient, playground: Playground, ended: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ForkRequest] = []

    def fork(id: int, body: ForkRequest, **_more: Any) -> Run:
        asked.append(body)
        return playground.run(id)

    monkeypatch.setattr(playground, "fork", fork)
    html = client.get(f"/runs/{ended['id']}").text
    assert 'id="fork-seed" name="seed"' in html
    assert 'id="fork-name" name="name"' in html
    for form in ({"seed": "12", "name": "other luck"}, {"seed": "", "name": " "}):
        assert client.post(f"/runs/{ended['id']}/fork", data=form, follow_redirects=False).status_code == 303
    assert [(body.seed, body.name) for body in asked] == [(12, "other luck"), (None, None)]


def test_checkpoints_of_one_step_and_kind_are_told_apart() -> None:
    times = ("2026-01-01T10:00:01.5Z", "2026-01-01T10:00:09Z", "2026-01-01T10:00:09Z", "2026-01-01T11:00:00Z")
    kept = [
        {"id": str(place), "step": 400, "kind": "best" if place == 3 else "before_edit", "created": time}
        for place, time in enumerate(times)
    ]
    labels = [item["label"] for item in views.labelled(kept)]
    assert labels[3] == "step 400 · best"
    assert labels[0].startswith("step 400 · before edit · 10:00:01")
    assert len(set(labels)) == 4


def test_the_curve_without_script_has_axes(client: TestClient, ended: dict[str, Any]) -> None:
    html = client.get(f"/runs/{ended['id']}").text
    figure = html[html.index('<figure class="sketch') : html.index("</figure>")]
    assert "<span>−13</span>" in figure
    assert "<span>−100</span>" in figure
    assert "<span>20</span>" in figure
    assert "<span>1\u202f000</span>" in figure
    assert "nan" not in figure


def test_a_missing_run_leads_to_the_list(client: TestClient) -> None:
    missing = client.get("/runs/999999")
    assert missing.status_code == 404
    assert 'href="/runs"' in missing.text


def test_a_run_gets_a_name_and_tags(client: TestClient, run: dict[str, Any]) -> None:
    path = f"/runs/{run['id']}/describe"
    client.post(path, data={"name": "first lesson", "tags": "lake, , by hand,lake"})
    html = client.get(f"/runs/{run['id']}").text
    assert "<h1>first lesson</h1>" in html
    assert 'value="lake, by hand"' in html
    assert client.get(f"/api/v1/runs/{run['id']}").json()["tags"] == ["lake", "by hand"]
    refused = client.post(path, data={"name": "kept as typed", "tags": "x" * 61})
    assert refused.status_code == 422
    assert 'value="kept as typed"' in refused.text
    assert "<h1>first lesson</h1>" in refused.text


def test_compare_shows_what_differs(client: TestClient) -> None:
    ids = []
    for seed in ("1", "2"):
        form = {"environment": "CliffWalking-v1", "algorithm": "q_learning", "seed": seed}
        ids.append(client.post("/runs", data=form, follow_redirects=False).headers["location"].rsplit("/", 1)[1])
    html = client.get(f"/compare?runs={','.join(ids)}&runs=999999").text
    assert f'runs="{ids[0]},{ids[1]}"' in html
    assert "Not found: 999999" in html
    assert re.search(r'class="mono is-different">1<', html)


def test_runs_beyond_what_one_chart_can_tell_apart_are_named(client: TestClient) -> None:
    form = {"environment": "CliffWalking-v1", "algorithm": "q_learning", "total_steps": "1"}
    id = client.post("/runs", data=form, follow_redirects=False).headers["location"].rsplit("/", 1)[1]
    others = [str(900_000 + place) for place in range(25)]
    html = unescape(client.get(f"/compare?runs={','.join([id, *others])}").text)
    assert f"at most 24 runs can be told apart on one chart: #{others[23]}, #{others[24]}." in html
    assert f"Not found: {others[0]}, " in html


def test_runs_of_different_worlds_are_compared_with_the_lines_of_each(client: TestClient) -> None:
    dry, wet = {"environment_config": {"is_slippery": False}}, {"environment_config": {"is_slippery": True}}
    lake = {"environment": "FrozenLake-v1", "algorithm": "q_learning"}
    ids = [str(client.post("/api/v1/runs", json={**lake, **world}).json()["id"]) for world in (dry, wet, dry)]
    html = unescape(client.get(f"/compare?runs={','.join(ids)}").text)
    lines = {item["label"]: item["value"] for item in json.loads(re.findall(r"references='([^']*)'", html)[0])}
    assert lines[f"Optimum (#{ids[0]}, #{ids[2]})"] == pytest.approx(1.0)
    assert lines[f"Optimum (#{ids[1]})"] == pytest.approx(0.744, abs=1e-3)
    assert lines["Solved"] == 0.7, "one that holds for all names none"
    assert "live in different worlds" in html
    same = unescape(client.get(f"/compare?runs={ids[0]},{ids[2]}").text)
    assert '"Optimum"' in same
    assert "live in different worlds" not in same


def test_every_curve_of_a_return_has_the_optimum_as_a_line(client: TestClient) -> None:
    lake = {"environment": "FrozenLake-v1", "algorithm": "q_learning", "total_steps": 1_000}
    run = client.post("/api/v1/runs", json=lake).json()["id"]
    charts = re.findall(r"<curve-chart [^>]*>", unescape(client.get(f"/runs/{run}").text))
    lined = {name for chart in charts if '"Optimum"' in chart for name in re.findall(r'scalar="([^"]*)"', chart)}
    assert {"tabular/greedy_return", "tabular/behaviour_return", "eval/mean_reward"} <= lined <= set(views.RETURNS)
    assert all('"Optimum"' in chart for chart in charts if any(f'scalar="{name}"' in chart for name in lined))


def test_a_curve_of_a_run_that_normalises_its_rewards_says_so(client: TestClient) -> None:
    for normalize, unit in ((False, "reward"), (True, "normalised reward")):
        body = {"environment": "CartPole-v1", "algorithm": "ppo", "preset": "", "config": {"normalize": normalize}}
        run = client.post("/api/v1/runs", json=body).json()["id"]
        html = unescape(client.get(f"/runs/{run}").text)
        units = dict(re.findall(r'<curve-chart [^>]*scalar="([^"]*)"[^>]* unit="([^"]*)"', html))
        assert units["train/advantage_std"] == unit
        assert units["train/value_loss"] == f"{unit}²"
        assert units["rollout/episode_return"] == "reward", "what an episode paid stays as it was"


def test_the_glossary_says_which_curves_normalisation_scales(client: TestClient) -> None:
    html = client.get("/learn/glossary").text
    rows = {
        name: re.search(rf'<tr [^>]*id="{name}">.*?</tr>', html, re.S)
        for name in ("train-advantage_std", "eval-mean_reward")
    }
    told = {name: row is not None and "In normalised reward" in row[0] for name, row in rows.items()}
    assert told == {"train-advantage_std": True, "eval-mean_reward": False}


def test_one_scale_of_colours_is_offered_and_chosen_where_the_environment_is_one(client: TestClient) -> None:
    ids = [
        client.post("/runs", data={"environment": name, "algorithm": "sarsa"}, follow_redirects=False).headers[
            "location"
        ]
        for name in ("CliffWalking-v1", "CliffWalking-v1", "FrozenLake-v1")
    ]
    numbers = [id.rsplit("/", 1)[1] for id in ids]
    assert 'data-scale="shared"' in client.get(f"/compare?runs={numbers[0]},{numbers[1]}").text
    assert 'data-scale="own"' in client.get(f"/compare?runs={','.join(numbers)}").text


def test_a_missing_run_leads_a_person_to_the_list_and_a_program_to_its_route(client: TestClient) -> None:
    page = client.get("/runs/999999")
    assert page.status_code == 404
    assert '<a href="/runs">' in page.text
    assert "/api/" not in page.text
    assert "GET /api/v1/runs lists them" in client.get("/api/v1/runs/999999").json()["detail"]


def test_a_name_is_text_wherever_it_shows(client: TestClient) -> None:
    form = {"environment": "CliffWalking-v1", "algorithm": "q_learning", "name": "<script>alert(1)</script>"}
    page = client.post("/runs", data=form).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in client.get("/runs").text


def test_an_algorithm_page_links_equations_and_lines(client: TestClient) -> None:
    html = client.get("/learn/q_learning").text
    line = re.search(r'href="#line-(\d+)">\(1\)', html)
    assert line
    assert f'id="line-{line.group(1)}"' in html
    assert 'href="#equation-1"' in html
    assert "What this file leaves out" in html


def test_unknown_pages_say_so(client: TestClient) -> None:
    for path in ("/learn/nothing", "/runs/999999", "/no-such-page"):
        assert client.get(path).status_code == 404


def test_the_reference_documents_every_operation(client: TestClient) -> None:
    html = client.get("/docs").text
    document = client.get("/api/v1/openapi.json").json()
    for _tag, operations in reference.tags(document):
        for operation in operations:
            assert f'id="{operation.id}"' in html
    assert 'id="problem-invalid"' in html


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (-13, "−13"),
        (1200, "1\u202f200"),
        (0.123456, "0.1235"),
        (2.386e-5, "2.39e−5"),
        (0.0, "0"),
        (1e15, "1.00e15"),
    ],
)
def test_numbers_read_well(value: float | None, text: str) -> None:
    assert rendering.number(value) == text


def test_run_numbers_of_an_address_are_cleaned() -> None:
    assert posted.numbers("3, 1,1,x,,-2,٣") == [3, 1]


def test_the_speed_slider_finds_its_place() -> None:
    assert [views.position_of(speed) for speed in (None, 1, 25, 26)] == [len(views.SPEEDS) - 1, 0, 4, 4]


def test_a_table_starts_at_a_speed_one_can_watch_and_the_address_may_say_otherwise(client: TestClient) -> None:
    from app import catalog
    from app.web import recipe

    assert recipe.read(catalog, {}).speed == 10_000
    assert recipe.read(catalog, {"environment": "CartPole-v1", "algorithm": "ppo"}).speed is None
    full = recipe.read(catalog, {"speed": "full"})
    assert full.speed is None
    assert "speed=full" in full.url()
    assert "speed" not in full.request()
    started = client.post("/runs", data={"shown": full.shown, "speed": "250"}, follow_redirects=False)
    assert client.get(f"/api/v1{started.headers['location']}").json()["speed"] == 250


def test_the_list_shows_training_returns_where_there_are_episodes_and_else_what_evaluations_say(
    run: dict[str, Any],
) -> None:
    one = Run.model_validate(run | {"latest": {"rollout/ep_rew_mean": 3.0, "eval/mean_reward": 9.0}})
    for unit, score in (("env_step", 3.0), ("update", 9.0), ("sweep", 9.0)):
        assert views.row(catalog, one.model_copy(update={"step_unit": unit})).score == score


def test_differences_come_first(client: TestClient, run: dict[str, Any]) -> None:
    one = Run.model_validate(run)
    found = views.differences([one, one.model_copy(update={"seed": 99})])
    assert found[0].name == "seed"
    assert [item.is_different for item in found].count(True) == 1


def test_what_shows_a_network_stands_below_the_curves_and_can_be_folded(client: TestClient) -> None:
    body = {"algorithm": "ppo", "environment": "CartPole-v1", "total_steps": 1_000}
    run = client.post("/api/v1/runs", json=body).json()["id"]
    stage, deck = client.get(f"/runs/{run}").text.split('class="panel-deck"')
    panels = re.findall(r'<(?:figure-set|figure-request|gae-stack) run="\d+" panel="(\w+)"', deck)
    assert len(panels) == len(set(panels)) == deck.count('<details class="card panel-fold" open>') >= 2
    assert not [panel for panel in panels if f'panel="{panel}"' in stage], "each panel stands in one place"
    assert len(re.findall(r"<(?:figure-set|figure-request|gae-stack) ", stage)) == 1, (
        "the first stands beside the curves"
    )


def test_of_a_network_what_is_looked_up_now_and_then_is_folded(client: TestClient) -> None:
    """The return, the maps and the agent come first; schedules, passes and minibatches open when somebody asks."""
    body = {"algorithm": "ppo", "environment": "CartPole-v1", "total_steps": 1_000}
    run = client.post("/api/v1/runs", json=body).json()["id"]
    text = client.get(f"/runs/{run}").text
    folds = dict(re.findall(r'<details class="card[^>]*aria-labelledby="panel-(\w+)"( open)?>', text))
    assert folds == {"passes": "", "minibatch": ""}
    groups = re.findall(r'<details class="fold" data-plots( open)?>\n<summary>([^<]+) <', text)
    assert [name for is_open, name in groups if is_open] == ["Training"]
    shown, folded = text.split("<summary>Training ")[1].split("<summary>Training: schedules and scales ")
    for name in ("policy_loss", "entropy", "explained_variance", "approx_kl", "clip_fraction"):
        assert f'scalar="train/{name}"' in shown
    for name in ("learning_rate", "clip_range", "grad_norm", "advantage_std"):
        assert f'scalar="train/{name}"' in folded.split("<summary>")[0]


def test_a_curve_that_only_continuous_actions_have_is_not_awaited_of_others() -> None:
    ppo, known = catalog.algorithm("ppo"), catalog.scalars()
    expected = [
        views.expected_scalars(ppo, environment, known)
        for environment in (catalog.environment("CartPole-v1"), catalog.environment("Pendulum-v1"), None)
    ]
    assert ["train/action_std" in names for names in expected] == [False, True, True]
    assert all("train/approx_kl" in names for names in expected)
