"""A real learner that must diverge: the run fails, and its reason names the number, the step and the way out."""

import re
from pathlib import Path
from typing import Any

from app import catalog
from app.training.local import job_here, run_here

TINY = {"learning_starts": 8, "batch_size": 8, "buffer_size": 400, "net_arch": "16,16"}


def outcome(folder: Path, learning_rate: float) -> tuple[str, str]:
    """Return how SAC on Pendulum ends after at most 400 steps, and the reason that it gives."""
    told: list[dict[str, Any]] = []
    recipe = catalog.resolve(
        "sac", "Pendulum-v1", config={**TINY, "learning_rate": learning_rate}, environment_config={}, preset="",
        total_steps=400, seed=1,
    )  # fmt: skip
    job = job_here(recipe, folder, eval_every_steps=400, eval_episodes=1)
    state = run_here(job, lambda kind, header, _arrays: told.append(header) if kind == "state" else None)
    return state, told[-1]["reason"]


def test_a_far_too_large_learning_rate_fails_and_says_which_number_at_which_step(tmp_path: Path) -> None:
    state, reason = outcome(tmp_path, 1.0)
    assert state == "failed"
    found = re.fullmatch(r"(train/\w+) became (-?inf|nan) at step (\d+): training diverged\. (.+)", reason)
    assert found, reason
    assert found[1] in catalog.scalars()
    assert 8 < int(found[3]) < 400
    assert found[4] == "Start a new run with a lower learning rate."


def test_the_same_run_with_the_usual_learning_rate_ends_finished(tmp_path: Path) -> None:
    assert outcome(tmp_path, 3e-4) == ("finished", "")
