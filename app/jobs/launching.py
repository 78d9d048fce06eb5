"""Starting runs: the queue's next run is claimed, its job is put together, and a worker (a warm one at best) gets it."""

import logging
from pathlib import Path
from typing import Any

from app.core.text import _
from app.jobs import labels
from app.jobs.engine import OnExit, OnMessage, Worker
from app.jobs.floor import Attempt, Floor, Spare
from app.jobs.lineage import Connection, age, origin_of, parent_checkpoint_folder
from app.store import checkpoints, edits, runs
from app.store.reach import reached
from app.training.job import Job

log = logging.getLogger(__name__)
SPARE_DELAY_S = 1.0
SPARE_BACKOFF_S = 5.0


class Launcher:
    """Fills free slots from the queue and keeps one spare worker warm."""

    def __init__(self, floor: Floor, on_message: OnMessage, on_exit: OnExit) -> None:
        self._floor = floor
        self._on_message = on_message
        self._on_exit = on_exit

    def fill(self) -> None:
        """Start queued runs while there are slots for them."""
        floor = self._floor
        if floor.is_closing or floor.is_disk_full or not floor.has_room():
            return
        with floor.store.read() as connection:
            waiting = runs.queued(connection)
        for run in waiting:
            if not floor.has_room():
                return
            if run not in floor.attempts:
                self.launch(run)

    def launch(self, run: int, *, paused: bool = False) -> Attempt | None:
        """Claim one queued run and hand it to a worker; nothing happens where it is not queued any more.

        Args:
            paused: claim a paused run instead; it returns to where it was paused and waits there.
        """
        floor = self._floor
        claimed = floor.store.writer.do(lambda connection: self._claim(connection, run, paused=paused))
        if claimed is None:
            return None
        job, fallbacks = claimed
        try:
            worker = self._worker()
        except OSError as error:
            log.exception("no worker could be started")
            self._give_back(job, str(error))
            return None
        attempt = Attempt(run, job.attempt, worker, floor.clock(), {edit["id"] for edit in job.edits})
        floor.attempts[run] = attempt
        worker.send({"type": "start", "job": job.to_json(), "fallbacks": fallbacks})
        floor.spare_due = floor.clock() + SPARE_DELAY_S
        return attempt

    def keep_spare(self) -> None:
        """Start a spare worker where none is there and its time has come."""
        due = self._floor.spare_due
        if self._floor.settings.keep_spare and due is not None and due <= self._floor.clock():
            self.need_spare()

    def need_spare(self) -> None:
        """Start a spare worker where none is there."""
        floor = self._floor
        if floor.spare is not None or floor.is_closing:
            return
        floor.spare_due = None
        try:
            floor.spare = Spare(self._spawn())
        except OSError:
            log.exception("no spare worker could be started")
            self.spare_lost()

    def spare_lost(self) -> None:
        """Note that the spare ended; one that ends again and again is replaced ever more slowly."""
        floor = self._floor
        floor.spare = None
        floor.spare_due = floor.clock() + SPARE_BACKOFF_S * floor.spare_failures
        floor.spare_failures = min(floor.spare_failures + 1, 12)

    def _worker(self) -> Worker:
        spare, self._floor.spare = self._floor.spare, None
        return spare.worker if spare else self._spawn()

    def _spawn(self) -> Worker:
        worker = self._floor.engine.spawn(self._on_message, self._on_exit)
        self._floor.workers.add(worker)
        return worker

    def _claim(self, connection: Connection, run: int, *, paused: bool) -> tuple[Job, list[str | None]] | None:
        number = runs.claim(connection, run, paused=paused)
        row = runs.get(connection, run)
        if not number or row is None:
            return None
        folder = self._floor.store.run_folder(run)
        starts = start_points(connection, row, folder)
        job = Job(
            run=run,
            attempt=number,
            algorithm=row.algorithm,
            environment=row.environment,
            environment_config=row.environment_config,
            config=row.config,
            seed=row.seed,
            total_steps=row.total_steps,
            folder=str(folder),
            checkpoint=starts[0],
            origin=origin_of(row, folder),
            labels=_labels(folder),
            edits=_edits(connection, run),
            reached=reached(connection, run),
            speed=row.speed,
            paused=paused,
            paused_at=row.step,
            eval_every_steps=row.eval_every_steps,
            eval_episodes=row.eval_episodes,
            watch=self._floor.panels(run),
        )
        return job, starts[1:]

    def _give_back(self, job: Job, error: str) -> None:
        reason = _("No worker process could be started: {error}").format(error=error)
        then, to = ("pausing", "paused") if job.paused else ("starting", "failed")
        self._floor.store.writer.do(
            lambda connection: runs.transition(
                connection, job.run, to=to, expected=(then,), reason=reason, attempt=job.attempt
            )
        )


def _labels(folder: Path) -> str | None:
    """Return where a run keeps the labels that it was handed, or None."""
    found = labels.folder_of(folder)
    return str(found) if found.is_dir() else None


def _edits(connection: Connection, run: int) -> list[dict[str, Any]]:
    made = [edit for edit in edits.list_(connection, run) if edit["refused"] is None]
    return [{name: edit[name] for name in ("id", "step", "config", "kind")} for edit in made]


def start_points(connection: Connection, row: runs.RunRow, folder: Path) -> list[str | None]:
    """Return the checkpoints a run may continue from, newest first; None at the end says from nothing.

    Only announced ones count: one that lies on the disk but was never committed is ahead of the stored series.
    """
    known: list[dict[str, Any]] = sorted(checkpoints.list_(connection, row.id), key=age, reverse=True)
    found: list[str | None] = [item["id"] for item in known if (folder / "checkpoints" / item["id"]).is_dir()]
    is_fork = row.parent_checkpoint is not None and origin_of(row, folder) is None
    inherited = parent_checkpoint_folder(folder, str(row.parent_checkpoint)) if is_fork else None
    return [*found, str(inherited) if inherited else None]
