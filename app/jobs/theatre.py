"""The server's side of the processes in which episodes are played by a person and drawn by their simulators.

There are two, begun when they are first asked: one that plays, and one of the lowest priority that draws, so that watching
takes from a training only what it leaves over. A process that has ended is begun again at the next question.
"""

import itertools
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any

import numpy as np

from app.core.contracts import Array
from app.core.errors import InvalidInput, Missing, Refused, Violation
from app.core.text import _
from app.jobs import wire
from app.jobs.engine import LocalWorker, Worker, worker_environment

PLAY, DRAW = "play", "draw"
NICENESS = {PLAY: 2, DRAW: 19}
TIMEOUT_S = 60.0  # kernels of another version may have to be compiled first
CACHE_BYTES = 64 << 20
KINDS = {kind.__name__: kind for kind in (InvalidInput, Missing, Refused)}


class Theatre:
    """Asks the processes; thread-safe, each method waits for the answer.

    Args:
        data: the data folder; kernels are cached in it, and what goes wrong is logged there.
    """

    def __init__(self, data: Path, memory_mb: int) -> None:
        self._log = data / "logs" / "workers.log"
        self._environment = worker_environment(data, memory_mb)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._processes: dict[str, Worker] = {}
        self._waiting: dict[int, tuple[str, Future[wire.Message]]] = {}
        self._drawn: OrderedDict[tuple[str, int, int], list[bytes]] = OrderedDict()
        self._is_closed = False

    def ask(self, stage: str, header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> wire.Message:
        """Return the answer of a process.

        Raises:
            InvalidInput: it refuses.
            Refused: it does not answer, or failed.
        """
        future: Future[wire.Message] = Future()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = (stage, future)
            self._process(stage).send({**header, "id": number}, arrays)
        try:
            message = future.result(TIMEOUT_S)
        except FutureTimeout:
            raise Refused.one(stage, "…", _("the process did not answer in time"), _("Try again.")) from None
        finally:
            self._waiting.pop(number, None)
        _check(stage, message.header)
        return message

    def is_open(self, stage: str) -> bool:
        """Return whether a process is there: without one there are no games to go on with."""
        return stage in self._processes

    def images(self, film: str, header: Mapping[str, Any], actions: Array, *, first: int, count: int) -> list[bytes]:
        """Return pictures number `first` … of an episode as WebP.

        Args:
            film: the episode's name, under which its pictures are kept.
            header: what the process needs of it: environment, environment_config, step, chance.
        """
        key = (film, first, count)
        with self._lock:
            kept = self._drawn.get(key)
            if kept is not None:
                self._drawn.move_to_end(key)
                return kept
        asked = {**header, "type": "draw", "film": film, "first": first, "count": count}
        answer = self.ask(DRAW, asked, {"actions": actions})
        ends = np.cumsum([0, *answer.header["sizes"]])
        body = answer.arrays["images"].tobytes()
        images = [body[start:end] for start, end in itertools.pairwise(ends)]
        with self._lock:
            self._drawn[key] = images
            while sum(len(image) for kept in self._drawn.values() for image in kept) > CACHE_BYTES:
                self._drawn.popitem(last=False)
        return images

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            self._is_closed = True
            processes = list(self._processes.values())
        for process in processes:
            process.kill()

    def _process(self, stage: str) -> Worker:
        if self._is_closed:
            raise Refused.one(stage, "…", _("the server is closing"))
        if stage not in self._processes:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as errors:
                process = subprocess.Popen(
                    [sys.executable, "-m", "app.jobs.stage", str(NICENESS[stage])],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=self._environment,
                    start_new_session=True,
                )  # fmt: skip
            self._processes[stage] = LocalWorker(process, self._answered, self._ended)
        return self._processes[stage]

    def _answered(self, _worker: Worker, message: wire.Message) -> None:
        _stage, future = self._waiting.get(int(message.header["id"]), ("", None))
        if future is not None:
            future.set_result(message)

    def _ended(self, worker: Worker, _status: int) -> None:
        with self._lock:
            gone = [stage for stage, process in self._processes.items() if process is worker]
            for stage in gone:
                del self._processes[stage]
            lost = [future for stage, future in self._waiting.values() if stage in gone and not future.done()]
        for future in lost:
            future.set_result(wire.Message({"error": _("The process ended. Try again.")}))


def _check(stage: str, header: Mapping[str, Any]) -> None:
    if "violations" in header:
        raise KINDS.get(header["kind"], InvalidInput)([Violation(**item) for item in header["violations"]])
    if "error" in header:
        raise Refused.one(stage, "…", str(header["error"]))
