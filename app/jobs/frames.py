"""Frames on request: the latest live one, a stored one, or one drawn by the spare worker from stored weights."""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

from app.core.codecs import canonical_json
from app.core.contracts import Array
from app.core.errors import InvalidInput, Missing, Violation
from app.core.specs import Frame
from app.core.text import _
from app.jobs.floor import Floor
from app.jobs.lineage import origin_of
from app.jobs.wire import Message
from app.store import frames, runs

TIMEOUT_S = 15.0
KEPT = 64


@dataclass(frozen=True)
class DrawnFrame:
    """What one panel drew at one step; `version` changes whenever the picture does."""

    panel: str
    step: int
    meta: Mapping[str, Any]
    arrays: Mapping[str, Array]
    version: str


class Frames:
    """Answers requests for frames; its methods run in the callers' threads.

    Args:
        ask: hands a request and its weights to an idle worker, in the supervisor's thread.
    """

    def __init__(self, floor: Floor, answers: dict[int, "Future[Message]"], ask: Callable[..., None]) -> None:
        self._floor = floor
        self._answers = answers
        self._ask = ask
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, DrawnFrame] = OrderedDict()

    def frame(
        self, run: int, panel: str, options: Mapping[str, Any] | None = None, step: int | None = None
    ) -> DrawnFrame:
        """Return a frame at the stored moment at or before `step`; without `step`, the latest there is.

        Raises:
            Missing: the run has no such frame.
            InvalidInput: an option is out of bounds, or this run's past cannot be drawn with options.
        """
        row = self._floor.row(run)
        chosen = dict(options or {})
        live = self._floor.hub.live_frame(run, panel, chosen) if step is None and not row.is_terminal else None
        if live is not None:
            header = live.header
            shown = DrawnFrame(
                panel, int(header["step"]), header.get("meta") or {}, live.arrays, f"live-{live.version}"
            )
            return self._kept_before(run, shown) if "waits" in shown.meta and not chosen else shown
        if not chosen:
            with self._floor.store.read() as connection:
                stored = frames.get(connection, run, panel, step)
                kept_weights = frames.weight_steps(connection, run)
            if stored is not None and (step is None or stored.step <= step or not kept_weights):
                return DrawnFrame(panel, stored.step, stored.meta, stored.arrays, f"{run}-{panel}-{stored.step}")
        return self._drawn(row, panel, chosen, step)

    def _kept_before(self, run: int, blank: DrawnFrame) -> DrawnFrame:
        """Return the last picture that was stored up to the step of a blank one which waits for an update, else that one."""
        with self._floor.store.read() as connection:
            stored = frames.get(connection, run, blank.panel, blank.step)
        if stored is None or stored.step > blank.step or Frame(dict(stored.arrays), {}).is_blank:
            return blank
        return DrawnFrame(blank.panel, stored.step, stored.meta, stored.arrays, f"{run}-{blank.panel}-{stored.step}")

    def _drawn(self, row: runs.RunRow, panel: str, options: dict[str, Any], step: int | None) -> DrawnFrame:
        with self._floor.store.read() as connection:
            found = frames.get_weights(connection, row.id, step)
        if found is None:
            raise Missing.one(
                "panel", panel, _("nothing of it was stored for this step"), _("Ask for an earlier or later step.")
            )
        at, weights = found
        key = canonical_json([row.id, panel, options, at])
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        answer = self._compute(row, {"panel": panel, "options": options, "step": at}, weights)
        drawn = DrawnFrame(panel, at, answer.header["meta"], answer.arrays, key)
        with self._lock:
            self._kept[key] = drawn
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return drawn

    def _compute(self, row: runs.RunRow, request: dict[str, Any], weights: Array) -> Message:
        recipe = {
            name: getattr(row, name)
            for name in ("algorithm", "environment", "environment_config", "preset", "total_steps", "seed")
        }
        number = next(self._numbers)
        future: Future[Message] = Future()
        self._answers[number] = future
        header = {
            "type": "compute", "id": number, "recipe": {**recipe, "config": row.config_now},
            "origin": origin_of(row, self._floor.store.run_folder(row.id)), **request,
        }  # fmt: skip
        self._ask(header, {"weights": weights})
        try:
            answer = future.result(TIMEOUT_S)
        except FutureTimeout:
            raise Missing.one(
                "panel", request["panel"], _("no worker was free to draw it in time"), _("Try again.")
            ) from None
        finally:
            self._answers.pop(number, None)
        if answer.header.get("violations"):
            raise InvalidInput([Violation(**item) for item in answer.header["violations"]])
        if "error" in answer.header:
            raise InvalidInput.one("options", request["options"], str(answer.header["error"]))
        return answer
