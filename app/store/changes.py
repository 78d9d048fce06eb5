"""What a commit changed, told to the hub after COMMIT.

Every function that writes a row notes its change on the connection; the writer collects the notes of the works that
succeeded and hands them to the listeners once they are durable. Whoever writes therefore never has to publish.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

Kind = Literal["run", "points", "event", "frame", "checkpoint", "episode", "deleted"]

_NOTES = "playground.changes"


@dataclass(frozen=True)
class Change:
    """One committed change of a run.

    Attributes:
        data: by kind. `run`: the changed fields of the row. `points`: {name: {first_seq, steps, values, min, max}} with
            arrays (n,). `event`: the event's row. `frame`: {panel, step}. `checkpoint`: {id, step, kind, size_bytes} or
            {removed: [ids]}. `episode`: {number, step, kind, return, length, place}. `deleted`: empty.
    """

    run: int
    kind: Kind
    data: dict[str, Any]


def note(connection: Connection, change: Change) -> None:
    """Remember a change made in the running transaction."""
    connection.info.setdefault(_NOTES, []).append(change)


def take(connection: Connection) -> list[Change]:
    """Return the noted changes in order and forget them."""
    taken: list[Change] = connection.info.pop(_NOTES, [])
    return taken
