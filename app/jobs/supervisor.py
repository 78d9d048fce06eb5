"""The supervisor: one thread that starts runs, hears of their ends, obeys users and repairs. It sleeps until something happens.

Whatever happens is a piece of work in its mailbox: an insert, a user's action, a committed record, the end of a process,
a deadline. So no two decisions about a run ever interleave, and every state changes through the store's one table.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from app.core.contracts import Array
from app.core.errors import Refused
from app.core.text import _
from app.jobs.actions import Actions
from app.jobs.engine import Engine, LocalEngine, Worker
from app.jobs.floor import Attempt, Floor, Work
from app.jobs.frames import DrawnFrame, Frames
from app.jobs.hub import Hub
from app.jobs.intake import Intake
from app.jobs.launching import Launcher
from app.jobs.provenance import surroundings
from app.jobs.repair import Repair, cause_of
from app.jobs.studies import Studies
from app.settings import Settings
from app.store import runs
from app.store.database import Store

log = logging.getLogger(__name__)
T = TypeVar("T")
ENDING_S = 10.0
LEAVING_S = 1.5  # what workers get to save their state when the server stops
CLOSING_S = 3.0
ANSWER_S = 30.0


class Supervisor:
    """Keeps the runs of one data folder going. The public methods are thread-safe and quick."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        settings: Settings,
        *,
        engine: Engine | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mail: queue.SimpleQueue[Work] = queue.SimpleQueue()
        engine = engine or LocalEngine(store.folder, settings.worker_memory_mb)
        self._floor = Floor(store, hub, settings, engine, self._mail.put, clock)
        self._intake = Intake(self._floor, self._committed, self._lost)
        self._launcher = Launcher(self._floor, self._intake.handle, self._exited)
        self._actions = Actions(self._floor, self._launcher)
        self._repair = Repair(self._floor)
        self._studies = Studies(self._floor)
        self._frames = Frames(self._floor, self._intake.answers, self._ask)
        self._reconcile_due = 0.0
        self._thread = threading.Thread(target=self._work, name="supervisor", daemon=True)
        self._unsubscribe = store.writer.subscribe(hub.publish)

    def start(self) -> None:
        """Repair what the last server left behind, then begin to start runs."""
        self._thread.start()
        threading.Thread(target=surroundings, name="surroundings", daemon=True).start()  # a quarter second, once

    def depart(self) -> None:
        """Begin to close, without waiting: workers save their states while the connections end."""
        self._mail.put(self._shut)

    def close(self) -> None:
        """End every worker and the thread. Runs stay what they are and go on with the next server, from here."""
        if self._thread.is_alive():
            self._mail.put(self._shut)
            self._thread.join(CLOSING_S)
        self._unsubscribe()

    def wake(self) -> None:
        """Look at the queue now; call it after inserting a run."""
        self._mail.put(_nothing)

    def submit(self, run: int) -> None:
        """Take note of a new run; it starts as soon as there is a slot."""
        self.wake()

    def pause(self, run: int) -> None:
        """Pause a run after its present update."""
        self._ask_thread(lambda: self._actions.pause(run))

    def resume(self, run: int) -> None:
        """Let a paused run go on."""
        self._ask_thread(lambda: self._actions.resume(run))

    def stop(self, run: int) -> None:
        """End a run for good; its receipt says when that was asked, acknowledged and done."""
        self._ask_thread(lambda: self._actions.stop(run))

    def step(self, run: int, unit: str = "step", count: int = 1) -> None:
        """Let a paused run take some steps, updates or episodes."""
        self._ask_thread(lambda: self._actions.step(run, unit, count))

    def checkpoint(self, run: int) -> None:
        """Save a run's state now."""
        self._ask_thread(lambda: self._actions.checkpoint(run))

    def set_speed(self, run: int, value: float | None) -> None:
        """Limit a run's steps a second; None is full speed."""
        self._ask_thread(lambda: self._actions.set_speed(run, value))

    def edit(self, run: int, config: dict[str, Any], kind: str = "config") -> dict[str, Any]:
        """Change hyperparameters of a live run; returns {id, effective: step | update | episode, step: None}.

        Args:
            kind: "environment" where `config` holds options of the world instead.
        """
        return self._ask_thread(lambda: self._actions.edit(run, config, kind))

    def watch(self, run: int, viewer: str, panels: list[dict[str, Any]]) -> None:
        """Say what a viewer looks at, [{panel, options}]; the worker then sends live frames of it."""
        self._mail.put(partial(self._watch, run, viewer, panels))

    def unwatch(self, viewer: str) -> None:
        """Say that a viewer is gone."""
        self._mail.put(partial(self._unwatch, viewer))

    def frame(
        self, run: int, panel: str, options: Mapping[str, Any] | None = None, step: int | None = None
    ) -> DrawnFrame:
        """Return one frame; see `Frames.frame`."""
        return self._frames.frame(run, panel, options, step)

    def queue_position(self, run: int) -> int | None:
        """Return 1 for the run that starts next, None for one that is not queued."""
        with self._floor.store.read() as connection:
            return runs.queue_position(connection, run)

    def status(self) -> dict[str, Any]:
        """Return what is running, for health checks and `doctor`."""
        floor = self._floor
        spare = floor.spare
        return {
            "running": floor.busy(),
            "max_running": floor.settings.running_limit,
            "workers": sorted(worker.pid for worker in tuple(floor.workers)),
            "spare": "none" if spare is None else "ready" if spare.is_ready else "warming",
            "disk_full": floor.is_disk_full,
        }

    def _work(self) -> None:
        self._quietly(self._repair.reconcile)
        while not self._floor.is_closing:
            try:
                work: Work = self._mail.get(timeout=max(0.0, self._due() - self._floor.clock()))
            except queue.Empty:
                work = _nothing
            self._quietly(work)
            self._quietly(self._tick)

    def _tick(self) -> None:
        floor = self._floor
        now = floor.clock()
        if floor.is_closing:
            return
        for attempt in list(floor.attempts.values()):
            if attempt.stop_due is not None and attempt.stop_due <= now:
                attempt.stop_due = None
                attempt.worker.kill()
            elif attempt.paused_at is not None and attempt.paused_at + floor.settings.paused_keep_s <= now:
                self._actions.let_go(attempt)
        if self._reconcile_due <= now:
            self._reconcile_due = now + floor.settings.reconcile_s
            self._repair.reconcile()
            self._studies.advance()
        self._launcher.fill()
        self._launcher.keep_spare()

    def _due(self) -> float:
        floor = self._floor
        times = [self._reconcile_due]
        if floor.spare is None and floor.spare_due is not None and floor.settings.keep_spare:
            times.append(floor.spare_due)
        for attempt in floor.attempts.values():
            if attempt.stop_due is not None:
                times.append(attempt.stop_due)
            if attempt.paused_at is not None:
                times.append(attempt.paused_at + floor.settings.paused_keep_s)
        return min(times)

    def _committed(self, attempt: Attempt, kind: str, header: dict[str, Any]) -> None:
        now = self._floor.clock()
        if kind == "taken":
            attempt.stop_due = now + ENDING_S
        elif kind == "state":
            state = header["state"]
            attempt.is_going |= state != "starting"
            if state == "paused" and attempt.stop_due is None and not header.get("is_short"):
                attempt.rest(now, int(header.get("stepped", 0)))
            elif state == "running":
                attempt.paused_at = None
            elif state in runs.TERMINAL:
                attempt.is_over, attempt.paused_at, attempt.stop_due = True, None, now + ENDING_S
                self._studies.advance()

    def _lost(self, attempt: Attempt, reason: str) -> None:
        attempt.worker.kill()  # its record is not stored, so it must not go on as if it were: it resumes from a checkpoint
        log.error("run %d is started again: %s", attempt.run, reason)

    def _exited(self, worker: Worker, status: int) -> None:
        self._mail.put(partial(self._ended, worker, status))

    def _ended(self, worker: Worker, status: int) -> None:
        floor = self._floor
        floor.workers.discard(worker)
        if floor.is_closing:
            return
        if floor.spare is not None and floor.spare.worker is worker:
            self._launcher.spare_lost()
        for run, attempt in list(floor.attempts.items()):
            if attempt.worker is worker:
                del floor.attempts[run]
                self._repair.exited(attempt, cause_of(status))

    def _ask(self, header: dict[str, Any], arrays: Mapping[str, Array]) -> None:
        def work() -> None:
            self._launcher.need_spare()
            if self._floor.spare is not None:
                self._floor.spare.worker.send(header, arrays)

        self._mail.put(work)

    def _watch(self, run: int, viewer: str, panels: list[dict[str, Any]]) -> None:
        self._floor.watched.setdefault(run, {})[viewer] = panels
        self._tell_watched(run)

    def _unwatch(self, viewer: str) -> None:
        for run, viewers in list(self._floor.watched.items()):
            if viewers.pop(viewer, None) is not None:
                self._tell_watched(run)
            if not viewers:
                del self._floor.watched[run]

    def _tell_watched(self, run: int) -> None:
        attempt = self._floor.attempts.get(run)
        if attempt is not None:
            attempt.command("watch", panels=self._floor.panels(run))

    def _shut(self) -> None:
        """End the workers: those in the middle of a run save its state first, if that does not take long."""
        floor = self._floor
        if floor.is_closing:
            return
        floor.is_closing = True
        leaving = [attempt for attempt in floor.attempts.values() if attempt.is_going or attempt.is_over]
        for attempt in leaving:
            attempt.command("leave")
        self._see_off(floor.workers - {attempt.worker for attempt in leaving}, 0.0)
        self._see_off(set(floor.workers), LEAVING_S)

    def _see_off(self, workers: set[Worker], patience_s: float) -> None:
        """Wait until these workers have ended by themselves, and after `patience_s` end them."""
        floor = self._floor
        deadline = floor.clock() + patience_s
        is_killed = False
        while workers & floor.workers:
            if not is_killed and floor.clock() >= deadline:
                is_killed = True
                deadline = floor.clock() + CLOSING_S - LEAVING_S
                for worker in workers & floor.workers:
                    worker.kill()
            elif is_killed and floor.clock() >= deadline:
                return
            with contextlib.suppress(queue.Empty):
                self._quietly(self._mail.get(timeout=0.05))

    def _ask_thread(self, action: Callable[[], T]) -> T:
        """Do something in the supervisor's thread and return its result or raise its error here."""
        future: Future[T] = Future()

        def work() -> None:
            if self._floor.is_closing:
                future.set_exception(
                    Refused.one("server", "closing", _("the server is stopping"), _("Try again in a moment."))
                )
                return
            try:
                future.set_result(action())
            except Exception as error:
                future.set_exception(error)

        if not self._thread.is_alive():
            raise Refused.one("server", "closed", _("the supervisor is not running"))
        self._mail.put(work)
        return future.result(ANSWER_S)

    def _quietly(self, work: Work) -> None:
        try:
            work()
        except Exception:
            log.exception("a piece of the supervisor's work failed; the next reconcile pass mends what it left")


def _nothing() -> None:
    """The work of waking up."""
