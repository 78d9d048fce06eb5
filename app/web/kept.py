"""Answers that are asked for again and again, kept until what they tell has changed; bounded in bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

KEPT_BYTES = 32 << 20


@dataclass(frozen=True)
class Body:
    """The bytes of an answer and their ETag."""

    content: bytes
    tag: str


class KeptBodies:
    """The answers used last. Every method may be called from any thread.

    Args:
        limit_bytes: of all answers together; a larger one is not kept.
    """

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[int, Body]] = OrderedDict()
        self._size_bytes = 0

    def find(self, key: Hashable, version: int) -> Body | None:
        """Return the kept answer of this version, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is None or found[0] != version:
                return None
            self._kept.move_to_end(key)
            return found[1]

    def get(self, key: Hashable, version: int, make: Callable[[], Body]) -> Body:
        """Return the kept answer of this version, or what `make` returns.

        Args:
            version: of what the answer tells, read before `make` reads it: what changes meanwhile has another version.
        """
        found = self.find(key, version)
        if found is not None:
            return found
        body = make()
        with self._lock:
            self._forget(key)
            self._kept[key] = version, body
            self._size_bytes += len(body.content)
            while self._size_bytes > self._limit_bytes:
                self._forget(next(iter(self._kept)))
        return body

    def _forget(self, key: Hashable) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._size_bytes -= len(found[1].content)
