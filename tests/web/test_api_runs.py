"""Runs over REST: create, list, read, patch, delete, act (also app/web/services.py, app/web/describe.py, app/web/context.py)."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.protocol.runs import Run
from app.web.services import Playground
from tests.web.conftest import API, CLIFF, close, make_playground

RUNS = f"{API}/runs"


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"].startswith("/docs#problem-")
    return body


def test_a_created_run_is_resolved_and_has_its_address(client: TestClient) -> None:
    response = client.post(
        RUNS, json={**CLIFF, "config": {"alpha": 0.25}, "seed": 7, "name": "ours", "tags": ["a", "a", "b"]}
    )
    assert response.status_code == 201
    run = Run.model_validate(response.json())
    assert response.headers["Location"] == run.links["self"] == f"{RUNS}/{run.id}"
    assert (run.config["alpha"], run.seed, run.name, run.tags) == (0.25, 7, "ours", ["a", "b"])
    assert "gamma" in run.config
    assert run.step_unit == "env_step"
    assert run.provenance["algorithm_version"] >= 1
    assert client.get(run.links["self"]).json()["created"] == run.created


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({**CLIFF, "algorithm": "no_such"}, "algorithm"),
        ({**CLIFF, "algorithm": "os:system"}, "algorithm"),
        ({**CLIFF, "algorithm": "q_learning.q_learning"}, "algorithm"),
        ({**CLIFF, "environment": "no-such-v0"}, "environment"),
        ({**CLIFF, "environment": "CartPole-v1"}, "algorithm"),
        ({**CLIFF, "preset": "no_such"}, "preset"),
        ({**CLIFF, "config": {"alpha": 2}}, "config.alpha"),
        ({**CLIFF, "config": {"alpha": "0.5"}}, "config.alpha"),
        ({**CLIFF, "config": {"alpha": True}}, "config.alpha"),
        ({**CLIFF, "config": {"nonsense": 1}}, "config.nonsense"),
        ({**CLIFF, "config": [1]}, "config"),
        ({**CLIFF, "environment_config": {"wind": 1}}, "environment_config.wind"),
        ({**CLIFF, "total_steps": 0}, "total_steps"),
        ({**CLIFF, "total_steps": -5}, "total_steps"),
        ({**CLIFF, "total_steps": 10**30}, "total_steps"),
        ({**CLIFF, "total_steps": 10**12}, "total_steps"),
        ({**CLIFF, "total_steps": 1.5}, "total_steps"),
        ({**CLIFF, "seed": -1}, "seed"),
        ({**CLIFF, "seed": True}, "seed"),
        ({**CLIFF, "name": "x" * 201}, "name"),
        ({**CLIFF, "tags": ["x"] * 21}, "tags"),
        ({**CLIFF, "nonsense": 1}, "nonsense"),
        ({"algorithm": "q_learning"}, "environment"),
        ({"algorithm": "ppo", "environment": "CartPole-v1", "config": {"n_envs": 10**9}}, "config.n_envs"),
        ({"algorithm": "dqn", "environment": "Blackjack-v1", "total_steps": 10**6}, "config.buffer_size"),
        ({"algorithm": "q_learning", "environment": "gridworld", "environment_config": {"layout": "S.G/.."}}, "environment_config"),
        ({"algorithm": "q_learning", "environment": "gridworld", "environment_config": {"layout": "S#G/###"}}, "environment_config"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_rule_and_changes_nothing(
    client: TestClient, playground: Playground, body: dict[str, Any], where: str
) -> None:
    newest = lambda: client.get(RUNS, params={"limit": 1}).json()["items"][0]["id"]  # noqa: E731
    before = newest()
    found = problem(client.post(RUNS, json=body), 422)
    assert any(item["where"].startswith(where) and item["rule"] for item in found["errors"]), found
    assert newest() == before


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_refused(client: TestClient, number: str) -> None:
    text = json.dumps({**CLIFF, "config": {"alpha": 0}}).replace('"alpha": 0', f'"alpha": {number}')
    problem(client.post(RUNS, content=text, headers={"Content-Type": "application/json"}), 422)


def test_every_violation_is_listed(client: TestClient) -> None:
    body = {**CLIFF, "config": {"alpha": 5, "gamma": -1}, "total_steps": 10**10}
    found = problem(client.post(RUNS, json=body), 422)
    assert {"config.alpha", "config.gamma", "total_steps"} <= {item["where"] for item in found["errors"]}
    assert all(item["way_out"] for item in found["errors"] if item["where"].startswith("config"))


def test_a_megabyte_of_name_comes_back_short(client: TestClient) -> None:
    response = client.post(RUNS, json={**CLIFF, "name": "x" * 900_000})
    problem(response, 422)
    assert len(response.content) < 2_000


def test_a_body_must_be_json(client: TestClient) -> None:
    text = json.dumps(CLIFF)
    problem(client.post(RUNS, content=text, headers={"Content-Type": "text/plain"}), 415)
    problem(client.post(RUNS, content=text), 415)
    problem(client.post(RUNS, content="{", headers={"Content-Type": "application/json"}), 400)
    problem(client.post(RUNS), 422)


def test_script_in_a_name_is_text(client: TestClient) -> None:
    run = client.post(RUNS, json={**CLIFF, "name": "<script>alert(1)</script>"}).json()
    assert run["name"] == "<script>alert(1)</script>"
    assert "<script>alert" not in client.get(f"/runs/{run['id']}").text


def test_the_same_key_makes_one_run(client: TestClient) -> None:
    headers = {"Idempotency-Key": "key-1"}
    first, second = (client.post(RUNS, json=CLIFF, headers=headers) for _time in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["Location"] == first.headers["Location"]


def test_the_same_key_with_another_body_is_refused(client: TestClient) -> None:
    headers = {"Idempotency-Key": "key-2"}
    client.post(RUNS, json=CLIFF, headers=headers)
    found = problem(client.post(RUNS, json={**CLIFF, "seed": 9}, headers=headers), 422)
    assert found["errors"][0]["where"] == "Idempotency-Key"


def test_pages_follow_each_other_without_gap_or_repeat(client: TestClient) -> None:
    tag = "paged"
    made = [client.post(RUNS, json={**CLIFF, "tags": [tag], "name": f"run {n}"}).json()["id"] for n in range(7)]
    url, seen = f"{RUNS}?tag={tag}&limit=3", []
    while url:
        response = client.get(url)
        seen += [run["id"] for run in response.json()["items"]]
        url = response.links["next"]["url"] if "Link" in response.headers else ""
        assert bool(url) == (response.json()["next_cursor"] is not None)
    assert seen == made[::-1]
    by_name = client.get(RUNS, params={"tag": tag, "sort": "name", "limit": 2}).json()["items"]
    assert [run["name"] for run in by_name] == ["run 0", "run 1"]


def test_filters_narrow_the_list(client: TestClient) -> None:
    client.post(RUNS, json={**CLIFF, "name": "needle in the hay"})
    found = client.get(RUNS, params={"q": "NEEDLE", "algorithm": "q_learning", "environment": "CliffWalking-v1"}).json()
    assert [run["name"] for run in found["items"]] == ["needle in the hay"]
    assert client.get(RUNS, params={"algorithm": "ppo", "q": "needle"}).json()["items"] == []
    assert client.get(RUNS, params={"state": "failed"}).json()["items"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=garbage", "sort=loudness", "state=dead", "statee=running", "q=" + "x" * 201]
)  # fmt: skip
def test_a_bad_query_is_refused(client: TestClient, query: str) -> None:
    problem(client.get(f"{RUNS}?{query}"), 422)


def test_an_unknown_query_parameter_names_those_known(client: TestClient) -> None:
    found = problem(client.get(f"{RUNS}?statee=running"), 422)
    assert "state" in found["errors"][0]["way_out"]


@pytest.mark.parametrize("id", ["0", "-1", "x", "1.5", str(10**30), "%00"])
def test_what_is_no_run_number_is_refused(client: TestClient, id: str) -> None:
    assert client.get(f"{RUNS}/{id}").status_code in (404, 422)


def test_a_run_that_does_not_exist_is_missing_everywhere(client: TestClient) -> None:
    base = f"{RUNS}/999999"
    for path in (
        "",
        "/metrics",
        "/metrics.csv",
        "/frames",
        "/frames/grid_values",
        "/frames/grid_values/past",
        "/events",
        "/checkpoints",
        "/episodes",
        "/episodes/1",
    ):
        problem(client.get(base + path), 404)
    for action in ("pause", "resume", "stop", "checkpoint", "step", "fork"):
        found = problem(client.post(f"{base}/{action}"), 404)
        assert found["errors"][0]["value"] == "999999"
    problem(client.patch(base, json={"name": "x"}), 404)
    problem(client.delete(base), 404)


def test_an_unchanged_run_is_not_sent_again(client: TestClient, ended: dict[str, Any]) -> None:
    address = ended["links"]["self"]
    tag = client.get(address).headers["ETag"]
    again = client.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    client.patch(address, json={"name": "changed"})
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 200


def test_labels_change_even_after_the_end(client: TestClient, ended: dict[str, Any]) -> None:
    address = ended["links"]["self"]
    changed = client.patch(address, json={"name": "new", "tags": ["kept"]}).json()
    assert (changed["name"], changed["tags"], changed["state"]) == ("new", ["kept"], "finished")


def test_an_edit_of_an_older_version_is_refused(client: TestClient, run: dict[str, Any]) -> None:
    address = run["links"]["self"]
    tag = client.get(address).headers["ETag"]
    assert client.patch(address, json={"name": "first"}, headers={"If-Match": tag}).status_code == 200
    problem(client.patch(address, json={"name": "second"}, headers={"If-Match": tag}), 412)
    assert client.get(address).json()["name"] == "first"


def test_progress_alone_does_not_outdate_an_edit(
    client: TestClient, run: dict[str, Any], playground: Playground
) -> None:
    from app.store import runs as rows

    address = run["links"]["self"]
    tag = client.get(address).headers["ETag"]
    playground.store.writer.do(lambda connection: rows.set_progress(connection, run["id"], step=500))
    assert client.get(address).headers["ETag"] != tag
    assert client.patch(address, json={"name": "still"}, headers={"If-Match": tag}).status_code == 200


def test_a_live_edit_says_when_it_takes_effect(client: TestClient, run: dict[str, Any]) -> None:
    changed = client.patch(run["links"]["self"], json={"config": {"alpha": 0.125}}).json()
    assert changed["config"]["alpha"] == 0.125
    assert changed["edit"]["effective"] in ("step", "update", "episode")


@pytest.mark.parametrize(
    "body", [{"config": {"alpha": 7}}, {"speed": 0}, {"speed": -1}, {"speed": "fast"}, {"state": "finished"}]
)
def test_a_bad_patch_changes_nothing(client: TestClient, run: dict[str, Any], body: dict[str, Any]) -> None:
    problem(client.patch(run["links"]["self"], json={"name": "changed", **body}), 422)
    after = client.get(run["links"]["self"]).json()
    assert (after["name"], after["config"], after["speed"]) == (run["name"], run["config"], run["speed"])


def test_an_edit_meets_the_same_check_as_a_new_run(client: TestClient) -> None:
    body = {"algorithm": "off_policy_monte_carlo", "environment": "FrozenLake-v1", "total_steps": 1000}
    refused = client.post(f"{API}/runs", json={**body, "config": {"epsilon": 0.0, "epsilon_final": 0.0}})
    problem(refused, 422)
    run = client.post(f"{API}/runs", json=body).json()
    edit = client.patch(run["links"]["self"], json={"config": {"epsilon": 0.0, "epsilon_final": 0.0}})
    problem(edit, 422)
    assert edit.json()["errors"][0]["rule"] == refused.json()["errors"][0]["rule"]
    assert client.get(run["links"]["self"]).json()["config"] == run["config"]


@pytest.mark.parametrize("body", [{"config": {}}, {"environment_config": {}}, {"config": {}, "environment_config": {}}])
def test_an_edit_that_names_nothing_is_refused(client: TestClient, run: dict[str, Any], body: dict[str, Any]) -> None:
    problem(client.patch(run["links"]["self"], json={"name": "changed", **body}), 409 if "config" not in body else 422)
    assert client.get(run["links"]["self"]).json()["name"] == run["name"]


def test_speed_is_set_and_freed(client: TestClient, run: dict[str, Any]) -> None:
    assert client.patch(run["links"]["self"], json={"speed": 25.0}).json()["speed"] == 25.0
    assert client.patch(run["links"]["self"], json={"name": "x"}).json()["speed"] == 25.0
    assert client.patch(run["links"]["self"], json={"speed": None}).json()["speed"] is None


def test_an_ended_run_refuses_what_it_cannot_do(client: TestClient, ended: dict[str, Any]) -> None:
    address = ended["links"]["self"]
    for action in ("pause", "resume", "stop", "checkpoint", "step"):
        found = problem(client.post(f"{address}/{action}"), 409)
        assert found["errors"][0]["value"] == "finished"
        assert found["errors"][0]["way_out"]
    problem(client.patch(address, json={"speed": 1.0}), 409)
    problem(client.patch(address, json={"config": {"alpha": 0.1}}), 409)
    assert client.get(address).json()["state"] == "finished"


def test_stopping_answers_at_once_with_where_to_poll(client: TestClient, run: dict[str, Any]) -> None:
    response = client.post(f"{run['links']['self']}/stop")
    assert response.status_code == 202
    assert response.json()["run"] == run["links"]["self"]
    assert client.get(run["links"]["self"]).json()["receipt"]["asked"]


def test_only_an_ended_run_is_deleted(
    client: TestClient, run: dict[str, Any], ended: dict[str, Any], playground: Playground
) -> None:
    problem(client.delete(run["links"]["self"]), 409)
    folder = playground.store.run_folder(ended["id"])
    folder.mkdir(parents=True, exist_ok=True)
    assert client.delete(ended["links"]["self"]).status_code == 204
    assert not folder.exists()
    problem(client.get(ended["links"]["self"]), 404)


@pytest.mark.parametrize("body", [{"unit": "year"}, {"count": 0}, {"count": 10**9}, {"count": 1.5}, {"times": 3}])
def test_a_bad_step_is_refused(client: TestClient, run: dict[str, Any], body: dict[str, Any]) -> None:
    problem(client.post(f"{run['links']['self']}/step", json=body), 422)


def test_a_wrong_method_names_the_right_ones(client: TestClient, run: dict[str, Any]) -> None:
    response = client.put(run["links"]["self"], json={})
    problem(response, 405)
    assert response.headers["Allow"] == "GET, PATCH, DELETE"


def test_an_unknown_address_of_the_api_is_a_problem(client: TestClient) -> None:
    problem(client.get(f"{API}/nonsense"), 404)


def test_queued_runs_show_their_place_and_the_queue_has_an_end(tmp_path: Any) -> None:
    from app.core.errors import Refused
    from app.protocol.runs import RunCreate
    from app.web.services import RunQuery

    small = make_playground(tmp_path, max_running=1, max_queued=2)
    small._load()  # the catalogue alone: nothing takes runs from the queue
    small.jobs.submit = lambda run: None  # type: ignore[method-assign]
    first, second = (small.create_run(RunCreate(**CLIFF)) for _time in range(2))
    assert (first.queue_position, second.queue_position) == (1, 2)
    assert [run.queue_position for run in small.runs(RunQuery(sort="created")).items] == [1, 2]
    with pytest.raises(Refused, match="at most 2"):
        small.create_run(RunCreate(**CLIFF))
    close(small)


def test_a_nearly_full_disk_refuses_new_runs(tmp_path: Any) -> None:
    from app.core.errors import Refused
    from app.protocol.runs import RunCreate

    full = make_playground(tmp_path)
    full._load()
    full.settings = full.settings.model_copy(update={"refuse_below_free_mb": 10**12})
    with pytest.raises(Refused, match="free disk"):
        full.create_run(RunCreate(**CLIFF))
    close(full)


@pytest.mark.parametrize(
    ("body", "where", "rule", "way_out"),
    [
        ({"total_steps": -4}, "total_steps", "must be ≥ 1", "The smallest allowed is 1."),
        ({"seed": "one"}, "seed", "must be a whole number", "For example 1"),
        ({"config": []}, "config", "must be an object", '{"name": value}'),
        ({"name": "x" * 900_000}, "name", "must have at most 200 characters", "Shorten"),
        ({"name": "a\u007f"}, "name", "holds a control character", "Leave it out"),
        ({"algorithm": "../q"}, "algorithm", "must be 1–64 letters, digits, _ or -", "/algorithms"),
        ({"tags": ["", "a"]}, "tags.0", "must have at least 1 characters", "Leave it out"),
        ({"typo": 1}, "typo", "unknown name", "/docs"),
    ],
)
def test_every_refusal_is_in_our_words_with_a_way_out(
    client: TestClient, body: dict[str, Any], where: str, rule: str, way_out: str
) -> None:
    response = client.post(f"{API}/runs", json={**CLIFF, **body})
    assert response.status_code == 422
    fault = response.json()["errors"][0]
    assert (fault["where"], fault["rule"]) == (where, rule)
    assert way_out in fault["way_out"]


def test_an_address_with_a_bad_number_names_the_way_out(client: TestClient) -> None:
    fault = client.get(f"{API}/runs/abc").json()["errors"][0]
    assert (fault["where"], fault["rule"]) == ("id", "must be a whole number")
    assert fault["way_out"]


def test_a_speed_has_a_lowest_value(client: TestClient, run: dict[str, Any]) -> None:
    refused = client.patch(run["links"]["self"], json={"speed": 1e-9})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["rule"] == "must be ≥ 0.01"
    assert refused.json()["errors"][0]["way_out"] == "The smallest allowed is 0.01."
    assert client.patch(run["links"]["self"], json={"speed": 0.01}).json()["speed"] == 0.01


def test_what_cannot_change_live_says_whether_a_fork_can_change_it(client: TestClient, run: dict[str, Any]) -> None:
    refused = client.patch(run["links"]["self"], json={"config": {"gamma": 0.5, "initial_q": 1.0}})
    gamma, initial_q = refused.json()["errors"]
    assert gamma["way_out"].startswith("Fork the run to change it. These may change: alpha")
    assert initial_q["way_out"].startswith("Start a new run to change it.")


def test_the_world_of_a_run_is_edited_and_what_cannot_be_is_refused(client: TestClient) -> None:
    options = {"layout": "S.../..../...G"}
    wanted = {"algorithm": "q_learning", "environment": "gridworld", "environment_config": options, "total_steps": 1000}
    address = client.post(f"{API}/runs", json=wanted).json()["links"]["self"]
    answer = client.patch(address, json={"environment_config": {"layout": "S.../###./...G"}})
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert (run["edit"]["effective"], run["edit"]["step"]) == ("step", None)
    assert run["environment_config"]["layout"] == "S.../###./...G"
    for change, status, said in (
        ({"layout": "S.../####/...G"}, 422, "no goal can be reached"),
        ({"layout": "S..../...../....G"}, 422, "start a new run"),
        ({"max_episode_steps": 9}, 422, "cannot change while the run lives"),
        ({}, 422, "names nothing to change"),
        ({"layout": "S.../###./...G", "max_episode_steps": 200}, 422, "is what the world is already"),
    ):
        refused = client.patch(address, json={"environment_config": change})
        assert refused.status_code == status
        assert said in refused.json()["detail"]
    both = client.patch(address, json={"environment_config": {"slip": 0.1}, "config": {"alpha": 0.1}})
    assert "Send two requests" in both.json()["detail"]
    assert client.get(address).json()["environment_config"] == run["environment_config"]
    whole = {**run["environment_config"], "slip": 0.25}  # an editor may send everything it knows
    assert client.patch(address, json={"environment_config": whole}).json()["environment_config"] == whole
    cliff = client.post(f"{API}/runs", json=CLIFF).json()["links"]["self"]
    fixed = client.patch(cliff, json={"environment_config": {"is_slippery": True}})
    assert (fixed.status_code, fixed.json()["title"]) == (409, "Not possible now")
