"""What the supervisor knows: the workers at hand, and which run each of them trains. Only its thread changes this."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Missing
from app.core.text import _
from app.jobs.engine import Engine, Worker
from app.jobs.hub import Hub
from app.settings import Settings
from app.store import runs
from app.store.database import Store

Work = Callable[[], None]


@dataclass
class Attempt:
    """A worker that trains one run.

    Attributes:
        number: the attempt's number; every record carries it and a stale one is refused.
        edits: ids of the live edits the worker has been told.
        paused_at: when the pause was committed (monotonic), or None while it trains, steps, or waits for the storage;
            it occupies a slot as long as this is None.
        steps_left: how many step commands it has not fulfilled yet.
        heard_at: when the worker last said anything (monotonic).
        stop_due: when a stop that was not taken ends the process, or None.
        is_over: its last state is committed; the process is about to end.
        is_going: it trains or is paused: it answers commands, and has something to save.
    """

    run: int
    number: int
    worker: Worker
    heard_at: float
    edits: set[int] = field(default_factory=set)
    paused_at: float | None = None
    steps_left: int = 0
    stop_due: float | None = None
    is_over: bool = False
    is_going: bool = False
    is_stalled: bool = False

    def command(self, name: str, **values: Any) -> None:
        """Send a command to the worker."""
        self.worker.send({"type": "command", "name": name, **values})

    def run_on(self) -> None:
        """Take note that it trains: it occupies a slot."""
        self.paused_at, self.steps_left = None, 0

    def step(self, unit: str, count: int) -> None:
        """Let a paused run take some steps; until they are done it occupies a slot."""
        self.paused_at = None
        self.steps_left += 1
        self.command("step", unit=unit, count=count)

    def rest(self, now: float, stepped: int) -> None:
        """Take note that it is paused, `stepped` of its step commands fulfilled."""
        self.steps_left = max(0, self.steps_left - stepped)
        if not self.steps_left:
            self.paused_at = now


@dataclass
class Spare:
    """A worker without a run; it may still be warming."""

    worker: Worker
    is_ready: bool = False


@dataclass
class Floor:
    """The supervisor's state and what its parts work with."""

    store: Store
    hub: Hub
    settings: Settings
    engine: Engine
    post: Callable[[Work], None]
    clock: Callable[[], float] = time.monotonic
    attempts: dict[int, Attempt] = field(default_factory=dict)
    workers: set[Worker] = field(default_factory=set)
    spare: Spare | None = None
    spare_due: float | None = 0.0
    spare_failures: int = 0
    deaths: dict[int, int] = field(default_factory=dict)
    watched: dict[int, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    is_disk_full: bool = False
    is_closing: bool = False

    def busy(self) -> int:
        """Return how many runs occupy a slot."""
        return sum(1 for attempt in self.attempts.values() if not attempt.is_over and attempt.paused_at is None)

    def has_room(self) -> bool:
        """Return whether another run may train now."""
        return self.busy() < self.settings.running_limit

    def row(self, run: int) -> runs.RunRow:
        """Return a run as stored.

        Raises:
            Missing: there is no such run.
        """
        with self.store.read() as connection:
            row = runs.get(connection, run)
        if row is None:
            raise Missing.one("run", run, _("no such run"), _("GET /api/v1/runs lists them."))
        return row

    def panels(self, run: int) -> list[dict[str, Any]]:
        """Return the union of what viewers look at of a run, at most eight panels."""
        wanted: list[dict[str, Any]] = []
        for panels in self.watched.get(run, {}).values():
            wanted.extend(panel for panel in panels if panel not in wanted)
        return wanted[:8]
