"""Buckets hold the mean, the smallest and the largest of the full data; bits decide what is equal."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.points import Points, first_difference, from_arrays, from_data, join, reduce, reduce_rows, to_row


def make(values: list[float], *, spread: float = 0.0) -> Points:
    array = np.array(values, np.float64)
    lows, highs = (array - spread, array + spread) if spread else (array, array)
    return Points(np.arange(len(array), dtype=np.int64), array, lows, highs)


def plain_reduce(points: Points, buckets: int) -> list[tuple[int, float, float, float]]:
    """The plain twin: a loop over buckets."""
    n, found = len(points), []
    for bucket in range(buckets):
        low, high = bucket * n // buckets, (bucket + 1) * n // buckets
        part = slice(low, high)
        mean = sum(points.values[part].tolist()) / (high - low)
        found.append((int(points.steps[low]), mean, min(points.lows[part]), max(points.highs[part])))
    return found


def test_seven_points_in_three_buckets_by_hand() -> None:
    # starts 0, 2, 4: [1, 5], [2, 4], [9, 0, 3]
    curve = reduce(make([1, 5, 2, 4, 9, 0, 3]), 3)
    assert curve.steps.tolist() == [0, 2, 4]
    assert curve.values.tolist() == [3.0, 3.0, 4.0]
    assert curve.lows.tolist() == [1.0, 2.0, 0.0]
    assert curve.highs.tolist() == [5.0, 4.0, 9.0]


@given(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=200),
    st.integers(1, 220),
    st.floats(0, 10),
)
def test_buckets_equal_the_plain_loop(values: list[float], buckets: int, spread: float) -> None:
    points = make(values, spread=spread)
    curve = reduce(points, buckets)
    expected = plain_reduce(points, min(buckets, len(points)))
    assert curve.steps.tolist() == [row[0] for row in expected]
    np.testing.assert_allclose(curve.values, [row[1] for row in expected], rtol=1e-12, atol=1e-6)
    assert curve.lows.tolist() == [row[2] for row in expected]
    assert curve.highs.tolist() == [row[3] for row in expected]


def test_dropping_points_would_lose_the_extreme() -> None:
    values = [0.0] * 1_000
    values[501] = 100.0
    curve, every_hundredth = reduce(make(values), 10), values[::100]
    assert curve.highs.max() == 100.0
    assert max(every_hundredth) == 0.0


def test_few_points_come_back_as_they_are() -> None:
    assert reduce(make([1, 2]), 5).values.tolist() == [1.0, 2.0]


def test_rows_reduce_by_their_statistics() -> None:
    rows = [SimpleNamespace(first_step=10 * n, count_=count, low=-float(n), high=float(n), mean=mean)
            for n, (count, mean) in enumerate([(1, 4.0), (3, 0.0), (2, 5.0)])]  # fmt: skip
    curve = reduce_rows(rows, 1)
    assert (curve.steps.tolist(), curve.lows.tolist(), curve.highs.tolist()) == ([0], [-2.0], [2.0])
    assert curve.values.tolist() == [(1 * 4.0 + 3 * 0.0 + 2 * 5.0) / 6]


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_a_row_holds_the_bits(spread: float) -> None:
    points = make([0.1, -0.0, np.inf, np.nan], spread=spread)
    row = to_row(7, points)
    assert len(row["data"]) == 4 * 8 * (4 if spread else 2)
    assert first_difference(points, from_data(row["data"], row["count"])) is None


def test_statistics_of_a_row() -> None:
    row = to_row(7, make([1.0, 2.0, 6.0], spread=1.0))
    assert (row["first_seq"], row["count"], row["first_step"], row["last_step"]) == (7, 3, 0, 2)
    assert (row["low"], row["high"], row["mean"]) == (0.0, 7.0, 3.0)


def test_one_bit_is_a_difference() -> None:
    assert first_difference(make([1.0, 2.0]), make([1.0, np.nextafter(2.0, 3.0)])) == 1
    assert first_difference(make([0.0]), make([-0.0])) == 0
    assert first_difference(make([np.nan]), make([np.nan])) is None


def test_pieces_join_in_order() -> None:
    assert join([make([1.0]), make([2.0, 3.0])]).values.tolist() == [1.0, 2.0, 3.0]
    assert len(join([])) == 0


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        from_arrays({"steps": np.arange(3), "values": np.arange(2.0)})
