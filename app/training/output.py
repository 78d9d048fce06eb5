"""The records of one run in the words of the store: states, events, points, frames, replays, checkpoints, progress."""

from dataclasses import asdict
from typing import Any

import numpy as np

from app.core.specs import Frame
from app.training.checkpoints import CheckpointInfo
from app.training.evaluation import Replay
from app.training.ports import Arrays, Header, Sink
from app.training.recorder import Recorder


class Output:
    """Writes records; `step` is where the run stands and goes into each of them."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.step = 0

    def state(self, state: str, reason: str = "", **facts: Any) -> None:
        """The run is now running, paused, finished, stopped or failed.

        Args:
            facts: `receipt` of a stop; `stepped`, how many step commands a paused run has just fulfilled; `is_short`, where
                a pause ends by itself.
        """
        self.sink.record("state", {"state": state, "reason": reason, "step": self.step, **facts})

    def event(self, event: str, text: str, *, data: Header | None = None, key: str = "") -> None:
        """A line of the run's log; of events with the same `key`, which a resumed run repeats, one is enough."""
        header: Header = {"step": self.step, "event": event, "text": text, "data": data or {}}
        self.sink.record("event", {**header, "key": key} if key else header)

    def points(self, recorder: Recorder) -> bool:
        """Send the points that wait; return whether there were any."""
        taken = recorder.take()
        if taken is None:
            return False
        header, arrays = taken
        self.sink.record("points", {**header, "step": self.step}, arrays)
        return True

    def frame(self, panel: str, frame: Frame) -> None:
        """A picture of the history."""
        arrays: Arrays = {name: np.array(array, np.float32) for name, array in frame.arrays.items()}
        self.sink.record("frame", {"panel": panel, "step": self.step, "meta": frame.meta}, arrays)

    def weights(self, weights: Any) -> None:
        """The network's parameters, from which past pictures are drawn."""
        self.sink.record("weights", {"step": self.step}, {"weights": np.array(weights, np.float32)})

    def episode(self, number: int, evaluation: int, kind: str, replay: Replay) -> None:
        """A greedy episode of an evaluation, to be drawn again."""
        header: Header = {
            "number": number, "step": self.step, "kind": kind, "return": replay.total, "length": replay.length,
            "terminated": replay.terminated, "truncated": replay.truncated,
            "evaluation": evaluation, "place": replay.place, "lane": replay.lane,
        }  # fmt: skip
        arrays: Arrays = {"states": replay.states, "actions": replay.actions, "rewards": replay.rewards}
        self.sink.record("episode", header, arrays)

    def checkpoint(self, info: CheckpointInfo) -> None:
        """A checkpoint exists, verified; others were removed for it."""
        self.sink.record("checkpoint", asdict(info))

    def edit(self, edit: int, config: Header, kind: str = "config") -> None:
        """An edit took effect here."""
        header: Header = {"id": edit, "step": self.step, "config": config}
        self.sink.record("edit", header if kind == "config" else {**header, "kind": kind})

    def refuse(self, edit: int, reason: str) -> None:
        """An edit never takes effect."""
        self.sink.record("edit", {"id": edit, "step": self.step, "refused": reason})

    def progress(self, clock_s: float, fps: float) -> None:
        """How far, how long, how fast."""
        self.sink.record("progress", {"step": self.step, "clock_s": clock_s, "fps": fps})
