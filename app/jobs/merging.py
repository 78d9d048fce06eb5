"""Merging several changes of one run into one message: latest values, joined points, events in order."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.core.contracts import Array

MAX_POINTS = 2_000
MAX_EVENTS = 100


class RunDelta:
    """What one viewer has not yet seen of one run.

    Args:
        rows_only: a list of runs needs rows and deletions, not points, frames and events.
    """

    def __init__(self, rows_only: bool = False) -> None:
        self._rows_only = rows_only
        self._run: dict[str, Any] = {}
        self._points: dict[str, dict[str, Any]] = {}
        self._events: list[Any] = []
        self._frames: dict[str, dict[str, Any]] = {}
        self._others: dict[str, Any] = {}
        self._count = 0

    def refetch(self) -> None:
        """Tell the viewer that something is missing and the run must be read again."""
        self._others["refetch"] = True

    def add(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take one committed change."""
        if kind == "run":
            self._run.update(data)
            if "truncated_after" in data and not self._rows_only:
                self.refetch()  # an edit cut off points that the viewer may have drawn
        elif kind == "deleted":
            self._others["deleted"] = True
        elif self._rows_only:
            return
        elif kind == "points":
            self._add_points(data)
        elif kind == "event":
            self._events.append(dict(data))
        elif kind == "frame":
            self._frames.setdefault(str(data.get("panel")), {}).update(data)
        else:
            self._others.setdefault(f"{kind}s", []).append(dict(data))

    def add_live(self, version: int, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Take one live frame: its arrays are fetched by the viewer, only the agent's few numbers travel along."""
        if header.get("type") == "progress":
            self._run.update({name: value for name, value in header.items() if name != "type"})
        elif self._rows_only:
            return
        elif header.get("type") == "agent":
            facts = {name: value for name, value in header.items() if name != "type"}
            facts.update({name: array.tolist() for name, array in arrays.items()})
            self._others["agent"] = facts
        elif header.get("type") == "frame":
            frame = {name: header.get(name) for name in ("panel", "options", "step")}
            self._frames[f"{frame['panel']}:{frame['options']}"] = {**frame, "version": version}

    def result(self) -> dict[str, Any]:
        """Return the JSON of the merged message for this run; empty where there is nothing to say."""
        if self._count > MAX_POINTS or len(self._events) > MAX_EVENTS:
            self.refetch()
        result: dict[str, Any] = dict(self._others)
        if self._run:
            result["run"] = self._run
        if "refetch" in result or "deleted" in result:
            return result
        if self._points:
            result["points"] = self._points
        if self._events:
            result["events"] = self._events
        if self._frames:
            result["frames"] = list(self._frames.values())
        return result

    def _add_points(self, points: Mapping[str, Mapping[str, Any]]) -> None:
        for name, fresh in points.items():
            first, count = int(fresh["first_seq"]), len(fresh["steps"])
            known = self._points.get(name)
            if known is None:
                columns = {key: plain(value) for key, value in fresh.items() if key != "first_seq"}
                self._points[name] = {"first_seq": first, **columns}
                self._count += count
                continue
            end = known["first_seq"] + len(known["steps"])
            if first > end:
                self.refetch()  # a hole: some points of this series were never announced
                continue
            overlap = end - first  # points computed again after a resume; equal to those already there
            for key, column in fresh.items():
                if key != "first_seq":
                    known.setdefault(key, []).extend(plain(column)[overlap:])
            self._count += max(0, count - overlap)


def plain(column: Any) -> list[Any]:
    """Return a column of numbers as a list."""
    return column.tolist() if isinstance(column, np.ndarray) else list(column)
