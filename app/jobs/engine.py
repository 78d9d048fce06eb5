"""Where workers run. Nothing outside `jobs/` knows whether they are processes of this machine or somewhere else."""

import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from app.core.contracts import Array
from app.core.folders import KERNELS_VARIABLE as CACHE_VARIABLE
from app.jobs import wire

log = logging.getLogger(__name__)
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
# the C library keeps what was freed: else every update of a large model asks the system for its pages again (6 to 10 % of it)
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
GOODBYE_S = 2.0
PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class Worker(Protocol):
    """A process that waits for a run, or trains one."""

    pid: int

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
        """Send a frame; returns at once, and does nothing when the worker is gone."""

    def kill(self) -> None:
        """End the worker and every process it started, at once."""


OnMessage = Callable[["Worker", wire.Message], None]
OnExit = Callable[["Worker", int], None]


class Engine(Protocol):
    """Starts workers; `on_message` and `on_exit` are called from a thread of each worker, in order."""

    def spawn(self, on_message: OnMessage, on_exit: OnExit) -> Worker:
        """Start a worker. Raises OSError where no process can be started."""


class LocalWorker:
    """A process of this machine: one thread reads its frames, one writes, so that a stuck worker blocks nobody."""

    def __init__(self, process: subprocess.Popen[bytes], on_message: OnMessage, on_exit: OnExit) -> None:
        self.pid = process.pid
        self._process = process
        self._on_message = on_message
        self._on_exit = on_exit
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._write_all, name=f"to-worker-{self.pid}", daemon=True).start()
        threading.Thread(target=self._read_all, name=f"from-worker-{self.pid}", daemon=True).start()

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
        """Send a frame; returns at once."""
        self._outgoing.put(wire.encode(header, arrays))

    def kill(self) -> None:
        """End the worker's process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def _reap(self) -> int:
        try:
            status = self._process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self._process.wait()
        self.kill()  # what it may have started
        return status

    def _write_all(self) -> None:
        stream = self._process.stdin
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while (data := self._outgoing.get()) is not None:
                stream.write(data)
                stream.flush()
        with contextlib.suppress(OSError, ValueError):
            stream.close()

    def _read_all(self) -> None:
        stream = cast(BinaryIO, self._process.stdout)
        try:
            while (message := wire.read(stream)) is not None:
                self._on_message(self, message)
        except wire.WireError:
            pass  # it died in the middle of a frame
        except Exception:
            log.exception("a frame of worker %d could not be handled", self.pid)
        status = self._reap()
        self._outgoing.put(None)
        stream.close()
        self._on_exit(self, status)


class LocalEngine:
    """Workers as child processes, each leading its own process group.

    Args:
        data: the data folder; kernels are cached in it, and workers without a run log to it.
        memory_mb: what one worker may allocate.
    """

    def __init__(self, data: Path, memory_mb: int = 0) -> None:
        self._log = data / "logs" / "workers.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._environment = worker_environment(data, memory_mb)

    def spawn(self, on_message: OnMessage, on_exit: OnExit) -> LocalWorker:
        """Start a worker process."""
        with self._log.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.jobs.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self._environment,
                start_new_session=True,
            )
        return LocalWorker(process, on_message, on_exit)


def worker_environment(data: Path, memory_mb: int = 0) -> dict[str, str]:
    """Return the environment variables of a worker: one thread everywhere, kept memory, fixed hashing, the kernels' cache."""
    path = [str(PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **KEPT_MEMORY,
        **os.environ,
        **dict.fromkeys(ONE_THREAD, "1"),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(path),
        "RL_PLAYGROUND_WORKER_MEMORY_MB": str(memory_mb),
        CACHE_VARIABLE: os.environ.get(CACHE_VARIABLE) or str(data / "kernels"),
    }
