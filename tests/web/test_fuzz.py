"""Schemathesis against the OpenAPI document: no 5xx, no answer that differs from what is documented."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from app.web.app import create_app
from app.web.services import Playground
from tests.web.conftest import TOKEN, close, make_playground, recorded

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
OPERATIONS = 50


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    made = make_playground(tmp_path_factory.mktemp("fuzzed"), allowed_hosts=("testserver",))
    made.start()
    for spec in made.catalog().environments().values():
        spec.make(spec.config())
    for _time in range(3):
        recorded(made, lambda id: id)
    yield made
    close(made)


def fuzz(playground: Playground, *, examples: int, stateful: bool) -> tuple[list[str], set[str], int]:
    """Return what was wrong, which operations were asked, and how many requests were checked."""
    config = SchemathesisConfig.from_dict(
        {
            "headers": HEADERS,
            "continue-on-failure": True,
            "request-timeout": 60,
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
            "phases": {"stateful": {"enabled": stateful}},
            "checks": {"positive_data_acceptance": {"enabled": False}},
            "warnings": False,
        }
    )
    loaded = schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json", create_app(playground), headers=HEADERS, config=config
    )
    api = loaded.exclude(operation_id="stream")  # it never ends; tests/web/test_stream.py reads it
    wrong: list[str] = []
    asked: set[str] = set()
    count = 0
    for event in from_schema(api).execute():
        if isinstance(event, FatalError | NonFatalError):
            wrong.append(str(event.info.format() if hasattr(event, "info") else event.exception))
        if isinstance(event, ScenarioFinished):
            asked.add(event.label or "")
            for id, checks in event.recorder.checks.items():
                count += len(checks)
                wrong += [_described(event.recorder, id, check) for check in checks if check.failure_info is not None]
    return wrong, asked, count


def _described(recorder: Any, id: str, check: Any) -> str:
    failure = check.failure_info.failure
    return f"{check.name}: {failure.title} {failure.message}\n{check.failure_info.code_sample}\n"


def test_no_request_breaks_what_is_documented(fuzzed: Playground) -> None:
    wrong, asked, count = fuzz(fuzzed, examples=12, stateful=False)
    assert not wrong, f"{len(wrong)} failures\n" + "\n".join(sorted(set(wrong))[:12])
    assert len(asked) == OPERATIONS
    assert count > 5_000


@pytest.mark.long
def test_no_request_breaks_what_is_documented_at_length(fuzzed: Playground) -> None:
    wrong, _asked, _count = fuzz(fuzzed, examples=300, stateful=True)
    assert not wrong, f"{len(wrong)} failures\n" + "\n".join(sorted(set(wrong))[:12])
