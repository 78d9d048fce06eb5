"""Errors as problem details, as pages elsewhere."""

from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from app.core.errors import CheckpointDamaged, InvalidInput, Missing, Refused, UnknownName
from app.protocol.base import Problem
from app.web.problems import KINDS, ProblemError, answer, body_of, from_http, from_playground, from_validation


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput.one("a", 1, "must be 2"), 422),
        (UnknownName.one("algorithm", "x", "no such algorithm"), 422),
        (Refused.one("state", "finished", "an ended run never changes"), 409),
        (Missing.one("run", 1, "there is no such run"), 404),
        (CheckpointDamaged("hash differs"), 422),
    ],
)
def test_our_errors_have_their_status(error: Any, status: int) -> None:
    assert from_playground(error).status_code == status


def test_a_problem_names_value_rule_and_way_out() -> None:
    error = from_playground(InvalidInput.one("config.gamma", 1.2, "must be ≤ 1", "Lower it."))
    body = Problem.model_validate(body_of(error, "/api/v1/runs"))
    assert body.detail == "config.gamma=1.2: must be ≤ 1. Lower it."
    assert body.errors[0].model_dump() == {
        "where": "config.gamma",
        "value": "1.2",
        "rule": "must be ≤ 1",
        "way_out": "Lower it.",
    }
    assert body.instance == "/api/v1/runs"


def test_outside_the_api_an_error_is_a_page_without_markup_from_outside() -> None:
    error = from_playground(Missing.one("run", "<script>", "no such run"))
    response = answer(error, "/runs/1")
    assert response.media_type == "text/html"
    assert b"<script>" not in bytes(response.body)
    assert b"&lt;script&gt;" in bytes(response.body)


def test_a_lone_surrogate_does_not_break_the_answer() -> None:
    assert answer(ProblemError("invalid", "\ud800"), "/api/x").status_code == 422


def test_errors_of_the_framework_become_problems() -> None:
    assert from_http(HTTPException(404)).kind == KINDS["missing"]
    assert from_http(HTTPException(405, headers={"Allow": "GET"})).headers == {"Allow": "GET"}
    assert from_http(HTTPException(418)).status_code == 400
    assert from_http(HTTPException(507)).status_code == 500


def test_at_most_twenty_violations_are_listed() -> None:
    item = {"type": "extra_forbidden", "loc": ("body", "x"), "msg": "no", "input": "y" * 1000}
    error = from_validation(RequestValidationError([item] * 500))
    assert len(error.violations) == 20
    assert len(error.violations[0].value) <= 80


def test_a_missing_page_is_a_page(client: TestClient) -> None:
    response = client.get("/no/such/page")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
