"""What happens when a worker ends, and the reconcile pass: the only places that mend a run's state.

Both are idempotent. A run whose process is gone is what its row says it was asked to be (stopped, paused), or it goes back
to the queue and resumes from its last checkpoint, exactly as if nothing had happened.
"""

import logging
from functools import partial
from pathlib import Path

from app.core.text import _, filled
from app.jobs.floor import Attempt, Floor
from app.jobs.lineage import Connection, newest
from app.jobs.worker import LOG_NAME
from app.store import checkpoints, events, runs
from app.store.clock import utc_now
from app.store.disk import free_bytes

log = logging.getLogger(__name__)
MAX_DEATHS = 3
STALLED_S = 60.0
TAIL_BYTES, TAIL_LINES = 4_000, 4
MEGABYTE = 2**20
TRAINING = ("starting", "running")


class Repair:
    """Mends rows whose process is gone."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def exited(self, attempt: Attempt, cause: str) -> None:
        """Take note that an attempt's process ended; everything it sent is in the writer's queue before this."""
        floor = self._floor
        floor.hub.forget_live(attempt.run)
        tail = log_tail(floor.store.run_folder(attempt.run) / LOG_NAME)
        state = floor.store.writer.do(lambda connection: self._mend(connection, attempt, cause, tail))
        if state in runs.TERMINAL or state == "paused":
            floor.deaths.pop(attempt.run, None)

    def reconcile(self) -> None:
        """Mend every active run that has no process, and look at the disk and at silent workers."""
        floor = self._floor
        with floor.store.read() as connection:
            orphans = [row for row in runs.active(connection) if row.id not in floor.attempts and row.state != "paused"]
        for row in orphans:
            floor.store.writer.do(partial(settle, run=row.id))
        self._look_at_disk()
        self._look_for_silence()

    def _mend(self, connection: Connection, attempt: Attempt, cause: str, tail: str) -> str:
        row = runs.get(connection, attempt.run)
        if row is None:
            return "stopped"
        if row.is_terminal:
            if row.receipt and not row.receipt.get("process_gone"):
                runs.set_receipt(connection, row.id, process_gone=utc_now())
            return row.state
        if row.attempt != attempt.number:
            return row.state
        if row.state in ("starting", "running"):
            has_new = any(item["attempt"] == row.attempt for item in checkpoints.list_(connection, row.id))
            deaths = 1 if has_new else self._floor.deaths.get(row.id, 0) + 1
            self._floor.deaths[row.id] = deaths
            if deaths >= MAX_DEATHS:
                return _fail(connection, row, cause, tail)
        return settle(connection, row.id, cause)

    def _look_at_disk(self) -> None:
        floor = self._floor
        free = free_bytes(floor.store.folder)
        floor.is_disk_full = free < floor.settings.refuse_below_free_mb * MEGABYTE
        if free >= floor.settings.pause_below_free_mb * MEGABYTE:
            return
        reason = filled(
            _("The disk is nearly full: {free} MB left. Free some space, then resume."), free=free // MEGABYTE
        )
        for attempt in list(floor.attempts.values()):
            if attempt.paused_at is None and not attempt.is_over:
                moved = floor.store.writer.do(
                    partial(_move, run=attempt.run, to="pausing", expected=TRAINING, reason=reason)
                )
                if moved:
                    attempt.command("pause", reason=reason)

    def _look_for_silence(self) -> None:
        floor = self._floor
        for attempt in floor.attempts.values():
            silent = attempt.paused_at is None and floor.clock() - attempt.heard_at > STALLED_S
            if silent == attempt.is_stalled:
                continue
            attempt.is_stalled = silent
            reason = _("stalled: nothing heard of its process for a minute") if silent else ""
            floor.store.writer.do(partial(_move, run=attempt.run, to="running", expected=("running",), reason=reason))


def _move(connection: Connection, run: int, to: str, expected: tuple[str, ...], reason: str) -> bool:
    return runs.transition(connection, run, to=to, expected=expected, reason=reason)


def settle(connection: Connection, run: int, cause: str = "") -> str:
    """Give a run without a process the state it should have; return that state."""
    row = runs.get(connection, run)
    if row is None or row.state not in ("starting", "running", "pausing", "stopping"):
        return row.state if row else "stopped"
    last = newest(connection, run)
    if row.state == "stopping":
        now = utc_now()
        facts = {"process_gone": now, "checkpoint": last}
        runs.transition(connection, run, to="stopped", expected=("stopping",))
        runs.set_receipt(connection, run, **{"asked": now, "acknowledged": None, **(row.receipt or {}), **facts})
        return "stopped"
    if row.state == "pausing":
        runs.transition(connection, run, to="paused", expected=("pausing",), reason=row.reason)
        return "paused"
    came_from = _("checkpoint {id}").format(id=last) if last else _("the start")
    text = _("{cause}; it continues from {place}.").format(
        cause=cause or _("The server was restarted"), place=came_from
    )
    runs.transition(connection, run, to="queued", expected=("starting", "running"), reason=text)
    events.add(connection, run, attempt=row.attempt, event={"step": row.step, "event": "interrupted", "text": text})
    return "queued"


def _fail(connection: Connection, row: runs.RunRow, cause: str, tail: str) -> str:
    reason = _("{cause}, {count} times in a row without a new checkpoint.").format(cause=cause, count=MAX_DEATHS)
    full = f"{reason} {_('Its log ends:')} {tail}" if tail else reason
    runs.transition(connection, row.id, to="failed", expected=(row.state,), reason=full)
    events.add(connection, row.id, attempt=row.attempt, event={"step": row.step, "event": "failed", "text": full})
    return "failed"


def cause_of(status: int) -> str:
    """Return in words how a process ended."""
    if status < 0:
        return _("The worker process was ended by signal {number}").format(number=-status)
    return _("The worker process ended with status {number}").format(number=status)


def log_tail(path: Path) -> str:
    """Return the last lines of a log, or the empty text."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return " / ".join(line.strip() for line in lines[-TAIL_LINES:] if line.strip())
