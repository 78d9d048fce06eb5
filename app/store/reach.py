"""How far the stored records of a run reach: what a reader may have seen and no later attempt may take back."""

from sqlalchemy import Connection, func, select

from app.store.tables import CHUNKS, EDITS, EPISODES, EVENTS, FRAMES, RUNS, SERIES, WEIGHTS

_OF_RUN = (EVENTS, FRAMES, WEIGHTS, EPISODES, EDITS)


def reached(connection: Connection, run: int) -> int:
    """Return the furthest step of anything recorded. The row's own step falls back while an attempt catches up."""
    owned = select(SERIES.c.id).where(SERIES.c.run == run)
    furthest = [
        select(RUNS.c.step).where(RUNS.c.id == run),
        select(func.max(CHUNKS.c.last_step)).where(CHUNKS.c.series.in_(owned)),
        *(select(func.max(table.c.step)).where(table.c.run == run) for table in _OF_RUN),
    ]
    return max(int(connection.execute(statement).scalar() or 0) for statement in furthest)
