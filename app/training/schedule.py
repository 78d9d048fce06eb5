"""When things happen: recording steps that only counts decide, and a pace that only the clock decides.

Records, frames and evaluations fall on steps fixed by the budget, so that a resumed run repeats them exactly. The pace
decides how many steps one call of `update` is given; since no result depends on the cutting, the clock may rule it.
"""

from bisect import bisect_right
from dataclasses import dataclass

from app.training.ports import Clock

RECORDS = 400
EVALUATIONS = 20
FRAMES = 120
TARGET_CALL_S = 0.03
FIRST_CALL_STEPS = 64
WINDOW_S = 1.0


def record_every(total_steps: int) -> int:
    """Return the distance between two records of the diagnostics, in steps."""
    return max(1, total_steps // RECORDS)


def evaluate_every(total_steps: int, wanted: int | None) -> int:
    """Return the distance between two evaluations, in steps."""
    return max(1, wanted if wanted is not None else total_steps // EVALUATIONS)


def next_multiple(step: int, every: int) -> int:
    """Return the first multiple of `every` beyond `step`.

    >>> next_multiple(10, 5), next_multiple(11, 5)
    (15, 15)
    """
    return (step // every + 1) * every


def history_steps(total_steps: int, count: int = FRAMES) -> list[int]:
    """Return the steps whose pictures are kept, ascending, at most `count`: 0, the end, dense early, then even.

    >>> history_steps(3)
    [0, 1, 2, 3]
    """
    if total_steps < count:
        return list(range(total_steps + 1))
    half = (count - 2) // 2
    geometric = {round(total_steps ** (index / half)) for index in range(half)}
    linear = {total_steps * index // half for index in range(half + 1)}
    return sorted(geometric | linear | {0, total_steps})


@dataclass(frozen=True)
class Calendar:
    """The fixed steps of one run."""

    total_steps: int
    record_every: int
    evaluate_every: int
    frames: list[int]

    @classmethod
    def of(cls, total_steps: int, eval_every_steps: int | None) -> "Calendar":
        """Return the calendar that follows from the budget."""
        every = evaluate_every(total_steps, eval_every_steps)
        return cls(total_steps, record_every(total_steps), every, history_steps(total_steps))

    def next_frame(self, step: int) -> int:
        """Return the first history step beyond `step`; the end where none is left."""
        index = bisect_right(self.frames, step)
        return self.frames[index] if index < len(self.frames) else max(self.total_steps, step + 1)


class Due:
    """The next step of each kind of boundary, counted from where a run stands."""

    def __init__(self, calendar: Calendar, step: int) -> None:
        self.calendar = calendar
        self.pass_by(step)

    def pass_by(self, step: int) -> None:
        """Everything up to `step` is done."""
        calendar = self.calendar
        self.record = next_multiple(step, calendar.record_every)
        self.evaluation = next_multiple(step, calendar.evaluate_every)
        self.frame = calendar.next_frame(step)
        self.next = min(self.record, self.evaluation, self.frame, calendar.total_steps)


class Pace:
    """How many steps the next call gets, and when it may start.

    Attributes:
        speed: steps per second, or None for full speed.
        clock_s: seconds of training so far, pauses left out.
    """

    def __init__(self, clock: Clock, speed: float | None) -> None:
        self._clock = clock
        self._chunk = float(FIRST_CALL_STEPS)
        self._earned = 0.0
        self._since: float | None = None
        self._window: list[tuple[float, int]] = []
        self.limit(speed)

    def now(self) -> float:
        """Return the clock's time."""
        return self._clock()

    def continue_from(self, clock_s: float) -> None:
        """Count the seconds of an earlier attempt too."""
        self._earned = clock_s

    def limit(self, speed: float | None) -> None:
        """Change the speed; the next step may start at once."""
        self.speed = speed
        self._start_at = self._clock()

    def run(self, step: int) -> None:
        """The clock runs (again)."""
        now = self._clock()
        self._since, self._start_at = now, now
        self._window = [(now, step)]

    def rest(self) -> None:
        """The clock stands still."""
        self._earned, self._since = self.clock_s, None

    @property
    def clock_s(self) -> float:
        """Seconds of training so far."""
        return self._earned + (self._clock() - self._since if self._since is not None else 0.0)

    def wait_s(self) -> float:
        """Return how long to wait before the next call."""
        return max(0.0, self._start_at - self._clock()) if self.speed is not None else 0.0

    def steps(self) -> int:
        """Return how many steps the next call may take."""
        if self.speed is None:
            return max(1, int(self._chunk))
        return max(1, min(int(self._chunk), int(self.speed * TARGET_CALL_S)))

    def took(self, steps: int, started: float) -> None:
        """Learn from a call that started at `started` and made `steps` steps."""
        lasted = self._clock() - started
        wanted = steps * TARGET_CALL_S / lasted if lasted > 0 else 4 * self._chunk
        self._chunk = min(max(wanted, self._chunk / 4, 1.0), self._chunk * 2 + 1, 1e9)
        if self.speed is not None:
            self._start_at = max(self._start_at, started - TARGET_CALL_S) + steps / self.speed

    def fps(self, step: int) -> float:
        """Return steps per second over the last second or so."""
        now = self._clock()
        if not self._window:
            return 0.0
        if now - self._window[-1][0] >= WINDOW_S:
            self._window = [self._window[-1], (now, step)]
        then, before = self._window[0]
        return (step - before) / (now - then) if now > then else 0.0
