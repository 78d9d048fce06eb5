"""What can be compared of a run: completions of one prompt, or clips of recorded episodes, at moments spread over its budget."""

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from itertools import combinations, product
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
Couple = tuple[tuple[int, int], tuple[int, int]]  # step and number of both, the earlier first


class Pieces:
    """The completions or clips of one run, read as they are asked for.

    Raises:
        Refused: the run kept nothing that a person could compare.
    """

    def __init__(self, connection: Any, row: RunRow, spec: EnvironmentSpec | None) -> None:
        self._connection, self.run = connection, row.id
        self.is_ended, self.parent = row.is_terminal, row.parent_run
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

    def couples(self) -> dict[Couple, Hashable]:
        """Return all pairs of pieces that differ, with what is seen of each: of two moments where there are two.

        Completions continue one prompt and differ in their text. Clips go by their episodes: where they begin is drawn.
        """
        two = list(combinations(self.moments, 2)) or [(self.moments[0], self.moments[0])]
        between = self._clips_between if self.kind == "clips" else self._completions_between
        return {couple: seen for steps in two for couple, seen in between(*steps)}

    def both(self, couple: Couple, draws: Sequence[float]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the two pieces of a pair; clips begin where two draws from [0, 1) fall."""
        (step, number), (other_step, other) = couple
        if self.kind == "completions":
            return self._completion(step, number) or {}, self._completion(other_step, other) or {}
        start, other_start = (int(draw * self._begins(one)) for one, draw in zip((number, other), draws, strict=True))
        if number == other:
            begins = self._begins(number)
            other_start = (start + 1 + int(draws[1] * (begins - 1))) % begins
        return self._cut(step, number, start), self._cut(other_step, other, other_start)

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

    def _completions_between(self, step: int, other_step: int) -> Iterator[tuple[Couple, Hashable]]:
        tables = self._table(step), self._table(other_step)
        sides = [(0, 1)] if step == other_step else list(product((0, 1), repeat=2))
        for place, (row, other) in enumerate(zip(*tables, strict=False)):
            for side, other_side in sides:
                texts = row[1 + 2 * side], other[1 + 2 * other_side]
                if row[0] == other[0] and texts[0] != texts[1]:
                    yield ((step, 2 * place + side), (other_step, 2 * place + other_side)), (row[0], frozenset(texts))

    def _clips_between(self, step: int, other_step: int) -> Iterator[tuple[Couple, Hashable]]:
        for number, other in product(self._numbers[step], self._numbers[other_step]):
            if step != other_step or number < other or (number == other and self._begins(number) > 1):
                yield ((step, number), (other_step, other)), (number, other)

    def _begins(self, number: int) -> int:
        """Return at how many steps a clip of an episode may begin."""
        return 1 + max(0, len(self._rewards(number)) - FEWEST_STEPS)

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
