"""Real worker processes for benches: a job is handed over, its records are acknowledged, and its progress is timed."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from app.jobs.engine import LocalEngine
from app.training.local import job_here

DEADLINE_S = 600.0
OVER = ("finished", "stopped", "failed")


class Mark(NamedTuple):
    """How far a run was at a moment: env steps, seconds of the wall clock, seconds of processor time of its worker."""

    step: int
    wall_s: float
    busy_s: float


class Trainee:
    """One worker, which trains one run. What it records is acknowledged and forgotten, but for the marks of its progress.

    Args:
        core: the only core that it may use; None leaves the choice to the system.
    """

    def __init__(self, folder: Path, core: int | None = None) -> None:
        self.marks: list[Mark] = []
        self.frames = 0
        self.state, self.reason = "", ""
        self._news = threading.Condition()
        self._is_ready = self._is_gone = False
        self._folder = folder
        self._worker = LocalEngine(folder).spawn(self._hear, self._end)
        self._process = psutil.Process(self._worker.pid)
        if core is not None:
            self._process.cpu_affinity([core])
        self._wait(lambda: self._is_ready)

    def start(self, recipe: Any, watch: list[dict[str, Any]]) -> None:
        """Begin to train."""
        job = job_here(recipe, self._folder / f"run-{self._worker.pid}", watch=watch)
        self._worker.send({"type": "start", "job": job.to_json(), "fallbacks": [None]})

    def finish(self) -> None:
        """Wait until the run is over."""
        self._wait(lambda: self.state in OVER)
        assert self.state == "finished", self.reason

    def close(self) -> None:
        """End the worker."""
        self._worker.kill()
        self._wait(lambda: self._is_gone)

    def _wait(self, is_met: Callable[[], bool]) -> None:
        with self._news:
            self._news.wait_for(lambda: is_met() or self._is_gone, DEADLINE_S)
            assert is_met(), f"the worker {'ended' if self._is_gone else 'took too long'} {self.reason}"

    def _hear(self, worker: Any, message: Any) -> None:
        header: Mapping[str, Any] = message.header
        body: Mapping[str, Any] = header.get("header", {})
        with self._news:
            self._is_ready = self._is_ready or message.type == "ready"
            self.frames += message.type == "live" and body.get("type") == "frame"
            if message.type == "record":
                if header["kind"] in ("state", "progress"):
                    self._note(header["kind"], body)
                worker.send({"type": "ack", "n": header["n"]})
            self._news.notify_all()

    def _note(self, kind: str, body: Mapping[str, Any]) -> None:
        if kind == "state":
            self.state, self.reason = str(body["state"]), str(body.get("reason", ""))
        if body.get("step") is not None and self.state in ("running", *OVER):
            spent = self._process.cpu_times()
            self.marks.append(Mark(int(body["step"]), time.perf_counter(), spent.user + spent.system))

    def _end(self, worker: Any, status: int) -> None:
        with self._news:
            self._is_gone = True
            self._news.notify_all()


@contextmanager
def trainees(folder: Path, cores: list[int | None]) -> Iterator[list[Trainee]]:
    """One ready worker for each of `cores`, ended afterwards."""
    workers = [Trainee(folder, core) for core in cores]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


def cores_to_bind(count: int) -> list[int | None]:
    """Return so many cores that a process can be bound to; none where the system binds none or has fewer."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return list(usable[:count]) if len(usable) >= count else []
