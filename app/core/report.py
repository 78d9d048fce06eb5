"""What one `update()` reports: the steps it took, the episodes that ended in it, and the scalars it measured."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Episodes:
    """Episodes that ended, oldest first. E = number of episodes.

    Attributes:
        ends: total environment steps of the agent when each ended (E,), ascending; of episodes that are waited for
            together, when the last of them ended.
        returns: undiscounted sum of rewards (E,).
        lengths: steps (E,).
        terminated: True where the environment ended it, False where a time limit cut it (E,).
    """

    ends: I64
    returns: F64
    lengths: I64
    terminated: Bools

    def __len__(self) -> int:
        return len(self.ends)

    @classmethod
    def none(cls) -> "Episodes":
        """Return an empty record."""
        return cls(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64), np.empty(0, np.bool_))

    @classmethod
    def join(cls, parts: list["Episodes"]) -> "Episodes":
        """Return several records as one, in order."""
        if not parts:
            return cls.none()
        return cls(
            np.concatenate([part.ends for part in parts]),
            np.concatenate([part.returns for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            np.concatenate([part.terminated for part in parts]),
        )


@dataclass(frozen=True)
class Report:
    """The outcome of one call of `Agent.update`.

    Attributes:
        steps: environment steps (or sweeps, for a planner) taken by this call.
        updates: updates of the parameters completed by this call.
        episodes: the episodes that ended.
        scalars: what an update measured, by name of the scalar dictionary; empty where no update completed.
        finished: True when nothing is left to do, for example a planner that has converged.
    """

    steps: int
    updates: int = 0
    episodes: Episodes = field(default_factory=Episodes.none)
    scalars: dict[str, float] = field(default_factory=dict)
    finished: bool = False
