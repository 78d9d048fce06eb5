"""What arrives from workers: records go to the writer and are acknowledged on COMMIT, live frames to the hub.

These functions run in the workers' reader threads and in the writer thread; whatever concerns the supervisor is posted to it.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from app.core.errors import PlaygroundError
from app.jobs.engine import Worker
from app.jobs.floor import Attempt, Floor
from app.jobs.wire import Message
from app.store.writer import Record, StoreClosed

log = logging.getLogger(__name__)
TOLD = frozenset({"state", "points"})
Answers = dict[int, "Future[Message]"]
OnCommitted = Callable[[Attempt, str, dict[str, Any]], None]


class Intake:
    """Routes the frames of every worker.

    Args:
        on_committed: called in the supervisor's thread with (attempt, kind, header) of a committed record.
        on_lost: called there with (attempt, reason) when a record could not be stored.
    """

    def __init__(self, floor: Floor, on_committed: OnCommitted, on_lost: Callable[[Attempt, str], None]) -> None:
        self._floor = floor
        self._on_committed = on_committed
        self._on_lost = on_lost
        self.answers: Answers = {}

    def handle(self, worker: Worker, message: Message) -> None:
        """Take one frame of a worker."""
        kind = message.type
        if kind == "record":
            self._record(worker, message)
        elif kind == "live":
            self._floor.hub.live(message.header["run"], message.header["header"], message.arrays)
            if message.header["header"].get("type") == "progress":
                self._floor.post(partial(self._heard, worker, "", {}))
        elif kind == "computed":
            waiting = self.answers.pop(int(message.header["id"]), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        elif kind in ("ready", "taken"):
            self._floor.post(partial(self._heard, worker, kind, message.header))

    def _record(self, worker: Worker, message: Message) -> None:
        header = message.header
        record = Record(header["kind"], header["header"], message.arrays)
        try:
            self._floor.store.writer.submit(
                header["run"], header["attempt"], [record], partial(self._settled, worker, header)
            )
        except StoreClosed:
            worker.kill()

    def _settled(self, worker: Worker, header: dict[str, Any], outcome: str) -> None:
        if outcome == "committed":
            if header["kind"] in TOLD:
                self._floor.post(partial(self._committed, worker, header))
            worker.send({"type": "ack", "n": header["n"]})
        elif outcome == "fenced":
            worker.send({"type": "fenced"})
        else:
            log.error("run %s: a record could not be stored: %s", header["run"], outcome)
            self._floor.post(partial(self._lost, worker, header["run"], outcome))

    def _committed(self, worker: Worker, header: dict[str, Any]) -> None:
        attempt = self._attempt_of(worker, header["run"])
        if attempt is not None:
            attempt.heard_at = self._floor.clock()
            self._on_committed(attempt, header["kind"], header["header"])

    def _lost(self, worker: Worker, run: int, outcome: str) -> None:
        attempt = self._attempt_of(worker, run)
        if attempt is not None:
            self._on_lost(attempt, outcome)

    def _heard(self, worker: Worker, kind: str, header: dict[str, Any]) -> None:
        floor = self._floor
        if floor.spare is not None and floor.spare.worker is worker and kind == "ready":
            floor.spare.is_ready = True
            floor.spare_failures = 0
        for attempt in floor.attempts.values():
            if attempt.worker is worker:
                attempt.heard_at = floor.clock()
                if kind == "taken" and header.get("name") == "stop":
                    self._on_committed(attempt, "taken", header)

    def _attempt_of(self, worker: Worker, run: int) -> Attempt | None:
        attempt = self._floor.attempts.get(run)
        return attempt if attempt is not None and attempt.worker is worker else None


class NoAnswer(PlaygroundError):
    """A worker did not answer a request in time."""
