"""The worker's side of the pipe to the server: durable records wait here until they are acknowledged as committed.

Records leave in order and are counted against a bound until the server says that they are on disk; live messages are
lossy, latest-only, and never delay a record. One thread writes the pipe, so that training never waits for a reader.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from app.core.codecs import canonical_json
from app.core.contracts import Array
from app.jobs import wire
from app.training.ports import BACKLOG_LIMIT_BYTES

CAPACITY_BYTES = (
    BACKLOG_LIMIT_BYTES * 3 // 2
)  # the loop pauses the run at the limit; what it still has to say finds room
BATCH_BYTES = 2**18


class Outbox:
    """Implements the training loop's `Sink` over a pipe.

    Args:
        write: writes bytes to the pipe and returns when they are written; raises OSError when the server is gone.
        capacity_bytes: unacknowledged bytes beyond which `record` waits; the loop pauses the run before that.
    """

    def __init__(self, write: Callable[[bytes], None], *, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._write = write
        self._capacity_bytes = capacity_bytes
        self._changed = threading.Condition()
        self._unsent: deque[bytes] = deque()
        self._unacked: deque[tuple[int, bytes]] = deque()
        self._unacked_bytes = 0
        self._live: dict[str, bytes] = {}
        self._run: dict[str, int] = {}
        self._next = 1
        self._is_closed = False
        self._is_writing = False
        self._thread = threading.Thread(target=self._send_all, name="outbox", daemon=True)
        self._thread.start()

    def bind(self, run: int, attempt: int) -> None:
        """Name the run and attempt that all further records belong to."""
        self._run = {"run": run, "attempt": attempt}

    def record(self, kind: str, header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
        """Queue one durable record; waits where the bound is reached, never drops.

        What was shown live before a state leaves before it: who hears of the state can ask for the picture.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._unacked_bytes <= self._capacity_bytes or self._is_closed)
            number = self._next
            frame = {"type": "record", "n": number, **self._run, "kind": kind, "header": dict(header)}
            encoded = wire.encode(frame, arrays)
            self._next += 1
            self._unacked.append((number, encoded))
            self._unacked_bytes += len(encoded)
            if kind == "state":
                self._unsent.extend(self._live.values())
                self._live.clear()
            self._unsent.append(encoded)
            self._changed.notify_all()

    def live(self, header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
        """Offer a live message; a newer one of the same kind, panel and options replaces it while it waits."""
        key = canonical_json([header.get("type"), header.get("panel"), header.get("options")])
        encoded = wire.encode({"type": "live", **self._run, "header": dict(header)}, arrays)
        with self._changed:
            self._live[key] = encoded
            self._changed.notify_all()

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
        """Send a message of the worker itself (ready, computed), in order with the records."""
        encoded = wire.encode(header, arrays)
        with self._changed:
            self._unsent.append(encoded)
            self._changed.notify_all()

    def ack(self, number: int) -> None:
        """Forget all records up to `number`: they are committed."""
        with self._changed:
            while self._unacked and self._unacked[0][0] <= number:
                self._unacked_bytes -= len(self._unacked.popleft()[1])
            self._changed.notify_all()

    def backlog_bytes(self) -> int:
        """Return the size of the records that are not yet acknowledged."""
        return self._unacked_bytes

    def wait_until_acknowledged(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is unsent or unacknowledged; return whether that was reached."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._unacked or self._unsent or self._is_writing) or self._is_closed, timeout_s
            )

    def _next_batch(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while self._unsent and size < BATCH_BYTES:
            parts.append(self._unsent.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    def _send_all(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._unsent or self._live))
                if self._unsent:
                    batch = self._next_batch()
                else:
                    batch = b"".join(self._live.values())
                    self._live.clear()
                self._is_writing = True
            try:
                self._write(batch)
            except (OSError, ValueError):
                with self._changed:
                    self._is_closed = True
                    self._changed.notify_all()
                return
