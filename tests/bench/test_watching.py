"""What watching costs the training: processor time of a worker per step with all panels of its run watched, and with none.

pytest -m bench -n 0 -s tests/bench/test_watching.py

Take the figures on a quiet machine: beside another job a step costs more processor time, and a run that lasts longer shows more
frames. It is the whole process that is timed, from the first step to the last: drawing, packing the frames and sending them;
what the server and the browser spend on them is theirs. Both runs of a round have the same seed and so learn the same. The
budget is 5 %.
"""

import statistics
from pathlib import Path
from typing import Any

import pytest

from app import catalog
from tests.bench.workers import trainees

ROUNDS = 5
CASES: list[tuple[str, str, int]] = [
    ("q_learning", "FrozenLake-v1", 30_000_000),
    ("ppo", "CartPole-v1", 200_000),
    ("dqn", "CartPole-v1", 50_000),
    ("sac", "Pendulum-v1", 2_000),
]


def watchable(algorithm: str, environment: str) -> list[dict[str, Any]]:
    """Return what a page watches that shows every panel of a run with its default options."""
    panels = catalog.panels_for(catalog.algorithm(algorithm), catalog.environment(environment))
    return [{"panel": panel.id, "options": {}} for panel in panels if not panel.on_request]


def train(folder: Path, recipe: Any, watch: list[dict[str, Any]]) -> tuple[float, float, int]:
    """Train in a worker; return its processor seconds per step, the seconds that passed, and the frames it sent."""
    with trainees(folder, [None]) as (worker,):
        worker.start(recipe, watch)
        worker.finish()
        first, last = worker.marks[0], worker.marks[-1]
        return (last.busy_s - first.busy_s) / (last.step - first.step), last.wall_s - first.wall_s, worker.frames


@pytest.mark.bench
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("algorithm", "environment", "steps"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_watching_every_panel(algorithm: str, environment: str, steps: int, tmp_path: Path) -> None:
    panels = watchable(algorithm, environment)
    alone, watched = list[tuple[float, float, int]](), list[tuple[float, float, int]]()
    for seed in range(ROUNDS):
        recipe = catalog.resolve(algorithm, environment, total_steps=steps, seed=seed)
        alone.append(train(tmp_path, recipe, []))
        watched.append(train(tmp_path, recipe, panels))
    extra = [100 * (more[0] / less[0] - 1) for less, more in zip(alone, watched, strict=True)]
    cost, cost_watched, seconds, seconds_watched = (
        statistics.median(run[column] for run in runs) for column in (0, 1) for runs in (alone, watched)
    )
    print(  # noqa: T201
        f"\n{algorithm} on {environment}, {len(panels)} panels: {1e6 * cost:.3g} µs of processor time a step alone, {1e6 * cost_watched:.3g}"
        f" watched, {statistics.median(extra):+.1f} % of {[round(each, 1) for each in extra]}; {seconds:.1f} s against"
        f" {seconds_watched:.1f} s, {statistics.median(run[2] for run in watched):.0f} frames",
        end="",
    )
    assert all(run[2] == 0 for run in alone)
    assert all(run[2] > 0 for run in watched)
