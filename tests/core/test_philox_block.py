"""The vectorised draws of app/core/randomness.py equal the single ones bit for bit."""

import numpy as np
import pytest

from app.core.jit import plain
from app.core.randomness import derive_key, philox, philox_array, philox_block, unit


@pytest.mark.parametrize(("first", "lane"), [(0, 0), (2**32 - 3, 7), (2**40, (1 << 32) + 5)])
def test_philox_block_equals_philox(first: int, lane: int) -> None:
    key = derive_key(11, "block")
    words, twin = np.empty((4, 9), np.uint64), np.empty((4, 9), np.uint64)
    philox_block(first, lane, key, words)
    plain(philox_block)(first, lane, key, twin)
    single = np.array([philox(first + i, lane, key) for i in range(9)], np.uint64).T
    counters = np.arange(first, first + 9, dtype=np.uint64)
    assert np.array_equal(words, single)
    assert np.array_equal(words, twin)
    assert np.array_equal(words.T, philox_array(counters, np.full(9, lane, np.uint64), key))


def test_unit_reaches_neither_below_zero_nor_one() -> None:
    assert unit(np.uint64(0)) == 0.0
    assert unit(np.uint64(2**32 - 1)) == 1 - 2.0**-32
