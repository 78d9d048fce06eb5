"""The operator's knobs."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings


def test_a_knob_is_set_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RL_PLAYGROUND_MAX_RUNNING", "3")
    monkeypatch.setenv("RL_PLAYGROUND_DATA", "/somewhere")
    assert Settings().running_limit == 3
    assert Settings().data == Path("/somewhere")
    assert Settings(max_running=5).running_limit == 5


def test_the_number_of_runs_follows_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RL_PLAYGROUND_MAX_RUNNING", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    assert Settings().running_limit == 12


@pytest.mark.parametrize(
    "bad", [{"port": 0}, {"max_running": -1}, {"max_streams": 0}, {"nonsense": 1}, {"body_bytes": 10}]
)
def test_a_knob_keeps_its_bounds(bad: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Settings(**bad)


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1
