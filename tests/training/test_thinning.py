"""Thinning counts values, and the cuts do not matter."""

import numpy as np
import pytest

from app.training.thinning import Thinner, join


def series(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(1, count + 1) * 3, np.sin(np.arange(count)) * 1e3


def test_every_value_is_a_point_until_the_limit_then_the_interval_doubles() -> None:
    steps, means, lows, highs = Thinner(8).add(*series(32))
    # 8 alone, 8..15 in pairs (4), 16..31 in fours (4)
    assert len(means) == 8 + 4 + 4
    assert steps.tolist()[8:] == [30, 36, 42, 48, 60, 72, 84, 96]
    values = series(32)[1]
    assert means[8] == (values[8] + values[9]) / 2
    assert (lows[-1], highs[-1]) == (values[28:32].min(), values[28:32].max())


@pytest.mark.parametrize("cuts", [[1] * 200, [7, 50, 3, 140], [200], [8, 8, 184], [0, 199, 1]])
def test_points_do_not_depend_on_how_the_values_arrive(cuts: list[int]) -> None:
    steps, values = series(200)
    thinner, parts, start = Thinner(8), [], 0
    for cut in cuts:
        parts.append(thinner.add(steps[start : start + cut], values[start : start + cut]))
        start += cut
    for one, other in zip(join(parts), Thinner(8).add(steps, values), strict=True):
        assert one.tobytes() == other.tobytes()


def test_the_rest_is_the_mean_of_what_the_open_bin_holds() -> None:
    """Of 26 values, 8 stand alone, 8 make pairs, 8 make fours, and two wait."""
    steps, values = series(26)
    thinner = Thinner(8)
    kept = thinner.add(steps, values)
    rest = thinner.rest()
    assert (kept[0][-1], rest[0].tolist()) == (72, [78])
    assert rest[1].tolist() == [(values[24] + values[25]) / 2]
    assert (rest[2][0], rest[3][0]) == (min(values[24:]), max(values[24:]))
    again = thinner.add(*(part[24:] for part in series(28)))
    assert len(again[0]) == 1, "the bin stays open for a fork"
    assert not len(Thinner(8).rest()[0])


def test_state_holds_the_unfinished_bin() -> None:
    steps, values = series(100)
    whole, first, second = Thinner(8), Thinner(8), Thinner(8)
    first.add(steps[:61], values[:61])
    second.load(first.state())
    expected = whole.add(steps, values)
    rest = second.add(steps[61:], values[61:])
    assert rest[1].tobytes() == expected[1][-len(rest[1]) :].tobytes()


def test_a_hundred_thousand_values_take_no_time_per_value() -> None:
    """A million values make 100,000 points and fewer than 50,000 more for each doubling."""
    points = Thinner(100_000).add(*series(1_000_000))
    assert 100_000 < len(points[0]) <= 300_000
