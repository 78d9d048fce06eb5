"""Steps fixed by the budget, and a pace fixed by the clock."""

import pytest

from app.training.schedule import Calendar, Due, Pace, history_steps


@pytest.mark.parametrize("total", [1, 2, 50, 119, 120, 121, 1_000, 100_000, 10**9])
def test_pictures_are_few_ascending_dense_early_and_include_both_ends(total: int) -> None:
    steps = history_steps(total)
    assert len(steps) <= 120
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, total)
    if total >= 1_000:
        assert sum(step <= total // 10 for step in steps) > 30


def test_boundaries_come_in_order_and_never_twice() -> None:
    due, seen, step = Due(Calendar.of(1_000, None), 0), [], 0
    while step < 1_000:
        assert due.next > step
        step = due.next
        if step >= due.evaluation:
            seen.append(step)
        due.pass_by(step)
    assert seen == list(range(50, 1_001, 50))


def test_an_overshot_boundary_is_done_once() -> None:
    due = Due(Calendar.of(1_000, 5), 0)
    due.pass_by(23)
    assert due.evaluation == 25


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def test_calls_grow_until_they_last_thirty_milliseconds() -> None:
    clock = Clock()
    pace = Pace(clock, None)
    pace.run(0)
    for _call in range(40):
        started, steps = clock(), pace.steps()
        clock.time += steps * 1e-6
        pace.took(steps, started)
    assert pace.steps() == pytest.approx(30_000, rel=0.01)


def test_a_slow_call_is_followed_by_a_smaller_one() -> None:
    clock = Clock()
    pace = Pace(clock, None)
    started, steps = clock(), pace.steps()
    clock.time += 1.0
    pace.took(steps, started)
    assert pace.steps() == steps // 4


@pytest.mark.parametrize("speed", [1.0, 7.0, 250.0, 100_000.0])
def test_a_speed_is_kept_over_many_calls(speed: float) -> None:
    clock, done = Clock(), 0
    pace = Pace(clock, speed)
    pace.run(0)
    while clock.time < 20:
        clock.time += pace.wait_s()
        started, steps = clock(), pace.steps()
        clock.time += steps * 1e-7
        pace.took(steps, started)
        done += steps
    assert done == pytest.approx(20 * speed, rel=0.06)


def test_the_clock_stands_while_the_run_rests() -> None:
    clock = Clock()
    pace = Pace(clock, None)
    pace.continue_from(100.0)
    pace.run(0)
    clock.time = 5.0
    pace.rest()
    clock.time = 50.0
    assert pace.clock_s == 105.0
    pace.run(0)
    clock.time = 51.0
    assert pace.clock_s == 106.0


def test_steps_per_second_are_of_the_last_second_or_so() -> None:
    clock = Clock()
    pace = Pace(clock, None)
    pace.run(0)
    for second in range(1, 4):
        clock.time, step = float(second), second * 100
        pace.fps(step)
    clock.time = 4.0
    assert pace.fps(1_300) == 1_000
