"""A job travels as JSON."""

import json
from pathlib import Path

import pytest

from app.training.job import Job
from tests.training.fakes import job


def test_a_job_comes_back_from_json(tmp_path: Path) -> None:
    sent = job(tmp_path, edits=[{"id": 1, "step": None, "config": {"alpha": 1.0}}], checkpoint="10-auto-1", speed=2.0)
    assert Job.from_json(json.loads(json.dumps(sent.to_json()))) == sent


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        Job.from_json({"nonsense": 1})


def test_a_checkpoint_is_the_runs_own_or_another_runs_by_absolute_path(tmp_path: Path) -> None:
    assert job(tmp_path).checkpoint_path() is None
    assert job(tmp_path, checkpoint="10-auto-1").checkpoint_path() == tmp_path / "checkpoints" / "10-auto-1"
    other = tmp_path / "other" / "10-auto-1"
    assert job(tmp_path, checkpoint=str(other)).checkpoint_path() == other
