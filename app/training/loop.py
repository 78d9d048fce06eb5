"""Drives one agent from its job to its end: commands between calls, speed, and what is sent when.

The clock decides how many steps a call gets and when points, progress and automatic checkpoints leave; it never decides
what they hold. The loop waits only in `Control.poll`.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from app.core.errors import PlaygroundError
from app.core.report import Report
from app.core.text import _
from app.training.build import Builder, build
from app.training.job import Job
from app.training.live import Viewer
from app.training.output import Output
from app.training.ports import BACKLOG_LIMIT_BYTES, Clock, Command, Control, Header, Sink
from app.training.schedule import Pace
from app.training.session import Session, open_session

IDLE_S = 60.0
POLL_EVERY_S = 0.005
POINTS_EVERY_S = 0.1
PROGRESS_EVERY_S = 0.25
TIDY_EVERY_S = 0.02
BEST_EVERY_S = 5.0
CHECKPOINT_EVERY_S = 10.0
CHECKPOINT_SHARE = 50  # writing may take one part in fifty of the time

log = logging.getLogger(__name__)


def train(
    job: Job, sink: Sink, control: Control, clock: Clock = monotonic, *, builder: Builder = build, note: str = ""
) -> str:
    """Run the job until it finishes, is stopped, fails, or is left for another process to go on with; return which.

    Args:
        note: what is said of the run until the command `compiled` arrives.
    """
    output = Output(sink)
    session: Session | None = None
    try:
        pace = Pace(clock, job.speed)
        session = open_session(job, builder, output, pace)
        return _Loop(session, sink, control, clock, note=note).run()
    except Exception as error:
        log.exception("run %s failed at step %s", job.run, output.step)
        if session is not None:
            session.close_series()
        reason = str(error) if isinstance(error, PlaygroundError) else f"{type(error).__name__}: {error}"
        output.event("failed", reason, key="failed")
        output.state("failed", reason)
        return "failed"


@dataclass
class _Goal:
    """How far a paused run still steps: `left` of `unit`."""

    unit: str
    left: int

    def budget(self) -> int:
        """Return how many steps a call may take without passing the goal."""
        return self.left if self.unit == "step" else 1

    def count(self, report: Report, *, has_episodes: bool) -> None:
        """Take off what a call achieved; without episodes, a step stands for one."""
        if self.unit == "update":
            self.left -= report.updates
        elif self.unit == "episode" and has_episodes:
            self.left -= len(report.episodes)
        else:
            self.left -= report.steps


class _Loop:
    def __init__(self, session: Session, sink: Sink, control: Control, clock: Clock, *, note: str) -> None:
        self.session, self.sink, self.control, self.clock = session, sink, control, clock
        self.output, self.pace = session.output, session.pace
        self.viewer = Viewer(session.built, session.output, clock)
        self.note = note
        self.outcome: str | None = None
        self.is_paused = False
        self.goals: deque[_Goal] = deque()
        self.return_to = session.job.paused_at if session.job.paused else 0
        now = clock()
        self._polled = now - POLL_EVERY_S
        self._points_at = self._progress_at = self._tidy_at = now
        self._has_sent = False
        self._best_at, self._checkpoint_at = now + BEST_EVERY_S, now + CHECKPOINT_EVERY_S
        self._commands: dict[str, Callable[[Command], None]] = {
            "pause": self._pause, "resume": self._resume, "stop": self._stop, "step": self._step, "speed": self._speed,
            "edit": self._edit, "checkpoint": self._checkpoint, "watch": self._watch, "leave": self._leave,
            "compiled": self._compiled,
        }  # fmt: skip

    def run(self) -> str:
        """Drive the session to its end."""
        self._begin()
        if self.session.has_ended or self.session.step >= self.session.job.total_steps:
            self._complete()
        while self.outcome is None:
            self._listen()
            if self.outcome is None and self._may_advance():
                self._advance()
            if self.outcome is None:
                self._tidy()
        return self.outcome

    def _begin(self) -> None:
        session = self.session
        if self.note:
            self.output.event("kernels", self.note)
        self.is_paused = session.job.paused and self.return_to <= session.step
        if not self.is_paused:
            self._announce_running("started" if session.step == 0 else "resumed")
        session.begin()
        self.viewer.watch(session.job.watch)
        if self.is_paused:
            self.return_to = 0
            self._show_all()
            self.output.state("paused", _("waits for resume"))

    def _announce_running(self, event: str) -> None:
        self.pace.run(self.session.step)
        self.output.state("running", self.note)
        texts = {"started": _("Started"), "resumed": _("Runs on from step {step}")}
        self.output.event(event, texts[event].format(step=self.session.step))

    def _listen(self) -> None:
        wait_s = self._wait_s()
        if not wait_s and self.clock() - self._polled < POLL_EVERY_S:
            return
        for command in self.control.poll(wait_s):
            self._obey(command)
        self._polled = self.clock()

    def _wait_s(self) -> float:
        if self.is_paused:
            return 0.0 if self.goals else IDLE_S
        return min(self.pace.wait_s(), POINTS_EVERY_S)

    def _may_advance(self) -> bool:
        return bool(self.goals) if self.is_paused else self.pace.wait_s() == 0.0

    def _advance(self) -> None:
        session = self.session
        goal = self.goals[0] if self.is_paused else None
        wanted = goal.budget() if goal else self.pace.steps()
        if session.step < self.return_to:
            wanted = min(wanted, self.return_to - session.step)
        report = session.advance(min(wanted, session.room()))
        if session.is_finished:
            self._complete()
        elif goal:
            goal.count(report, has_episodes=session.built.algorithm.emits_episodes)
            if goal.left <= 0:
                self.goals.popleft()
                self._show_all()
                self.output.state("paused", stepped=1)
        elif self.return_to and session.step >= self.return_to:
            self._pause({"reason": _("waits for resume")})

    def _complete(self) -> None:
        if not self.session.has_ended:
            self.session.flush()
            self.output.event("evaluating", _("All steps are taken; the last evaluation follows"), key="evaluating")
        self.session.complete()
        self._show_all(stays=False)
        self.pace.rest()
        self.output.event("finished", _("Finished at step {step}").format(step=self.session.step), key="finished")
        self.output.state("finished")
        self.outcome = "finished"

    def _tidy(self) -> None:
        """Send what is due by the clock."""
        now = self.clock()
        if now < self._tidy_at:
            return
        if now >= self._points_at and self.session.flush():
            self._points_at, self._has_sent = now + POINTS_EVERY_S, True
        if now >= self._progress_at and (self.goals or not self.is_paused):
            self._progress(now)
        self.viewer.tick()
        if now >= self._best_at:
            self.session.keep_best()
            self._best_at = now + BEST_EVERY_S
        if now >= self._checkpoint_at and (self.goals or not self.is_paused):
            self._save("auto")
        if self.sink.backlog_bytes() > BACKLOG_LIMIT_BYTES:
            self._wait_for_storage()
        self._tidy_at = now + TIDY_EVERY_S if self._has_sent else now

    def _progress(self, now: float) -> None:
        fps = self.pace.fps(self.session.step)
        self.output.progress(self.pace.clock_s, fps)
        self.sink.live({"type": "progress", "step": self.session.step, "fps": fps})
        self._progress_at = now + PROGRESS_EVERY_S

    def _show_all(self, *, stays: bool = True) -> None:
        """Send everything now: a viewer waits for exactly this step. A state that follows is heard of later.

        Args:
            stays: the run rests here, so that every picture may be asked for, also one that nobody watches.
        """
        self.session.flush()
        self._progress(self.clock())
        if stays:
            self.viewer.show_all()
        else:
            self.viewer.show()

    def _save(self, kind: str) -> str:
        started = self.clock()
        checkpoint = self.session.checkpoint(kind)
        now = self.clock()
        self._checkpoint_at = now + max(CHECKPOINT_EVERY_S, CHECKPOINT_SHARE * (now - started))
        return checkpoint

    def _wait_for_storage(self) -> None:
        """Rest until the storage has caught up; nothing is ever dropped. The state stays what it is: nobody paused it."""
        self.pace.rest()
        self.output.state("paused" if self.is_paused else "running", _("storage behind"), is_short=True)
        while self.outcome is None and self.sink.backlog_bytes() > BACKLOG_LIMIT_BYTES // 2:
            for command in self.control.poll(POINTS_EVERY_S):
                self._obey(command)
        if self.outcome is None and not self.is_paused:
            self.pace.run(self.session.step)
            self.output.state("running", self.note)

    def _obey(self, command: Command) -> None:
        obey = self._commands.get(str(command.get("name")))
        if obey is None:
            log.warning("unknown command %r", command.get("name"))
        elif self.outcome is None:
            obey(command)

    def _pause(self, command: Command) -> None:
        if self.is_paused:
            return
        self.is_paused, self.return_to = True, 0
        self.pace.rest()
        self.session.history.keep(is_last=True)
        self._show_all()
        reason = str(command.get("reason") or "")
        self.output.state("paused", reason)
        self.output.event("paused", reason or _("Paused at step {step}").format(step=self.session.step))
        if not self.session.keeper.has(self.session.step, "auto"):
            self._save("auto")

    def _resume(self, command: Command) -> None:
        self.return_to = 0
        self.goals.clear()
        if self.is_paused:
            self.is_paused = False
            self._announce_running("resumed")

    def _stop(self, command: Command) -> None:
        receipt: Header = {"acknowledged": datetime.now(UTC).isoformat(timespec="milliseconds")}
        self.pace.rest()
        receipt["checkpoint"] = self.session.abandon()
        self._show_all(stays=False)
        self.output.event("stopped", _("Stopped at step {step}").format(step=self.session.step), key="stopped")
        self.output.state("stopped", str(command.get("reason") or ""), receipt=receipt)
        self.outcome = "stopped"

    def _leave(self, command: Command) -> None:
        """Save the state and go, without a word on the run's state: another process goes on from here."""
        self.pace.rest()
        if self.is_paused:  # steps by hand since the pause are seen by those who come back
            self.session.history.keep(is_last=True)
        if not self.session.keeper.has(self.session.step, "auto"):
            self._save("auto")
        self.outcome = "left"

    def _step(self, command: Command) -> None:
        if not self.return_to:  # else it pauses by itself once it is back where it was
            self._pause({})
        self.goals.append(_Goal(str(command.get("unit", "step")), max(1, int(command.get("count", 1)))))

    def _speed(self, command: Command) -> None:
        self.pace.limit(command.get("value"))

    def _edit(self, command: Command) -> None:
        kind = str(command.get("kind", "config"))
        self.session.try_edit(int(command["id"]), dict(command["config"]), kind)
        if self.is_paused:  # no step follows that would show it
            self._show_all()

    def _checkpoint(self, command: Command) -> None:
        self._save("requested")

    def _compiled(self, command: Command) -> None:
        """Say that compiled kernels have taken over; nothing else changes."""
        self.note = ""
        self.output.event(
            "kernels", _("Compiled kernels are ready, from step {step} on").format(step=self.session.step)
        )
        if not self.is_paused:
            self.output.state("running")

    def _watch(self, command: Command) -> None:
        self.viewer.watch(list(command.get("panels") or []))
