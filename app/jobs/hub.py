"""What viewers are told: committed changes and live frames, merged per viewer, at most so many messages a second.

The writer publishes changes after COMMIT, workers' live frames arrive from their readers, and viewers wait in the web
server's event loop. A viewer never has a queue: the hub keeps one bounded buffer of recent changes per run, a viewer is a
position in it, and one that fell behind is told to read the run again (`refetch`).
"""

import itertools
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.core.codecs import canonical_json
from app.core.contracts import Array
from app.jobs.merging import RunDelta
from app.jobs.subscription import StreamMessage, Subscription

KEPT_RUNS = 512
KEPT_POINTS = 8_000
KEPT_CHANGES = 1_000
KEPT_MESSAGES = 32
UNKNOWN = "unknown-0"  # a cursor of no hub: who comes with it reads everything again


class Change(Protocol):
    """One committed change, as the store's writer announces it."""

    @property
    def run(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class LiveFrame:
    """The latest frame of one panel of a running run; `version` grows with every frame of the hub."""

    version: int
    header: Mapping[str, Any]
    arrays: Mapping[str, Array]


@dataclass
class _Recent:
    """The bounded recent past of one run.

    Attributes:
        forgotten: the newest version that is no longer held.
        curves: the version at which its points changed last.
    """

    forgotten: int = 0
    curves: int = 0
    changes: deque[tuple[int, str, Mapping[str, Any], int]] = field(default_factory=deque)
    points: int = 0
    live: dict[str, LiveFrame] = field(default_factory=dict)
    has_points: bool = False


class Hub:
    """Fan-out from one writer to many viewers. Every method may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, stream_hz: float = 4.0) -> None:
        self.clock = clock
        self.stream_hz = stream_hz
        self._lock = threading.Lock()
        self._epoch = secrets.token_hex(4)
        self._versions = itertools.count(1)
        self._version = 0
        self._floor = 0
        self._runs: OrderedDict[int, _Recent] = OrderedDict()
        self._subscriptions: set[Subscription] = set()
        self._built: OrderedDict[tuple[Any, ...], StreamMessage] = OrderedDict()

    def publish(self, changes: Sequence[Change]) -> None:
        """Take committed changes, in commit order, and wake the viewers of their runs."""
        urgent: set[int] = set()
        with self._lock:
            for change in changes:
                if self._remember(change.run, change.kind, change.data):
                    urgent.add(change.run)
            waiting = tuple(self._subscriptions)
        self._wake(waiting, {change.run for change in changes}, urgent)

    def live(self, run: int, header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
        """Take a live frame; it replaces the previous one of the same type, panel and options."""
        with self._lock:
            self._version = next(self._versions)
            kept = LiveFrame(self._version, header, dict(arrays or {}))
            self._recent(run).live[live_key(header)] = kept
            waiting = tuple(self._subscriptions)
        self._wake(waiting, {run}, set())

    def live_frame(self, run: int, panel: str, options: Mapping[str, Any] | None = None) -> LiveFrame | None:
        """Return the latest live frame of a panel drawn with these options, or None."""
        with self._lock:
            recent = self._runs.get(run)
            return recent.live.get(live_key({"type": "frame", "panel": panel, "options": options})) if recent else None

    def curves_version(self, run: int) -> int:
        """Return a number that differs whenever points of the run were committed, cut off or deleted."""
        with self._lock:
            recent = self._runs.get(run)
            return recent.curves if recent else self._floor

    def forget_live(self, run: int) -> None:
        """Drop the live frames of a run whose process ended."""
        with self._lock:
            if run in self._runs:
                self._runs[run].live.clear()

    def subscribe(self, runs: Iterable[int] | None = None, cursor: str = "") -> Subscription:
        """Return a viewer of these runs (None: the rows of all runs, without points), from a message id on.

        Call it inside the event loop that awaits `next_message`. Without a cursor it starts now.
        """
        chosen = None if runs is None else frozenset(runs)
        with self._lock:
            start = self._position(cursor)
            subscription = Subscription(self, chosen, start)
            self._subscriptions.add(subscription)
        if cursor:
            subscription.wake(urgent=True)
        return subscription

    def cursor_of(self, subscription: Subscription) -> str:
        """Return the id after which a viewer hears what is new: with it, a stream that takes this one's place loses nothing."""
        position = subscription.position
        return f"{self._epoch}-{position}" if position >= 0 else UNKNOWN

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a viewer."""
        with self._lock:
            self._subscriptions.discard(subscription)

    def collect(self, runs: frozenset[int] | None, since: int) -> StreamMessage:
        """Return everything after a position, merged; viewers at the same position share one message."""
        with self._lock:
            key = (runs, since, self._version)
            built = self._built.get(key)
            if built is None:
                built = self._build(runs, since)
                self._built[key] = built
                while len(self._built) > KEPT_MESSAGES:
                    self._built.popitem(last=False)
            return built

    def _build(self, runs: frozenset[int] | None, since: int) -> StreamMessage:
        deltas: dict[str, Any] = {}
        for run in self._runs if runs is None else sorted(runs):
            delta = self._delta(run, since, rows_only=runs is None)
            if delta:
                deltas[str(run)] = delta
        return StreamMessage(self._version, f"{self._epoch}-{self._version}", {"runs": deltas} if deltas else {})

    def _delta(self, run: int, since: int, rows_only: bool) -> dict[str, Any]:
        recent = self._runs.get(run)
        delta = RunDelta(rows_only)
        if recent is None:
            if since < self._floor:
                delta.refetch()
            return delta.result()
        if since < recent.forgotten:
            delta.refetch()
        for version, kind, data, _ in recent.changes:
            if version > since:
                delta.add(kind, data)
        for frame in recent.live.values():
            if frame.version > since:
                delta.add_live(frame.version, frame.header, frame.arrays)
        return delta.result()

    def _remember(self, run: int, kind: str, data: Mapping[str, Any]) -> bool:
        recent = self._recent(run)
        self._version = next(self._versions)
        size = count_points(data) if kind == "points" else 0
        if kind in ("points", "deleted") or "truncated_after" in data:
            recent.curves = self._version
        recent.changes.append((self._version, kind, data, size))
        recent.points += size
        while len(recent.changes) > KEPT_CHANGES or (recent.points > KEPT_POINTS and len(recent.changes) > 1):
            version, _, _, dropped = recent.changes.popleft()
            recent.points -= dropped
            recent.forgotten = version
        is_first_point = kind == "points" and not recent.has_points
        recent.has_points = recent.has_points or kind == "points"
        return is_first_point or kind == "deleted" or (kind == "run" and "state" in data)

    def _recent(self, run: int) -> _Recent:
        recent = self._runs.get(run)
        if recent is None:
            recent = self._runs[run] = _Recent(forgotten=self._floor, curves=self._floor)
            while len(self._runs) > KEPT_RUNS:
                self._runs.popitem(last=False)
                self._floor = self._version
        self._runs.move_to_end(run)
        return recent

    def _position(self, cursor: str) -> int:
        if not cursor:
            return self._version
        epoch, _, number = cursor.partition("-")
        is_ours = epoch == self._epoch and number.isdecimal() and len(number) < 19
        return min(int(number), self._version) if is_ours else -1

    def _wake(self, waiting: Iterable[Subscription], runs: set[int], urgent: set[int]) -> None:
        for subscription in waiting:
            if subscription.watches(runs):
                subscription.wake(urgent=subscription.watches(urgent))


def live_key(header: Mapping[str, Any]) -> str:
    """Return the text under which a live frame replaces its predecessor."""
    return canonical_json([header.get("type"), header.get("panel"), header.get("options") or {}])


def count_points(data: Mapping[str, Any]) -> int:
    """Return how many points a change of kind `points` carries."""
    return sum(len(series["steps"]) for series in data.values())
