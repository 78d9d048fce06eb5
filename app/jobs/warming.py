"""Making a worker quick: kernels are compiled, or loaded from their cache, before a run's clock begins to count.

A waiting worker takes every algorithm through a very short run; one that got a run earlier does so for that run alone. A
marker beside the kernels says which pairs of algorithm and environment were compiled on this machine already.
"""

import logging
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from app import catalog
from app.core.contracts import Array
from app.core.jit import kernels_folder, sources_hash
from app.core.specs import AlgorithmSpec
from app.core.text import _
from app.training.job import Job
from app.training.loop import train

log = logging.getLogger("app.jobs.warming")
UPDATE_STEPS = 256
MAX_STEPS = 4_096
REHEARSED_STEPS = 2
FIRST = ("q_learning", "ppo", "dqn", "value_iteration")
COMPILING = _("Compiling kernels for this machine, once (a few seconds)")


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


def order() -> list[AlgorithmSpec]:
    """Return every algorithm, one of each family first: what a family shares is then loaded."""
    known = catalog.algorithms()
    return [known[name] for name in FIRST] + [spec for name, spec in known.items() if name not in FIRST]


def steps() -> Iterator[str]:
    """Warm one algorithm after another; between two of them the worker looks whether a run has arrived.

    Once one of a family is warm, another whose kernels are in the cache has little left to load, and is passed by.
    """
    families = set[str]()
    for spec in order():
        if spec.family not in families or not is_compiled(spec.id, spec.smoke.environment):
            warm_quietly(spec)
        families.add(spec.family)
        yield spec.id


def is_ready_for(algorithm: str, warmed: Collection[str]) -> bool:
    """Return whether a worker that warmed these algorithms has little left to load for another."""
    family = catalog.algorithm(algorithm).family
    return algorithm in warmed or any(catalog.algorithm(name).family == family for name in warmed)


def warm_quietly(spec: AlgorithmSpec) -> None:
    """Warm one algorithm; what goes wrong is logged, because a run may still go well."""
    try:
        warm(spec)
        _mark(spec.id, spec.smoke.environment)
    except Exception:
        log.exception("%s could not be warmed", spec.id)


def is_compiled(algorithm: str, environment: str) -> bool:
    """Return whether this pair ran on this machine before, so that its kernels are in the cache."""
    marker = _marker(algorithm, environment)
    return marker is not None and marker.exists()


def rehearse(job: Job) -> None:
    """Take the job's own algorithm and environment through a few steps in a folder that is thrown away."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            nowhere = Nowhere()
            short = Job(
                run=0, attempt=0, algorithm=job.algorithm, environment=job.environment,
                environment_config=job.environment_config, config=job.config, seed=job.seed,
                total_steps=REHEARSED_STEPS, folder=folder, eval_episodes=1,
            )  # fmt: skip
            train(short, nowhere, nowhere)
        _mark(job.algorithm, job.environment)
    except Exception:
        log.exception("%s on %s could not be rehearsed", job.algorithm, job.environment)


def _marker(algorithm: str, environment: str) -> Path | None:
    agents, worlds = (
        sources_hash(spec.config.__module__)
        for spec in (catalog.algorithm(algorithm), catalog.environment(environment))
    )
    base = kernels_folder()
    return base / f"{algorithm}--{environment}--{agents}{worlds}.compiled" if base else None


def _mark(algorithm: str, environment: str) -> None:
    marker = _marker(algorithm, environment)
    if marker is not None:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()


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
