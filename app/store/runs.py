"""Rows of runs: creating, reading, labelling, and moving from state to state. The table is the queue.

A row in a terminal state keeps its state, reason, attempt, step and configuration for ever; only its labels (name, tags)
and its receipt may still be completed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy import delete as sql_delete

from app.core.text import _
from app.store import edits, events
from app.store.changes import Change, note
from app.store.clock import utc_now
from app.store.requests import recall_request, remember_request
from app.store.states import (
    ACTIVE,
    OPEN,
    PAUSED,
    PAUSING,
    QUEUED,
    RUNNING,
    STARTING,
    STATES,
    TERMINAL,
    TRANSITIONS,
    sources,
)
from app.store.tables import RUN_TAGS, RUNS

__all__ = [
    "ACTIVE", "OPEN", "STATES", "TERMINAL", "TRANSITIONS", "RunNew", "RunRow", "active", "claim", "counts_by_state",
    "create", "delete", "edit_config", "edit_world", "flag", "get", "get_many", "patch", "queue_position", "queued", "recall_request",
    "refuse_edit", "remember_request", "set_progress", "set_receipt", "set_speed", "transition",
]  # fmt: skip

PLACES_TOLD = 200


@dataclass(frozen=True, kw_only=True)
class RunNew:
    """What a new run is made of; the configuration is fully resolved."""

    algorithm: str
    environment: str
    config: Mapping[str, Any]
    seed: int
    total_steps: int
    environment_config: Mapping[str, Any] = field(default_factory=dict)
    preset: str | None = None
    step_unit: str = "env_step"
    name: str = ""
    tags: Sequence[str] = ()
    speed: float | None = None
    eval_every_steps: int | None = None
    eval_episodes: int = 10
    provenance: Mapping[str, Any] = field(default_factory=dict)
    parent_run: int | None = None
    parent_checkpoint: str | None = None
    experiment: int | None = None


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One row. Times are ISO 8601 UTC texts.

    Attributes:
        config, environment_config: as started; `config_now` and `environment_config_now` have the live edits in them.
        clock_s: seconds of training so far.
        speed: steps per second, or None for full speed.
        latest: scalar name → last value; `best`: {value, step} of the highest eval/mean_reward, ties to the later.
        receipt: what is known of a stop: asked, acknowledged, process_gone, checkpoint.
        flags: `nondeterministic`: {scalar, seq, step, stored, recomputed} of the first difference.
    """

    id: int
    name: str
    tags: list[str]
    algorithm: str
    environment: str
    environment_config: dict[str, Any]
    preset: str | None
    config: dict[str, Any]
    config_now: dict[str, Any]
    seed: int
    state: str
    reason: str
    attempt: int
    step: int
    total_steps: int
    step_unit: str
    clock_s: float
    speed: float | None
    eval_every_steps: int | None
    eval_episodes: int
    latest: dict[str, float | None]
    best: dict[str, Any] | None
    receipt: dict[str, Any] | None
    flags: dict[str, Any]
    provenance: dict[str, Any]
    parent_run: int | None
    parent_checkpoint: str | None
    experiment: int | None
    created: str
    started: str | None
    ended: str | None
    environment_config_now: dict[str, Any]

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended for good."""
        return self.state in TERMINAL


COLUMNS = [RUNS.c[item.name] for item in fields(RunRow)]


def create(connection: Connection, new: RunNew) -> int:
    """Insert a queued run and return its id."""
    values = {item.name: getattr(new, item.name) for item in fields(RunNew)}
    values |= {"tags": list(new.tags), "config": dict(new.config), "config_now": dict(new.config),
               "environment_config": dict(new.environment_config),
               "environment_config_now": dict(new.environment_config), "provenance": dict(new.provenance)}  # fmt: skip
    fresh = {"state": QUEUED, "reason": "", "attempt": 0, "step": 0, "clock_s": 0.0, "latest": {}, "flags": {}}
    statement = insert(RUNS).values(**values, **fresh, created=utc_now()).returning(RUNS.c.id)
    run = int(connection.execute(statement).scalar_one())
    _tag(connection, run, new.tags)
    note(connection, Change(run, "run", {"created": True, "state": QUEUED, "name": new.name, "tags": list(new.tags)}))
    _note_places(connection)
    return run


def get(connection: Connection, run: int) -> RunRow | None:
    """Return a run, or None where there is none."""
    found = connection.execute(select(*COLUMNS).where(RUNS.c.id == run)).mappings().first()
    return RunRow(**found) if found else None


def get_many(connection: Connection, runs: Sequence[int]) -> list[RunRow]:
    """Return those of the runs that exist, by id."""
    found = connection.execute(select(*COLUMNS).where(RUNS.c.id.in_(runs)).order_by(RUNS.c.id)).mappings()
    return [RunRow(**row) for row in found]


def patch(connection: Connection, run: int, *, name: str | None = None, tags: Sequence[str] | None = None) -> bool:
    """Change the labels of a run; None leaves a label as it is."""
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = name
    if tags is not None:
        values["tags"] = list(tags)
    if not values:
        return get(connection, run) is not None
    changed = connection.execute(update(RUNS).where(RUNS.c.id == run).values(**values)).rowcount == 1
    if changed:
        if tags is not None:
            connection.execute(sql_delete(RUN_TAGS).where(RUN_TAGS.c.run == run))
            _tag(connection, run, tags)
        note(connection, Change(run, "run", values))
    return changed


def delete(connection: Connection, run: int) -> bool:
    """Remove an ended run and every row of it; False where it does not exist or has not ended. Its files are the caller's."""
    ended = (RUNS.c.id == run) & RUNS.c.state.in_(TERMINAL)
    removed = connection.execute(sql_delete(RUNS).where(ended)).rowcount == 1
    if removed:
        note(connection, Change(run, "deleted", {}))
    return removed


def transition(
    connection: Connection,
    run: int,
    *,
    to: str,
    expected: tuple[str, ...],
    reason: str = "",
    attempt: int | None = None,
) -> bool:
    """Move a run to another state, where it is in one of `expected`, the table allows it, and the attempt is the current one.

    Returns:
        False where nothing was changed.
    """
    values: dict[str, Any] = {"state": to, "reason": reason}
    if to == RUNNING:
        values["started"] = func.coalesce(RUNS.c.started, utc_now())
    if to in TERMINAL:
        values["ended"] = utc_now()
    where = (RUNS.c.id == run) & RUNS.c.state.in_(sources(to, expected))
    if attempt is not None:
        where &= RUNS.c.attempt == attempt
    if to in TERMINAL and connection.execute(select(RUNS.c.id).where(where)).first() is not None:
        _answer_edits(connection, run)
    row = connection.execute(update(RUNS).where(where).values(**values).returning(RUNS.c.started, RUNS.c.ended)).first()
    if row is None:
        return False
    note(connection, Change(run, "run", {"state": to, "reason": reason, "started": row.started, "ended": row.ended}))
    if to == QUEUED or QUEUED in expected:
        _note_places(connection)
    return True


def claim(connection: Connection, run: int, *, paused: bool = False) -> int:
    """Take a queued run for a new attempt and return the attempt's number, or 0 where the run is not queued any more.

    Args:
        paused: take a paused run instead. It is pausing until it is back where it was paused, so that whatever ends its
            process, or the server, leaves it paused.
    """
    then, now = (PAUSED, PAUSING) if paused else (QUEUED, STARTING)
    taken = connection.execute(
        update(RUNS)
        .where(RUNS.c.id == run, RUNS.c.state == then)
        .values(state=now, reason="", attempt=RUNS.c.attempt + 1)
        .returning(RUNS.c.attempt)
    ).scalar()
    if taken is None:
        return 0
    note(connection, Change(run, "run", {"state": now, "reason": "", "attempt": taken}))
    if not paused:
        _note_places(connection)
    return int(taken)


def set_speed(connection: Connection, run: int, speed: float | None) -> bool:
    """Store the speed of a run that has not ended (steps per second, None for full speed)."""
    return _set(connection, run, {"speed": speed})


def set_progress(connection: Connection, run: int, *, step: int | None, clock_s: float | None = None) -> bool:
    """Store how far a run that has not ended is; one that is pausing does not fall back."""
    row = connection.execute(select(RUNS.c.state, RUNS.c.step).where(RUNS.c.id == run)).first()
    if row is not None and step is not None:
        step = standing(row.state, row.step, step)
    values = {"step": step, "clock_s": clock_s}
    return _set(connection, run, {name: value for name, value in values.items() if value is not None})


def standing(state: str, then: int, now: int) -> int:
    """Return the step of the row: a paused run whose process is started again stays where it was until it is back there."""
    return max(then, now) if state == PAUSING else now


def edit_config(connection: Connection, run: int, changes: Mapping[str, Any]) -> bool:
    """Lay a live edit over the current configuration of a run that has not ended."""
    now = connection.execute(select(RUNS.c.config_now).where(RUNS.c.id == run)).scalar()
    return now is not None and _set(connection, run, {"config_now": {**now, **changes}})


def edit_world(connection: Connection, run: int, changes: Mapping[str, Any]) -> bool:
    """Lay an edit of the world over the present options of the environment of a run that has not ended."""
    now = connection.execute(select(RUNS.c.environment_config_now).where(RUNS.c.id == run)).scalar()
    return now is not None and _set(connection, run, {"environment_config_now": {**now, **changes}})


def refuse_edit(connection: Connection, run: int, *, edit: int, reason: str) -> None:
    """Take back an edit that never takes effect: the present configuration is what it would be without it."""
    if not edits.refuse(connection, run, edit=edit, reason=reason):
        return
    row = get(connection, run)
    assert row is not None
    config = {**row.config, **edits.changes(connection, run, edits.CONFIG)}
    world = {**row.environment_config, **edits.changes(connection, run, edits.ENVIRONMENT)}
    _set(connection, run, {"config_now": config, "environment_config_now": world})
    event = {"step": row.step, "event": "warning", "text": reason, "data": {"id": edit, "refused": True}}
    events.add(connection, run, attempt=row.attempt, event={**event, "key": f"refused:{edit}"})


def set_receipt(connection: Connection, run: int, **facts: Any) -> bool:
    """Add facts to the receipt of a stop (asked, acknowledged, process_gone, checkpoint), also after the end."""
    found = connection.execute(select(RUNS.c.receipt).where(RUNS.c.id == run)).first()
    if found is None:
        return False
    receipt = {**(found.receipt or {}), **facts}
    connection.execute(update(RUNS).where(RUNS.c.id == run).values(receipt=receipt))
    note(connection, Change(run, "run", {"receipt": receipt}))
    return True


def flag(connection: Connection, run: int, name: str, facts: Mapping[str, Any]) -> bool:
    """Raise a flag on a run; the first facts stay, so that the first difference is the one named."""
    flags = connection.execute(select(RUNS.c.flags).where(RUNS.c.id == run)).scalar()
    return flags is not None and name not in flags and _set(connection, run, {"flags": {**flags, name: dict(facts)}})


def queued(connection: Connection) -> list[int]:
    """Return the ids of the queued runs, the next one first."""
    return list(connection.execute(select(RUNS.c.id).where(RUNS.c.state == QUEUED).order_by(RUNS.c.id)).scalars())


def queue_position(connection: Connection, run: int) -> int | None:
    """Return 1 for the run that is next in the queue, or None for one that is not queued."""
    waiting = queued(connection)
    return waiting.index(run) + 1 if run in waiting else None


def active(connection: Connection) -> list[RunRow]:
    """Return the runs that have been claimed and have not ended, by id."""
    found = connection.execute(select(*COLUMNS).where(RUNS.c.state.in_(ACTIVE)).order_by(RUNS.c.id)).mappings()
    return [RunRow(**row) for row in found]


def counts_by_state(connection: Connection) -> dict[str, int]:
    """Return how many runs are in each state; every state is named."""
    counted = connection.execute(select(RUNS.c.state, func.count()).group_by(RUNS.c.state)).all()
    return dict.fromkeys(STATES, 0) | dict(counted)


def _answer_edits(connection: Connection, run: int) -> None:
    """Refuse the edits that no worker answered before the run ended."""
    reason = _("The run ended before the edit could take effect; fork it from an earlier checkpoint instead.")
    for edit in edits.unanswered(connection, run):
        refuse_edit(connection, run, edit=edit, reason=reason)


def _set(connection: Connection, run: int, values: dict[str, Any]) -> bool:
    """Update a run that has not ended, and note the change."""
    if not values:
        return False
    where = (RUNS.c.id == run) & RUNS.c.ended.is_(None)
    changed = connection.execute(update(RUNS).where(where).values(**values)).rowcount == 1
    if changed:
        note(connection, Change(run, "run", values))
    return changed


def _note_places(connection: Connection) -> None:
    """Tell the first of those who wait what their places are now."""
    for place, run in enumerate(queued(connection)[:PLACES_TOLD], start=1):
        note(connection, Change(run, "run", {"queue_position": place}))


def _tag(connection: Connection, run: int, tags: Sequence[str]) -> None:
    if tags:
        connection.execute(insert(RUN_TAGS), [{"run": run, "tag": tag} for tag in dict.fromkeys(tags)])
