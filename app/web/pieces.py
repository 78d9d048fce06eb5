"""What can be compared of a run: completions of one prompt, or clips of recorded episodes, at moments spread over its budget."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from app.core.errors import Refused
from app.core.specs import EnvironmentSpec
from app.core.text import _
from app.store import episodes, frames
from app.store.runs import RunRow

MOMENTS = 8
CLIP_STEPS, FEWEST_STEPS = 50, 10
DRAFTS = "drafts"


class Pieces:
    """The completions or clips of one run, read as they are asked for.

    Raises:
        Refused: the run kept nothing that a person could compare.
    """

    def __init__(self, connection: Any, row: RunRow, spec: EnvironmentSpec | None) -> None:
        self._connection, self.run = connection, row.id
        self.kind: Literal["completions", "clips"] = "clips"
        self._numbers: dict[int, list[int]] = {}
        self._kept: dict[int, Any] = {}
        if spec is not None and spec.kind == "language":
            self.kind = "completions"
            steps = frames.list_(connection, row.id).get(DRAFTS, [])
        else:
            steps = self._episodes() if spec is not None and spec.drawing else []
        if not steps:
            rule = _("kept no completions or recorded episodes that could be compared")
            raise Refused.one("run", row.id, rule, _("Wait for its first evaluation, or start it again."))
        self.moments = spread(steps, row.total_steps)

    def two(self, draws: Sequence[float]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return two pieces that six draws from [0, 1) fall on: of two moments where there are two, of one prompt."""
        first = int(draws[0] * len(self.moments))
        more = 1 + int(draws[1] * (len(self.moments) - 1)) if len(self.moments) > 1 else 0
        steps = self.moments[first], self.moments[(first + more) % len(self.moments)]
        if self.kind == "clips":
            left, right = (
                self._clip(step, pick, begin) for step, pick, begin in zip(steps, draws[2:4], draws[4:6], strict=True)
            )
            return left, right
        prompt = int(draws[2] * len(self._table(steps[0])))
        left, right = (
            self._completion(step, 2 * prompt + int(2 * draw)) or {}
            for step, draw in zip(steps, draws[3:5], strict=True)
        )
        return left, right

    def get(self, step: int, number: int, start: int) -> dict[str, Any] | None:
        """Return what {step, number, start, length, earned, prompt?, text?} is known of one piece, or None."""
        if self.kind == "completions":
            return self._completion(step, number) if start == 0 else None
        if number not in self._numbers.get(step, []):
            return None
        rewards = self._rewards(number)
        return self._cut(step, number, start) if start < len(rewards) else None

    def _completion(self, step: int, number: int) -> dict[str, Any] | None:
        table = self._table(step)
        if number >= 2 * len(table):
            return None
        row, place = table[number // 2], 1 + 2 * (number % 2)
        facts = {"step": step, "number": number, "start": 0, "length": 0}
        return {**facts, "prompt": row[0], "text": row[place], "earned": float(row[place + 1])}

    def _table(self, step: int) -> list[Any]:
        if step not in self._kept:
            found = frames.get(self._connection, self.run, DRAFTS, step)
            self._kept[step] = found.meta["rows"] if found is not None and found.step == step else []
        rows: list[Any] = self._kept[step]
        return rows

    def _episodes(self) -> list[int]:
        for facts in episodes.list_(self._connection, self.run):
            self._numbers.setdefault(facts["step"], []).append(facts["number"])
        return sorted(self._numbers)

    def _clip(self, step: int, pick: float, begin: float) -> dict[str, Any]:
        numbers = self._numbers[step]
        number = numbers[int(pick * len(numbers))]
        latest = max(0, len(self._rewards(number)) - FEWEST_STEPS)
        return self._cut(step, number, int(begin * (latest + 1)))

    def _cut(self, step: int, number: int, start: int) -> dict[str, Any]:
        rewards = self._rewards(number)[start : start + CLIP_STEPS]
        earned = float(np.asarray(rewards, np.float64).sum())
        return {"step": step, "number": number, "start": start, "length": len(rewards), "earned": earned}

    def _rewards(self, number: int) -> Any:
        if number not in self._kept:
            found = episodes.get(self._connection, self.run, number)
            self._kept[number] = [] if found is None else found[1]["rewards"]
        return self._kept[number]


def spread(steps: Sequence[int], total: int) -> list[int]:
    """Return the last kept step by each of eight moments spread evenly over a budget; they stay as a run goes on.

    >>> spread([0, 10, 20, 30, 40], 70)
    [0, 10, 20, 30, 40]
    >>> spread(list(range(0, 701, 7)), 700)
    [0, 98, 196, 294, 399, 497, 595, 700]
    """
    found = {steps[max(0, bisect_right(steps, total * at // (MOMENTS - 1)) - 1)] for at in range(MOMENTS)}
    return sorted(found)
