"""Schedules at their ends and in the middle."""

from app.parts.schedules import linear, scheduled


def test_constant_keeps_the_value() -> None:
    assert scheduled(0.2, "constant", 0.99) == 0.2


def test_linear_falls_to_zero_over_the_budget() -> None:
    assert [scheduled(1.0, "linear", progress) for progress in (0, 0.25, 1, 1.5)] == [1.0, 0.75, 0.0, 0.0]


def test_a_line_holds_its_end() -> None:
    assert [linear(1.0, 0.5, step=step, duration=10) for step in (0, 5, 10, 99)] == [1.0, 0.75, 0.5, 0.5]


def test_a_line_of_no_duration_is_at_its_end() -> None:
    assert linear(1.0, 0.05, step=0, duration=0.0) == 0.05
