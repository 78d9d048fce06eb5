"""Turns reports into points of series: thinned by counts alone, numbered from 0, restored from a checkpoint.

A run that resumes records the same points under the same numbers again; the store compares them with those it has.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Tree
from app.core.errors import TrainingDiverged
from app.core.report import Episodes
from app.core.scalars import DICTIONARY, Scalar
from app.training.ports import Arrays, Header
from app.training.thinning import Points, Thinner, join

EPISODE_POINTS = 100_000
UPDATE_POINTS = 20_000
LAST = 100

F64 = NDArray[np.float64]


class Recorder:
    """Collects the points of one run until they are taken away."""

    def __init__(self, own_scalars: tuple[Scalar, ...] = ()) -> None:
        self._clocked = {
            scalar.name for scalar in (*DICTIONARY.values(), *own_scalars) if not scalar.reproducible
        }  # fmt: skip
        self._thinners: dict[str, Thinner] = {}
        self._taken: dict[str, int] = {}
        self._waiting: dict[str, list[Points]] = {}
        self._returns, self._lengths, self._terminated = np.empty(0), np.empty(0), np.empty(0)
        self.episodes_seen = 0
        self.latest: dict[str, float] = {}

    def add_episodes(self, episodes: Episodes) -> None:
        """Record finished episodes: return and length of each, thinned beyond 100,000.

        Raises:
            TrainingDiverged: a return is not finite.
        """
        if not len(episodes):
            return
        self.episodes_seen += len(episodes)
        if not np.isfinite(episodes.returns).all():
            worst = int(np.argmin(np.isfinite(episodes.returns)))
            raise TrainingDiverged(
                "rollout/episode_return", int(episodes.ends[worst]), float(episodes.returns[worst])
            )  # fmt: skip
        lengths = episodes.lengths.astype(np.float64)
        self._thin("rollout/episode_return", episodes.ends, episodes.returns, EPISODE_POINTS)
        self._thin("rollout/episode_length", episodes.ends, lengths, EPISODE_POINTS)
        self._returns = _last(self._returns, episodes.returns)
        self._lengths = _last(self._lengths, lengths)
        self._terminated = _last(self._terminated, episodes.terminated.astype(np.float64))

    def add_update(self, step: int, scalars: Mapping[str, float]) -> None:
        """Record what an update measured, thinned beyond 20,000 updates.

        Raises:
            TrainingDiverged: a number is not finite.
        """
        for name, value in scalars.items():
            _check_finite(name, step, value)
            self._thin(name, np.array([step]), np.array([value], np.float64), UPDATE_POINTS)

    def add_record(self, step: int, scalars: Mapping[str, float]) -> None:
        """Record the state of the run at a recording step: `scalars`, and the means over the last 100 episodes.

        Raises:
            TrainingDiverged: a number is not finite.
        """
        values = {"time/total_timesteps": float(step), **scalars}
        if self.episodes_seen:
            values |= {
                "rollout/episodes": float(self.episodes_seen),
                "rollout/ep_rew_mean": float(self._returns.mean()),
                "rollout/ep_len_mean": float(self._lengths.mean()),
                "rollout/terminated_share": float(self._terminated.mean()),
            }
        self.add_values(step, values)

    def add_values(self, step: int, scalars: Mapping[str, float]) -> None:
        """Record single points as they are.

        Raises:
            TrainingDiverged: a number is not finite.
        """
        steps = np.array([step])
        for name, value in scalars.items():
            _check_finite(name, step, value)
            point = np.array([value], np.float64)
            self._keep(name, (steps, point, point, point))

    def close(self) -> None:
        """Add the points of bins that will not fill any more; take them away before anything else is recorded."""
        for name, thinner in self._thinners.items():
            self._keep(name, thinner.rest())

    def take(self) -> tuple[Header, Arrays] | None:
        """Return the points that wait as the header and arrays of one record, or None; they count as taken."""
        if not self._waiting:
            return None
        series, parts = [], []
        for name, waiting in self._waiting.items():
            points = join(waiting)
            first = self._taken.get(name, 0)
            count = len(points[0])
            series.append(
                {"name": name, "first_seq": first, "count": count, "reproducible": name not in self._clocked}
            )  # fmt: skip
            self._taken[name] = first + count
            parts.append(points)
        self._waiting = {}
        steps, values, lows, highs = join(parts)
        return {"series": series}, {"steps": steps, "values": values, "lows": lows, "highs": highs}

    def state(self) -> Tree:
        """Return everything that decides later points; take the waiting ones first."""
        assert not self._waiting, "points wait: a checkpoint would lose them"
        return {
            "episodes": self.episodes_seen,
            "returns": self._returns,
            "lengths": self._lengths,
            "terminated": self._terminated,
            "thinners": {name: thinner.state() for name, thinner in self._thinners.items()},
            "taken": dict(self._taken),
        }

    def load(self, tree: Tree, *, numbered: bool = True) -> None:
        """Restore what `state` returned; without `numbered`, the series start at 0 again (a fork's own series)."""
        self.episodes_seen = int(tree["episodes"])
        self._returns, self._lengths, self._terminated = tree["returns"], tree["lengths"], tree["terminated"]
        for name, thinner in tree.get("thinners", {}).items():
            self._thinners[name] = Thinner(_limit(name))
            self._thinners[name].load(thinner)
        self._taken = {name: int(count) for name, count in tree.get("taken", {}).items()} if numbered else {}

    def _thin(self, name: str, steps: NDArray[np.int64], values: F64, limit: int) -> None:
        thinner = self._thinners.get(name)
        if thinner is None:
            thinner = self._thinners[name] = Thinner(limit)
        self._keep(name, thinner.add(steps, values))

    def _keep(self, name: str, points: Points) -> None:
        if len(points[0]):
            self._waiting.setdefault(name, []).append(points)
            self.latest[name] = float(points[1][-1])


def _limit(name: str) -> int:
    return EPISODE_POINTS if name.startswith("rollout/episode_") else UPDATE_POINTS


def _last(kept: F64, new: F64) -> F64:
    return new[-LAST:].copy() if len(new) >= LAST else np.concatenate([kept, new])[-LAST:]


def _check_finite(name: str, step: int, value: float) -> None:
    if not math.isfinite(value):
        raise TrainingDiverged(name, step, value)
