"""What users may ask of a run, and what the run's state says to it. Runs in the supervisor's thread."""

from typing import Any

from app.core.errors import InvalidInput, Refused, Violation, shorten
from app.core.text import _
from app.jobs.floor import Attempt, Floor
from app.jobs.launching import Launcher
from app.jobs.lineage import Connection, newest
from app.store import edits, runs
from app.store.clock import utc_now
from app.store.reach import reached

TRAINING = ("starting", "running")
STOPPABLE = ("queued", *TRAINING, "pausing", "paused")
WAYS_OUT = {
    "queued": _("It waits for a slot; stop it, or wait until it runs."),
    "starting": _("Wait until it runs."),
    "running": _("Pause it first."),
    "pausing": _("Wait until it is paused, or resume it."),
    "paused": _("Resume it, step it, fork it or stop it."),
    "stopping": _("Wait until it has stopped, then fork it from a checkpoint."),
}
ENDED = _("An ended run never changes. Fork it from a checkpoint, or start a new one.")
STOP_TAKEN_S = 1.0
STEP_UNITS = ("step", "update", "episode")


class Actions:
    """Pause, resume, step, stop, checkpoint, speed and live edits."""

    def __init__(self, floor: Floor, launcher: Launcher) -> None:
        self._floor, self._launcher = floor, launcher

    def pause(self, run: int, reason: str = "") -> None:
        """Pause after the present update; a queued run is set aside at once."""
        row = self._allow(run, "pause", "queued", *TRAINING)
        if row.state == "queued":
            self._move(run, "paused", ("queued",), reason)
            return
        if self._move(run, "pausing", TRAINING, reason):
            self._command(run, "pause")

    def resume(self, run: int) -> None:
        """Go on: in the process that is still there when a slot is free, else through the queue from the checkpoint.

        A pause that has not come about yet is cancelled.
        """
        self._allow(run, "resume", "pausing", "paused")
        floor = self._floor
        attempt = floor.attempts.get(run)
        if attempt is not None and not attempt.is_over and (attempt.paused_at is None or floor.has_room()):
            if self._move(run, "running", ("pausing", "paused")):
                attempt.run_on()
                attempt.command("resume")
            return
        if attempt is not None:
            self.let_go(attempt)
        self._move(run, "queued", ("pausing", "paused"))

    def step(self, run: int, unit: str, count: int) -> None:
        """Take a few steps of a paused run, also beside full slots; it is paused again afterwards."""
        if unit not in STEP_UNITS:
            raise InvalidInput.one("unit", unit, _("must be one of {names}").format(names=", ".join(STEP_UNITS)))
        if not 1 <= count <= 1_000_000:
            raise InvalidInput.one("count", count, _("must be from 1 to 1,000,000"))
        self._allow(run, "step", "paused")
        attempt = self._floor.attempts.get(run)
        if attempt is None or attempt.paused_at is not None:
            self._need_slot()
        attempt = attempt or self._launcher.launch(run, paused=True)
        if attempt is not None:
            attempt.step(unit, count)

    def stop(self, run: int) -> None:
        """End a run for good and leave a receipt."""
        self._allow(run, "stop", *STOPPABLE)
        floor = self._floor
        attempt = floor.attempts.get(run)
        has_process = attempt is not None and not attempt.is_over
        if not floor.store.writer.do(lambda connection: _stop(connection, run, has_process)):
            self._allow(run, "stop")  # it ended in between: say so
        if attempt is not None and has_process:
            attempt.run_on()
            attempt.stop_due = floor.clock() + STOP_TAKEN_S
            attempt.command("stop")

    def checkpoint(self, run: int) -> None:
        """Save the state now and keep it until the user deletes it."""
        self._allow(run, "checkpoint", *TRAINING, "pausing", "paused")
        if not self._command(run, "checkpoint"):
            raise Refused.one(
                "state", "paused", _("its process has ended; the state it was paused at is saved already"),
                _("Fork it from its last checkpoint, or resume it first."),
            )  # fmt: skip

    def set_speed(self, run: int, value: float | None) -> None:
        """Limit a run to so many steps a second, or let it run at full speed."""
        self._allow(run, "speed", *runs.OPEN)
        self._floor.store.writer.do(lambda connection: runs.set_speed(connection, run, value))
        self._command(run, "speed", value=value)

    def edit(self, run: int, config: dict[str, Any], kind: str = edits.CONFIG) -> dict[str, Any]:
        """Change hyperparameters of a live run, or its world; the row is committed before the worker hears of it."""
        row = self._allow(run, "edit", "queued", *TRAINING, "pausing", "paused")
        changes, when = (checked_world if kind == edits.ENVIRONMENT else checked_edit)(row, config)

        def work(connection: Connection) -> int:
            if reached(connection, run) >= row.total_steps:
                raise Refused.one(
                    "step", row.total_steps, _("every step of the run is recorded already; none is left to change"),
                    _("Fork the run from an earlier checkpoint."),
                )  # fmt: skip
            edit = edits.add(connection, run, changes, kind=kind)
            (runs.edit_world if kind == edits.ENVIRONMENT else runs.edit_config)(connection, run, changes)
            return edit

        edit = self._floor.store.writer.do(work)
        attempt = self._floor.attempts.get(run)
        if attempt is not None and edit not in attempt.edits:
            attempt.edits.add(edit)
            attempt.command("edit", id=edit, config=changes, kind=kind)
        return {"id": edit, "effective": when, "step": None}

    def let_go(self, attempt: Attempt) -> None:
        """End the process of a paused run, whose state is saved."""
        self._floor.attempts.pop(attempt.run, None)
        attempt.worker.kill()
        self._floor.hub.forget_live(attempt.run)

    def _allow(self, run: int, action: str, *states: str) -> runs.RunRow:
        row = self._floor.row(run)
        if row.state in states:
            return row
        way_out = ENDED if row.is_terminal else WAYS_OUT[row.state]
        rule = _("a run in this state cannot take {action}").format(action=action)
        raise Refused.one("state", row.state, rule, way_out)

    def _need_slot(self) -> None:
        floor = self._floor
        if floor.is_disk_full:
            raise Refused.one("disk", "full", _("nothing starts while the disk is nearly full"), _("Free some space."))
        limit = floor.settings.running_limit
        if floor.busy() > limit:  # a few steps by hand are a guest beside full slots, one at a time
            rule = _("all {limit} places are taken, and another run is being stepped beside them").format(limit=limit)
            raise Refused.one("running", limit, rule, _("Wait until its steps are done, or pause another run."))

    def _move(self, run: int, to: str, expected: tuple[str, ...], reason: str = "") -> bool:
        return self._floor.store.writer.do(
            lambda connection: runs.transition(connection, run, to=to, expected=expected, reason=reason)
        )

    def _command(self, run: int, name: str, **values: Any) -> bool:
        attempt = self._floor.attempts.get(run)
        if attempt is None or attempt.is_over:
            return False
        attempt.command(name, **values)
        return True


def _stop(connection: Connection, run: int, has_process: bool) -> bool:
    """Move a run towards its stop and begin the receipt; without a process it is stopped at once."""
    now = utc_now()
    facts: dict[str, Any] = {"asked": now, "acknowledged": None, "process_gone": None}
    facts["checkpoint"] = newest(connection, run)
    if has_process:
        moved = runs.transition(connection, run, to="stopping", expected=STOPPABLE)
    else:
        facts |= {"acknowledged": now, "process_gone": now}
        moved = runs.transition(connection, run, to="stopped", expected=STOPPABLE)
    if moved:
        runs.set_receipt(connection, run, **facts)
    return moved


def checked_world(row: runs.RunRow, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return (the changed options of the world, when they take effect); see `app.training.worlds.edited`."""
    from app import catalog
    from app.training import worlds

    algorithm, spec = catalog.algorithm(row.algorithm), catalog.environment(row.environment)
    config = algorithm.config.parse(row.config_now)
    now = row.environment_config_now
    after, _environment = worlds.edited(algorithm, config, spec, now=now, changes=options)
    changed = {name: value for name, value in after.items() if now.get(name) != value}
    if not changed:
        rule, way_out = _("is what the world is already"), _("Name a value that differs.")
        raise InvalidInput.one("environment_config", ", ".join(options), rule, way_out)
    return changed, "step"


def checked_edit(row: runs.RunRow, config: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return (the changed values, when the slowest of them takes effect).

    Raises:
        InvalidInput: a value is out of bounds, unknown, does not suit the world, or cannot change while the run lives.
    """
    from app import catalog  # importing every algorithm takes seconds, and the supervisor starts before

    algorithm, spec = catalog.algorithm(row.algorithm), catalog.environment(row.environment)
    kind = algorithm.config
    live = kind.live_names()
    here = _("These may change: {names}.").format(names=", ".join(live) or "-")
    ways_out = {True: _("Start a new run to change it."), False: _("Fork the run to change it.")}
    settled = kind.settled_names()
    fixed = [
        Violation(f"config.{name}", shorten(value), _("cannot change while the run lives"),
                  f"{ways_out[name in settled]} {here}")
        for name, value in config.items()
        if name in kind.model_fields and name not in live
    ]  # fmt: skip
    if fixed or not config:
        raise InvalidInput(fixed or [Violation("config", "{}", _("names nothing to change"), here)])
    edited = kind.parse(row.config_now).edited(config)
    algorithm.check(edited, spec.make(spec.config.parse(row.environment_config_now, "environment_config")))
    slowest = max((live[name] for name in config), key=("step", "update", "episode").index)
    values = edited.model_dump(mode="json")
    return {name: values[name] for name in config}, slowest
