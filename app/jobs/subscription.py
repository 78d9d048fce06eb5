"""One viewer of the hub: awaits the next merged message, at most so many in any second."""

import asyncio
import json
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol


@dataclass(frozen=True)
class StreamMessage:
    """One message of the event stream. `id` is the cursor a reconnecting viewer sends; empty `data` says nothing new."""

    position: int
    id: str
    data: dict[str, Any]

    @cached_property
    def text(self) -> str:
        """Return the JSON, encoded once for all viewers; NaN and infinity become null."""
        return json.dumps(finite(self.data), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Source(Protocol):
    """What a subscription needs of the hub; `stream_hz` is how many messages a viewer gets in any second."""

    stream_hz: float

    def clock(self) -> float: ...
    def collect(self, runs: frozenset[int] | None, since: int) -> StreamMessage: ...
    def unsubscribe(self, subscription: "Subscription") -> None: ...


class Subscription:
    """A position in the hub's recent past. Made and awaited in one event loop, woken from any thread."""

    def __init__(self, hub: Source, runs: frozenset[int] | None, position: int) -> None:
        self.runs = runs
        self._hub = hub
        self._position = position
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        self._sent: deque[float] = deque(maxlen=max(1, int(hub.stream_hz)))
        self._interval_s = 1.0 / hub.stream_hz

    @property
    def position(self) -> int:
        """The newest change that this viewer has been told of; -1 where its cursor was of another hub."""
        return self._position

    def watches(self, runs: Iterable[int]) -> bool:
        """Return whether one of these runs concerns this viewer."""
        return any(True for _ in runs) if self.runs is None else not self.runs.isdisjoint(runs)

    def wake(self, urgent: bool = False) -> None:
        """Say that something changed; an urgent change (a state, a run's first point) does not wait for the interval."""
        if self._changed.is_set() and (self._urgent.is_set() or not urgent):
            return
        try:
            self._loop.call_soon_threadsafe(self._set, urgent)
        except RuntimeError:  # the viewer's event loop has ended
            self.close()

    async def next_message(self) -> StreamMessage:
        """Wait for news and return all of it as one message."""
        while True:
            await self._changed.wait()
            await self._keep_the_rate()
            self._changed.clear()
            self._urgent.clear()
            message = self._hub.collect(self.runs, self._position)
            self._position = message.position
            if message.data:
                self._sent.append(self._hub.clock())
                return message

    def close(self) -> None:
        """Leave the hub."""
        self._hub.unsubscribe(self)

    async def _keep_the_rate(self) -> None:
        if not self._sent:
            return
        now = self._hub.clock()
        is_full = len(self._sent) == self._sent.maxlen
        window_s = max(1.0, self._interval_s)
        hard_wait = self._sent[0] + window_s - now if is_full else 0.0
        soft_wait = self._sent[-1] + self._interval_s - now
        if hard_wait > 0:
            await asyncio.sleep(hard_wait)
        elif soft_wait > 0 and not self._urgent.is_set():
            try:
                await asyncio.wait_for(self._urgent.wait(), soft_wait)
            except TimeoutError:
                return

    def _set(self, urgent: bool) -> None:
        self._changed.set()
        if urgent:
            self._urgent.set()


def finite(value: Any) -> Any:
    """Return a JSON value with None where a number is NaN or infinite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
