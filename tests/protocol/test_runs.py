"""The models refuse what the protocol does not allow (also app/protocol/base.py)."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.protocol.base import Problem
from app.protocol.runs import ForkRequest, Run, RunCreate, RunPatch, StepRequest


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (RunCreate, {"algorithm": "a:b", "environment": "e"}),
        (RunCreate, {"algorithm": "a", "environment": "e.f"}),
        (RunCreate, {"algorithm": "a", "environment": "e", "seed": True}),
        (RunCreate, {"algorithm": "a", "environment": "e", "seed": 1.0}),
        (RunCreate, {"algorithm": "a", "environment": "e", "name": "a\x07"}),
        (RunCreate, {"algorithm": "a", "environment": "e", "tags": [""]}),
        (RunCreate, {"algorithm": "a", "environment": "e", "extra": 1}),
        (RunPatch, {"speed": float("nan")}),
        (RunPatch, {"speed": float("inf")}),
        (StepRequest, {"count": True}),
        (ForkRequest, {"checkpoint": "../x"}),
    ],
)
def test_what_is_not_allowed_is_refused(model: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model(**values)


def test_a_client_ignores_fields_it_does_not_know() -> None:
    answer = {"type": "t", "title": "t", "status": 400, "detail": "d", "news": 1}
    assert Problem.model_validate(answer).errors == []


def test_an_answer_never_holds_nan() -> None:
    base = dict.fromkeys(("id", "seed", "attempt", "step", "total_steps"), 1)
    texts = dict.fromkeys(("name", "algorithm", "environment", "created"), "x")
    run = Run(
        **base,
        **texts,
        tags=[],
        environment_config={},
        config={},
        state="queued",
        progress=0.5,
        latest={"a": float("nan")},
    )
    assert '"latest":{"a":null}' in run.model_dump_json()
