"""Every algorithm in every environment that it fits: a short job runs to its end, and what it reports are numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.training.local import job_here, run_here

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

STEPS, UPDATES = 2_000, 20
EVALUATIONS = 4  # a planner's take longer than its training
PAIRS = [
    (algorithm.id, environment.id)
    for algorithm in catalog.algorithms().values()
    for environment in catalog.environments().values()
    if not catalog.misfit(algorithm, environment)
]


def test_every_algorithm_fits_somewhere() -> None:
    assert {algorithm for algorithm, _ in PAIRS} == set(catalog.algorithms())
    assert {environment for _, environment in PAIRS} == set(catalog.environments())


@pytest.mark.parametrize(("algorithm", "environment"), PAIRS)
def test_a_short_job_runs_to_its_end(algorithm: str, environment: str, tmp_path: Path) -> None:
    ends, values = [], []

    def on_record(kind: str, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        if kind == "state":
            ends.append(header["state"])
        elif kind == "points":
            values.append(arrays["values"])

    steps = UPDATES if catalog.algorithm(algorithm).step_unit == "update" else STEPS
    recipe = catalog.resolve(algorithm, environment, total_steps=steps)
    job = job_here(recipe, tmp_path, eval_every_steps=steps // EVALUATIONS)
    assert run_here(job, on_record) == "finished"
    assert ends[-1] == "finished"
    assert np.isfinite(np.concatenate(values)).all()
