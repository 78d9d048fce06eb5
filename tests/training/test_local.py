"""Training in this process, with real parts: what the command line does."""

from pathlib import Path
from typing import Any

from app import catalog
from app.training.local import LocalControl, job_here, run_here

RECIPE = {"algorithm": "q_learning", "environment": "FrozenLake-v1"}


def test_a_recipe_runs_to_its_end_and_tells_everything(tmp_path: Path) -> None:
    recipe = catalog.resolve(**RECIPE, total_steps=5_000)
    kinds: list[str] = []

    def on_record(kind: str, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        kinds.append(kind)

    assert run_here(job_here(recipe, tmp_path), on_record) == "finished"
    assert {"state", "event", "points", "frame", "episode", "checkpoint"} <= set(kinds)


def test_a_command_sent_from_a_record_is_obeyed(tmp_path: Path) -> None:
    recipe = catalog.resolve(**RECIPE, total_steps=1_000_000_000)
    control, states = LocalControl(), []

    def on_record(kind: str, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        if kind == "points":
            control.send({"name": "stop"})
        elif kind == "state":
            states.append(header["state"])

    assert run_here(job_here(recipe, tmp_path, watch=[{"panel": "grid_values"}]), on_record, control) == "stopped"
    assert states == ["running", "stopped"]
