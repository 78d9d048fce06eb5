"""Studies: recipes that somebody started. Each planned run is a row, which waits until the run it starts from has ended."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from app.store.clock import utc_now
from app.store.tables import STUDIES, STUDY_RUNS


@dataclass(frozen=True, kw_only=True)
class StudyRow:
    """A started recipe; `stopped` is when somebody stopped it."""

    id: int
    recipe: str
    name: str
    key: str | None
    created: str
    stopped: str | None


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A run of a study that exists, or shall.

    Attributes:
        place: its number in the study; a run starts from one of an earlier place.
        parent: the place of that one, None where it starts from a fresh model.
        plan: what `RunNew` needs, all but where the run starts from.
        run: the run, once it is queued.
        problem: why it never will be.
    """

    study: int = 0
    place: int
    stage: str
    seed: int
    parent: int | None
    plan: dict[str, Any]
    run: int | None = None
    problem: str | None = None


def create(connection: Connection, *, recipe: str, name: str, key: str | None, planned: Sequence[Planned]) -> int:
    """Store a study with its planned runs and return its id."""
    values = {"recipe": recipe, "name": name, "key": key, "created": utc_now()}
    study = int(connection.execute(insert(STUDIES).values(**values).returning(STUDIES.c.id)).scalar_one())
    connection.execute(insert(STUDY_RUNS), [{**vars(item), "study": study} for item in planned])
    return study


def get(connection: Connection, study: int) -> StudyRow | None:
    """Return a study, or None."""
    found = connection.execute(select(STUDIES).where(STUDIES.c.id == study)).mappings().first()
    return StudyRow(**found) if found else None


def of_key(connection: Connection, key: str) -> int | None:
    """Return the study that a request with this key started, or None."""
    return connection.execute(select(STUDIES.c.id).where(STUDIES.c.key == key)).scalar()


def list_(connection: Connection, limit: int) -> list[StudyRow]:
    """Return the newest studies first."""
    found = connection.execute(select(STUDIES).order_by(STUDIES.c.id.desc()).limit(limit)).mappings()
    return [StudyRow(**row) for row in found]


def count(connection: Connection) -> int:
    """Return how many studies there are."""
    return int(connection.execute(select(func.count()).select_from(STUDIES)).scalar_one())


def planned(connection: Connection, study: int) -> list[Planned]:
    """Return the planned runs of a study by place."""
    return _planned(connection, STUDY_RUNS.c.study == study)


def waiting(connection: Connection) -> list[Planned]:
    """Return every planned run that is not queued yet and may still be."""
    return _planned(connection, STUDY_RUNS.c.run.is_(None) & STUDY_RUNS.c.problem.is_(None))


def begun(connection: Connection, item: Planned, run: int) -> None:
    """Note the run that a planned one became, in the transaction that queues it."""
    connection.execute(update(STUDY_RUNS).where(_is(item)).values(run=run))


def give_up(connection: Connection, item: Planned, problem: str) -> None:
    """Note why a planned run never starts."""
    connection.execute(update(STUDY_RUNS).where(_is(item)).values(problem=problem))


def stop(connection: Connection, study: int, problem: str) -> None:
    """Let nothing of a study start any more."""
    at_rest = STUDY_RUNS.c.run.is_(None) & STUDY_RUNS.c.problem.is_(None)
    connection.execute(update(STUDY_RUNS).where((STUDY_RUNS.c.study == study) & at_rest).values(problem=problem))
    where = (STUDIES.c.id == study) & STUDIES.c.stopped.is_(None)
    connection.execute(update(STUDIES).where(where).values(stopped=utc_now()))


def remove(connection: Connection, study: int) -> bool:
    """Forget a study; its runs stay. False where there is none."""
    return connection.execute(delete(STUDIES).where(STUDIES.c.id == study)).rowcount == 1


def _planned(connection: Connection, where: Any) -> list[Planned]:
    columns = [STUDY_RUNS.c[item.name] for item in fields(Planned)]
    order = (STUDY_RUNS.c.study, STUDY_RUNS.c.place)
    found = connection.execute(select(*columns).where(where).order_by(*order)).mappings()
    return [Planned(**row) for row in found]


def _is(item: Planned) -> Any:
    return (STUDY_RUNS.c.study == item.study) & (STUDY_RUNS.c.place == item.place)
