"""Making a waiting worker quick: load kernels from their cache and pay every first-use cost before a run arrives."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import catalog
from app.core.contracts import Array
from app.core.specs import AlgorithmSpec
from app.training.job import Job
from app.training.loop import train

log = logging.getLogger("app.jobs.warming")
UPDATE_STEPS = 256
MAX_STEPS = 4_096


class Nowhere:
    """A sink that keeps nothing and a control that says nothing."""

    def record(self, kind: str, header: dict[str, Any], arrays: dict[str, Array] | None = None) -> None:
        """Ignore a record."""

    def live(self, header: dict[str, Any], arrays: dict[str, Array] | None = None) -> None:
        """Ignore a live message."""

    def backlog_bytes(self) -> int:
        """Return that nothing waits."""
        return 0

    def poll(self, timeout_s: float) -> list[dict[str, Any]]:
        """Return no command."""
        return []


def steps() -> Iterator[str]:
    """Warm one algorithm after another; between two of them the worker looks whether a run has arrived."""
    for spec in catalog.algorithms().values():
        try:
            warm(spec)
        except Exception:
            log.exception("%s could not be warmed", spec.id)
        yield spec.id


def warm(spec: AlgorithmSpec) -> None:
    """Take an algorithm's smoke task through one update, and a very short run of it through the whole loop."""
    smoke = spec.smoke
    recipe = catalog.resolve(
        spec.id,
        smoke.environment,
        config=smoke.config,
        environment_config=smoke.environment_config,
        preset="",
        total_steps=MAX_STEPS,
    )
    agent = catalog.build(recipe)[3]
    taken = 0
    while taken < MAX_STEPS:
        report = agent.update(UPDATE_STEPS)
        taken += max(1, report.steps)
        if report.updates or report.finished:
            break
    with tempfile.TemporaryDirectory() as folder:
        nowhere = Nowhere()
        train(_job(recipe, Path(folder)), nowhere, nowhere)


def _job(recipe: catalog.Recipe, folder: Path) -> Job:
    return Job(
        run=0,
        attempt=0,
        algorithm=recipe.algorithm,
        environment=recipe.environment,
        environment_config=recipe.environment_config,
        config=recipe.config,
        seed=0,
        total_steps=64,
        folder=str(folder),
        eval_episodes=1,
    )
