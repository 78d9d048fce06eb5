"""Priorities in a tree of sums: who is drawn how often, rows that hold nothing, and resumption."""

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.core.jit import plain
from app.core.randomness import Stream
from app.parts.sum_tree import SumTree, find, put

PRIORITIES = np.array([1.0, 0.0, 3.0, 4.0, 2.0])


def tree(capacity: int = 5) -> SumTree:
    built = SumTree(capacity)
    built.put(np.arange(5), PRIORITIES)
    return built


def test_a_spot_belongs_to_the_row_whose_priority_it_falls_into() -> None:
    """End to end the priorities end at 1, 1, 4, 8 and 10."""
    spots = np.array([0.0, 0.99, 1.0, 3.99, 4.0, 7.99, 8.0, 9.99])
    assert find(tree()._sums, spots).tolist() == [0, 0, 2, 2, 3, 3, 4, 4]


def test_a_row_of_priority_zero_is_never_found_not_even_at_the_total() -> None:
    built = SumTree(8)
    built.put(np.array([0, 1]), np.array([0.0, 2.0]))
    assert find(built._sums, np.array([0.0, 1.0, 2.0, 2.5])).tolist() == [1, 1, 1, 1]


def test_draws_follow_the_priorities_and_name_the_exact_probabilities() -> None:
    built, random = tree(), Stream(0, "minibatches")
    counts = np.zeros(5)
    for _draw in range(200):
        rows, probabilities = built.draw(50, random)
        np.testing.assert_array_equal(probabilities, PRIORITIES[rows] / 10.0)
        counts += np.bincount(rows, minlength=5)
    np.testing.assert_allclose(counts / counts.sum(), PRIORITIES / 10.0, atol=0.002)


def test_the_total_is_the_sum_whatever_the_order_of_changes() -> None:
    built = tree()
    built.put(np.array([3, 0, 3]), np.array([9.0, 5.0, 0.5]))
    assert built.total == pytest.approx(5.0 + 0.0 + 3.0 + 0.5 + 2.0)
    np.testing.assert_array_equal(built.priorities, [5.0, 0.0, 3.0, 0.5, 2.0])


def test_new_rows_get_the_largest_priority_so_far() -> None:
    built = SumTree(4)
    built.add(np.array([0]))
    assert built.priorities[0] == 1.0
    built.put(np.array([0]), np.array([6.0]))
    built.put(np.array([0]), np.array([0.1]))
    built.add(np.array([1]))
    assert built.priorities.tolist() == [0.1, 6.0, 0.0, 0.0]


def test_state_returns_after_load_and_draws_go_on_alike() -> None:
    one, other = SumTree(100), SumTree(100)
    draws = np.random.default_rng(0)
    one.add(np.arange(60))
    for _change in range(50):
        one.put(draws.integers(60, size=8), draws.uniform(0.01, 5.0, size=8))
    other.load(one.state())
    assert not trees_equal(one.state(), other.state())
    assert one.total == other.total
    np.testing.assert_array_equal(one.draw(32, Stream(1, "a"))[0], other.draw(32, Stream(1, "a"))[0])


def test_compiled_loops_equal_their_plain_twins() -> None:
    draws = np.random.default_rng(1)
    rows, priorities, spots = draws.integers(16, size=40), draws.uniform(size=40), draws.uniform(0, 5, size=30)
    sums, twin = np.zeros(32), np.zeros(32)
    put(sums, rows, priorities)
    plain(put)(twin, rows, priorities)
    np.testing.assert_array_equal(sums, twin)
    np.testing.assert_array_equal(find(sums, spots), plain(find)(sums, spots))
