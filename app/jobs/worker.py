"""A worker process: a fresh interpreter that trains one run, or computes frames while it waits for one.

`python -m app.jobs.worker` speaks frames on its standard input and on a duplicate of its standard output; whatever else
prints goes to the log. It says `ready` when torch, the catalogue and the kernels are loaded; a run that arrives earlier
starts right after the imports. It ends, with its whole process group, when the server's end of the pipe closes.
"""

import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from app.core.contracts import Array
from app.core.errors import CheckpointDamaged, InvalidInput, PlaygroundError
from app.jobs import wire
from app.jobs.outbox import Outbox

if TYPE_CHECKING:
    from app.jobs.warming import Warmer
    from app.training.job import Job

FENCED, LOST = 3, 4
NICENESS = 5
LOG_NAME = "worker.log"
log = logging.getLogger("app.jobs.worker")


class Inbox:
    """Reads the server's frames: commands and requests wait here for the main thread, acknowledgements go to the outbox.

    It is the training loop's `Control`.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.outbox: Outbox | None = None
        self.requests: queue.SimpleQueue[wire.Message] = queue.SimpleQueue()
        self._commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._stream = stream

    def start(self, outbox: Outbox) -> None:
        """Begin to read."""
        self.outbox = outbox
        threading.Thread(target=self._read_all, name="inbox", daemon=True).start()

    def poll(self, timeout_s: float) -> list[dict[str, Any]]:
        """Return the commands received so far, waiting at most `timeout_s` seconds for the first."""
        commands: list[dict[str, Any]] = []
        try:
            commands.append(self._commands.get(timeout=timeout_s) if timeout_s > 0 else self._commands.get_nowait())
            while True:
                commands.append(self._commands.get_nowait())
        except queue.Empty:
            pass
        if self.outbox is not None:
            for command in commands:
                self.outbox.send({"type": "taken", "name": command.get("name"), "id": command.get("id")})
        return commands

    def tell(self, command: dict[str, Any]) -> None:
        """Give the loop a command of this process itself."""
        self._commands.put(command)

    def _read_all(self) -> None:
        try:
            while (message := wire.read(self._stream)) is not None:
                self._handle(message)
        except (wire.WireError, OSError):
            log.exception("the server's frames could not be read")
        end_group(LOST)

    def _handle(self, message: wire.Message) -> None:
        assert self.outbox is not None
        if message.type == "ack":
            self.outbox.ack(int(message.header["n"]))
        elif message.type == "command":
            self._commands.put({key: value for key, value in message.header.items() if key != "type"})
        elif message.type == "fenced":
            end_group(FENCED)
        else:
            self.requests.put(message)


def end_group(status: int) -> None:
    """End this process at once, and every process it started."""
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(status)


def main() -> None:
    """Serve one server until its pipe closes or the run is over."""
    outbox, inbox = open_pipes()
    limit_self()
    import app.training.loop  # noqa: F401 - heavy: torch, numba and every algorithm
    from app import catalog

    fix_arithmetic()
    catalog.algorithms()
    from app.jobs.warming import Warmer

    warmer = Warmer(lambda: outbox.send({"type": "ready"}))
    while True:
        try:
            message = inbox.requests.get(block=warmer.has_begun)
        except queue.Empty:
            warmer.begin()
            continue
        if message.type == "compute":
            compute(message, outbox)
            continue
        status = run(message.header, outbox, inbox, warmer=warmer) if message.type == "start" else 0
        warmer.close()
        leave(status)


@contextmanager
def prepared(job: "Job", outbox: Outbox, inbox: Inbox, warmer: "Warmer") -> Iterator[str]:
    """Compile or load what a run needs: before its clock begins to count or, where its bits stay the same, while it runs plain.

    Yields:
        What is said of the run until its kernels are ready; nothing where they are.
    """
    from app.core.plain_mode import plain_kernels, use_compiled
    from app.jobs import warming

    def take_over() -> None:
        use_compiled()
        inbox.tell({"name": "compiled"})

    if not warming.lacks(job, warmer.warmed):
        warmer.prefer(job, lambda: None)
        yield ""
        return
    with plain_kernels():
        if warming.may_start_plain(job, warmer.warmed):
            warmer.prefer(job, take_over)
            yield warming.PLAIN
            return
    if not warming.is_compiled(job.algorithm, job.environment):
        outbox.record("state", {"state": "starting", "reason": warming.COMPILING, "step": None})
    is_ready = threading.Event()
    warmer.prefer(job, is_ready.set)
    is_ready.wait()
    yield ""


def leave(status: int) -> NoReturn:
    """End without tearing torch down, which takes longer than most runs."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)


def open_pipes() -> tuple[Outbox, Inbox]:
    """Take the standard streams for frames; later prints go to standard error."""
    frames = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(frames, view) :]

    requests = os.dup(0)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    outbox = Outbox(write)
    inbox = Inbox(os.fdopen(requests, "rb"))
    inbox.start(outbox)
    return outbox, inbox


def limit_self(niceness: int = NICENESS) -> None:
    """Yield to the server and the browser, and bound what this process may take."""
    try:
        import resource

        os.nice(niceness)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, soft), hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        memory_mb = int(os.environ.get("RL_PLAYGROUND_WORKER_MEMORY_MB", "0"))
        if memory_mb and hasattr(resource, "RLIMIT_DATA"):
            size = memory_mb * 2**20
            resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    except (ImportError, OSError, ValueError):
        log.warning("this system does not let the worker limit itself")


def fix_arithmetic() -> None:
    """Make torch's results independent of the machine's load: one thread, deterministic algorithms."""
    import torch

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.use_deterministic_algorithms(True)


def run(start: Mapping[str, Any], outbox: Outbox, inbox: Inbox, *, warmer: "Warmer") -> int:
    """Train one run and return the exit status once everything it recorded is committed."""
    from app.training.job import Job
    from app.training.loop import train

    job = Job.from_json(dict(start["job"]))
    outbox.bind(job.run, job.attempt)
    open_log(Path(job.folder))
    try:
        with prepared(job, outbox, inbox, warmer) as note:
            train(with_sound_checkpoint(job, start.get("fallbacks", [])), outbox, inbox, note=note)
    except Exception as error:
        traceback.print_exc()
        outbox.record("state", {"state": "failed", "reason": reason_of(error), "step": None})
    outbox.wait_until_acknowledged()
    return 0


def with_sound_checkpoint(job: "Job", fallbacks: Sequence[str | None]) -> "Job":
    """Return the job with the first of its checkpoints that can be read.

    Raises:
        CheckpointDamaged: none can, and the run may not start from nothing.
    """
    from app.training.checkpoints import read_checkpoint

    candidates = [job.checkpoint, *fallbacks]
    for checkpoint in candidates:
        chosen = replace(job, checkpoint=checkpoint)
        path = chosen.checkpoint_path()
        try:
            if path is not None:
                read_checkpoint(path)
            return chosen
        except CheckpointDamaged as error:
            log.error("%s", error)
            if checkpoint == candidates[-1]:
                raise
    raise AssertionError("a job has at least one place to start from")


def reason_of(error: Exception) -> str:
    """Return the sentence a user sees: our own errors speak for themselves, others are named."""
    if isinstance(error, PlaygroundError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The worker reached its memory limit. Use a smaller network, buffer or batch, or raise the limit."
    return f"{type(error).__name__}: {error}. The run's log holds the trace."


def open_log(folder: Path) -> None:
    """Send standard output and error to the run's log from now on."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def compute(message: wire.Message, outbox: Outbox) -> None:
    """Answer a request for a frame of weights that were stored earlier."""
    from app.jobs.compute import frame

    header, arrays = message.header, message.arrays
    answer: dict[str, Any] = {"type": "computed", "id": header["id"]}
    drawn: Mapping[str, Array] = {}
    try:
        result = frame(header, arrays["weights"])
        answer["meta"], drawn = result.meta, result.arrays
    except Exception as error:
        traceback.print_exc()
        answer["error"] = reason_of(error)
        answer["violations"] = [vars(item) for item in error.violations] if isinstance(error, InvalidInput) else []
    outbox.send(answer, drawn)


if __name__ == "__main__":
    main()
