"""Studies go on: a planned run is queued once the run it starts from has ended and its last state is kept.

Every step is one transaction that looks at the rows anew, so it may be taken at any time, twice, or after a kill: a run is queued in
the same transaction in which its plan says so.
"""

import logging
from functools import partial

from app.core.errors import InvalidInput
from app.core.text import _
from app.jobs.floor import Floor
from app.jobs.lineage import Connection, insert, newest
from app.store import runs, studies
from app.store.database import Store
from app.store.runs import RunNew
from app.store.studies import Planned

log = logging.getLogger(__name__)


class Studies:
    """Takes every study as far as its ended runs allow."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def advance(self) -> None:
        """Queue what can be queued, and give up what cannot any more."""
        store = self._floor.store
        with store.read() as connection:
            due = [item for item in studies.waiting(connection) if _is_due(connection, item)]
        for item in due:
            try:
                store.writer.do(partial(advance_one, store, study=item.study, place=item.place))
            except Exception:
                log.exception("study %d: run %d could not be queued; the next pass tries again", item.study, item.place)


def advance_one(store: Store, connection: Connection, *, study: int, place: int) -> int | None:
    """Queue one planned run if it may start now, and return it."""
    by_place = {item.place: item for item in studies.planned(connection, study)}
    item = by_place.get(place)
    if item is None or item.run is not None or item.problem is not None:
        return None
    if item.parent is None:
        return _queue(store, connection, item, RunNew(**item.plan))
    parent = by_place[item.parent]
    row = runs.get(connection, parent.run) if parent.run is not None else None
    problem = _problem(parent, row)
    if problem:
        studies.give_up(connection, item, problem)
        return None
    if row is None or row.state != "finished":
        return None
    return _queue(
        store, connection, item, RunNew(**item.plan, parent_run=row.id, parent_checkpoint=newest(connection, row.id))
    )


def _is_due(connection: Connection, item: Planned) -> bool:
    """Whether anything can be said of a planned run: the one it starts from has ended, or never will."""
    if item.parent is None:
        return True
    parent = next(one for one in studies.planned(connection, item.study) if one.place == item.parent)
    row = runs.get(connection, parent.run) if parent.run is not None else None
    return row.is_terminal if row is not None else bool(parent.run is not None or parent.problem)


def _problem(parent: Planned, row: runs.RunRow | None) -> str:
    """Return why what starts from a planned run never can, or the empty text."""
    if parent.run is None:
        return _("{stage} never started").format(stage=parent.stage) if parent.problem else ""
    if row is None:
        return _("run {run}, from which it starts, was deleted").format(run=parent.run)
    if row.is_terminal and row.state != "finished":
        return _("run {run}, from which it starts, has {state}").format(run=row.id, state=row.state)
    return ""


def _queue(store: Store, connection: Connection, item: Planned, new: RunNew) -> int | None:
    if item.parent is not None and new.parent_checkpoint is None:
        text = _("run {run}, from which it starts, keeps no state").format(run=new.parent_run)
        studies.give_up(connection, item, text)
        return None
    try:
        run = insert(store, connection, new)
    except InvalidInput as error:  # the state's files are gone
        studies.give_up(connection, item, str(error))
        return None
    studies.begun(connection, item, run)
    return run
