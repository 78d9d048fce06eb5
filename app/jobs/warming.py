"""Making a worker quick: kernels are compiled, or loaded from their cache, before a run's clock begins to count.

A waiting worker takes every algorithm through a very short run, on a thread of its own; once it has got a run, for that run
alone. Meanwhile a run takes its steps with plain twins of its kernels, where these give the same bits; else it waits. A
marker beside the kernels says which pairs of algorithm and environment were compiled on this machine already.
"""

import logging
import queue
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from app import catalog
from app.core.contracts import Array
from app.core.jit import kernels_folder, sources_hash
from app.core.plain_mode import is_plain_enough
from app.core.specs import AlgorithmSpec
from app.core.text import _
from app.training.job import Job
from app.training.loop import train

log = logging.getLogger("app.jobs.warming")
UPDATE_STEPS = 256
MAX_STEPS = 4_096
REHEARSED_STEPS = 2
FIRST = ("q_learning", "ppo", "dqn", "value_iteration", "sft")
MOST_PLAIN_WORK = (
    1_000_000  # outcomes times time limit: an exact evaluation in plain Python then takes a third of a second
)
COMPILING = _("Compiling kernels for this machine, once (a few seconds)")
PLAIN = _("Running without compiled kernels until they are ready")


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


class Warmer:
    """Compiles kernels, or loads them, on a thread of its own.

    Args:
        say_ready: called once everything is warm and no run has come.

    Attributes:
        warmed: the algorithms that are warm by now.
        has_begun: whether the thread runs.
    """

    def __init__(self, say_ready: Callable[[], None]) -> None:
        self.warmed: set[str] = set()
        self.has_begun = False
        self._say_ready = say_ready
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._wanted: queue.SimpleQueue[tuple[Job, Callable[[], None]]] = queue.SimpleQueue()

    def begin(self) -> None:
        """Start the thread."""
        self.has_begun = True
        threading.Thread(target=self._work, name="warming", daemon=True).start()

    def prefer(self, job: Job, then: Callable[[], None]) -> None:
        """Warm, after what is just being warmed, only what the job lacks, and call `then`."""
        self._wanted.put((job, then))
        if not self.has_begun:
            self.begin()

    def close(self) -> None:
        """Remove what its short runs left; the thread ends with the process."""
        self._folder.cleanup()

    def _work(self) -> None:
        folder = self._folder.name
        if self._wanted.empty():
            for name in steps(folder):
                self.warmed.add(name)
                if not self._wanted.empty():
                    break
            else:
                self._say_ready()
        job, then = self._wanted.get()
        make_ready(job, self.warmed, folder)
        then()


def lacks(job: Job, warmed: Collection[str]) -> bool:
    """Return whether something is to be compiled or loaded before the job can run at full speed."""
    return not is_ready_for(job.algorithm, warmed) or not is_compiled(job.algorithm, job.environment)


def make_ready(job: Job, warmed: Collection[str], folder: str | None = None) -> None:
    """Compile or load what a job lacks."""
    is_new = not is_compiled(job.algorithm, job.environment)
    if not is_ready_for(job.algorithm, warmed) or (is_new and job.algorithm not in warmed):
        warm_quietly(catalog.algorithm(job.algorithm), folder)
    if is_new:
        rehearse(job, folder)


def may_start_plain(job: Job, warmed: Collection[str]) -> bool:
    """Return whether the job can begin with plain twins: its kernels are still to be compiled, and the twins give the same bits.

    To be asked where kernels run plain: a world that is too large for them is made to be measured.
    """
    spec = catalog.algorithm(job.algorithm)
    is_at_hand = job.algorithm in warmed or is_compiled(spec.id, spec.smoke.environment)
    if is_at_hand or is_compiled(job.algorithm, job.environment) or not (spec.tabular or spec.needs_model):
        return False
    if not is_plain_enough(spec.config.__module__):
        return False
    world = catalog.environment(job.environment)
    made = world.make(world.config.parse(job.environment_config))
    outcomes = made.mdp.probabilities.size if made.mdp is not None else 0
    return bool(outcomes * made.max_episode_steps <= MOST_PLAIN_WORK)


def order() -> list[AlgorithmSpec]:
    """Return every algorithm, one of each family first: what a family shares is then loaded."""
    known = catalog.algorithms()
    return [known[name] for name in FIRST] + [spec for name, spec in known.items() if name not in FIRST]


def steps(folder: str | None = None) -> Iterator[str]:
    """Warm one algorithm after another, in folders within `folder`.

    Once one of a family is warm, another whose kernels are in the cache has little left to load, and is passed by.
    """
    families = set[str]()
    for spec in order():
        if spec.family not in families or not is_compiled(spec.id, spec.smoke.environment):
            warm_quietly(spec, folder)
        families.add(spec.family)
        yield spec.id


def is_ready_for(algorithm: str, warmed: Collection[str]) -> bool:
    """Return whether a worker that warmed these algorithms has little left to load for another."""
    family = catalog.algorithm(algorithm).family
    return algorithm in warmed or any(catalog.algorithm(name).family == family for name in warmed)


def warm_quietly(spec: AlgorithmSpec, folder: str | None = None) -> None:
    """Warm one algorithm; what goes wrong is logged, because a run may still go well."""
    try:
        warm(spec, folder)
        _mark(spec.id, spec.smoke.environment)
    except Exception:
        log.exception("%s could not be warmed", spec.id)


def is_compiled(algorithm: str, environment: str) -> bool:
    """Return whether this pair ran on this machine before, so that its kernels are in the cache."""
    marker = _marker(algorithm, environment)
    return marker is not None and marker.exists()


def rehearse(job: Job, within: str | None = None) -> None:
    """Take the job's own algorithm and environment through a few steps in a folder that is thrown away."""
    try:
        with tempfile.TemporaryDirectory(dir=within, ignore_cleanup_errors=True) as folder:
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


def warm(spec: AlgorithmSpec, within: str | None = None) -> None:
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
    with tempfile.TemporaryDirectory(dir=within, ignore_cleanup_errors=True) as folder:
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
