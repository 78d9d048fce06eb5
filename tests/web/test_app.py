"""The application as a whole: its OpenAPI document is a promise, so a change of it is a change of this file."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from app.web.app import create_app
from app.web.services import Playground
from tests.web.conftest import API

PROMISED = """
GET /api/v1/health health 200 401 403 421 422
GET /api/v1/algorithms list_algorithms 200 401 403 421 422
GET /api/v1/algorithms/{id} read_algorithm 200 401 403 421 422 404
GET /api/v1/environments list_environments 200 401 403 421 422
POST /api/v1/environments save_world 201 401 403 421 422 400 413 415 409
GET /api/v1/environments/{id} read_environment 200 401 403 421 422 404
GET /api/v1/environments/{id}/saved/{name} read_world 200 401 403 421 422 404
DELETE /api/v1/environments/{id}/saved/{name} delete_world 204 401 403 421 422 404
POST /api/v1/environments/{id}/solution solve_environment 200 401 403 421 422 404 400 413 415
POST /api/v1/runs create_run 201 401 403 421 422 400 413 415 409
GET /api/v1/runs list_runs 200 401 403 421 422
GET /api/v1/runs/{id} read_run 200 401 403 421 422 404 304
PATCH /api/v1/runs/{id} patch_run 200 401 403 421 422 404 409 413 400 415 412
DELETE /api/v1/runs/{id} delete_run 204 401 403 421 422 404 409 413
POST /api/v1/runs/{id}/fork fork_run 201 401 403 421 422 404 409 413 400 415
POST /api/v1/runs/{id}/step step_run 202 401 403 421 422 404 409 413 400 415
POST /api/v1/runs/{id}/pause pause_run 202 401 403 421 422 404 409 413
POST /api/v1/runs/{id}/resume resume_run 202 401 403 421 422 404 409 413
POST /api/v1/runs/{id}/stop stop_run 202 401 403 421 422 404 409 413
POST /api/v1/runs/{id}/checkpoint checkpoint_run 202 401 403 421 422 404 409 413
GET /api/v1/runs/{id}/metrics read_metrics 200 401 403 421 422 404 304
GET /api/v1/runs/{id}/metrics.csv read_metrics_csv 200 401 403 421 422 404
GET /api/v1/runs/{id}/frames list_frames 200 401 403 421 422 404
GET /api/v1/runs/{id}/frames/{panel} read_frame 200 401 403 421 422 404 409 304
GET /api/v1/runs/{id}/frames/{panel}/past read_past_frames 200 401 403 421 422 404 304
GET /api/v1/runs/{id}/events list_events 200 401 403 421 422 404
GET /api/v1/runs/{id}/worlds list_worlds 200 401 403 421 422 404
GET /api/v1/runs/{id}/checkpoints list_checkpoints 200 401 403 421 422 404
DELETE /api/v1/runs/{id}/checkpoints/{checkpoint} delete_checkpoint 204 401 403 421 422 404 409 413
GET /api/v1/runs/{id}/episodes list_episodes 200 401 403 421 422 404
GET /api/v1/runs/{id}/episodes/{number} read_episode 200 401 403 421 422 404
POST /api/v1/runs/{id}/episodes/{number}/plays play_episode 201 401 403 421 422 404 409 413
POST /api/v1/plays/{play}/steps step_play 200 401 403 421 422 404 409 413 400 415
DELETE /api/v1/plays/{play} end_play 204 401 403 421 422 409
GET /api/v1/runs/{id}/episodes/{number}/images read_images 200 401 403 421 422 404 409 304
GET /api/v1/runs/{id}/preferences list_preferences 200 401 403 421 422 404
POST /api/v1/runs/{id}/preferences add_preference 201 401 403 421 422 404 409 413 400 415
DELETE /api/v1/runs/{id}/preferences delete_preferences 204 401 403 421 422 404
GET /api/v1/runs/{id}/preferences.csv read_preferences_csv 200 401 403 421 422 404
GET /api/v1/runs/{id}/preferences/pair read_pair 200 401 403 421 422 404 409
POST /api/v1/runs/{id}/preferences/simulated simulate_preferences 201 401 403 421 422 404 409 413 400 415
DELETE /api/v1/runs/{id}/preferences/{label} delete_preference 204 401 403 421 422 404
GET /api/v1/recipes list_recipes 200 401 403 421 422
GET /api/v1/studies list_studies 200 401 403 421 422
POST /api/v1/studies create_study 201 401 403 421 422 404 409 413 400 415
GET /api/v1/studies/{id} read_study 200 401 403 421 422 404
DELETE /api/v1/studies/{id} delete_study 204 401 403 421 422 404 409 413
GET /api/v1/studies/{id}/figures read_study_figures 200 401 403 421 422 404
POST /api/v1/studies/{id}/stop stop_study 200 401 403 421 422 404 409 413
GET /api/v1/pass_at_k read_pass_at_k 200 401 403 421 422 404
GET /api/v1/stream stream 200 401 403 421 422 503
"""


@pytest.fixture(scope="module")
def document(playground: Playground) -> dict[str, Any]:
    return create_app(playground).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def test_every_operation_keeps_its_name_and_its_answers(document: dict[str, Any]) -> None:
    found = [
        f"{method.upper()} {path} {one['operationId']} {' '.join(one['responses'])}"
        for method, path, one in operations(document)
    ]
    assert found == [line.strip() for line in PROMISED.strip().splitlines()]


def test_every_operation_is_explained(document: dict[str, Any]) -> None:
    for _method, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["tags"], path
    assert {tag["name"] for tag in document["tags"]} == {
        tag for _m, _p, one in operations(document) for tag in one["tags"]
    }


def test_every_refusal_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    for _method, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                schema = answer["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (path, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_bodies_have_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["RunCreate"]["properties"]["algorithm"]["examples"] == ["q_learning"]
    assert schemas["Run"]["properties"]["state"]["examples"] == ["running"]


def test_every_number_of_a_request_is_bounded(document: dict[str, Any]) -> None:
    for _method, path, operation in operations(document):
        for parameter in operation.get("parameters", []):
            for kind in parameter["schema"].get("anyOf", [parameter["schema"]]):
                if kind["type"] == "integer":
                    assert {"minimum", "maximum"} <= kind.keys(), (path, parameter["name"])
                if kind["type"] == "string":
                    assert {"maxLength", "pattern", "enum"} & kind.keys(), (path, parameter["name"])


def test_only_health_is_open(document: dict[str, Any]) -> None:
    assert document["security"] == [{"token": []}]
    assert [path for _m, path, one in operations(document) if one.get("security") == []] == [f"{API}/health"]


def test_the_reference_page_names_every_operation_and_problem(client: TestClient, document: dict[str, Any]) -> None:
    from app.web.problems import KINDS

    text = client.get("/docs").text
    for _method, path, _operation in operations(document):
        assert path in text
    for slug in KINDS:
        assert f'id="problem-{slug}"' in text
