"""Philox gives the published answers, numpy and numba agree bit for bit, and the derived draws have their distribution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import randomness
from app.core.jit import plain
from app.core.randomness import Stream, below, derive_key, philox, philox_array, philox_block, unit

WORDS64 = st.integers(0, 2**64 - 1)
WORDS32 = st.integers(0, 2**32 - 1)

# Random123, tests/kat_vectors, philox4x32 10: counter words, key words, answer
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]) -> None:
    count, lane = np.uint64(counter[0] | counter[1] << 32), np.uint64(counter[2] | counter[3] << 32)
    words = np.array(key, np.uint32)
    assert tuple(int(word) for word in philox(count, lane, words)) == answer
    assert tuple(int(word) for word in plain(philox)(count, lane, words)) == answer
    assert tuple(philox_array(np.array([count]), np.array([lane]), words)[0].tolist()) == answer


@settings(deadline=None)  # the first call compiles
@given(WORDS64, WORDS64, WORDS32, WORDS32)
def test_numpy_and_numba_agree_bit_for_bit(counter: int, lane: int, k0: int, k1: int) -> None:
    key = np.array([k0, k1], np.uint32)
    expected = philox_array(np.array([counter], np.uint64), np.array([lane], np.uint64), key)[0]
    assert tuple(expected) == philox(np.uint64(counter), np.uint64(lane), key)


def test_a_block_of_draws_equals_single_draws() -> None:
    key, words = derive_key(1, "x"), np.empty((4, 100), np.uint64)
    philox_block(2**32 - 50, 7, key, words)
    for index in range(100):
        assert tuple(words[:, index]) == philox(2**32 - 50 + index, 7, key)


@settings(deadline=None)  # the first call compiles
@given(WORDS32, st.integers(1, 2**31))
def test_words_become_uniforms_and_integers_in_range(word: int, bound: int) -> None:
    assert 0.0 <= unit(np.uint64(word)) == word / 2**32 < 1.0
    assert 0 <= below(np.uint64(word), bound) == word * bound >> 32 < bound


def test_a_stream_is_its_counter() -> None:
    whole, first = Stream(5, "name"), Stream(5, "name")
    words = whole.words(80)
    head = first.words(40)
    tail = Stream(5, "name", first.counter).words(40)
    np.testing.assert_array_equal(words, np.concatenate([head, tail]))
    counters = np.arange(20, dtype=np.uint64)
    np.testing.assert_array_equal(words, philox_array(counters, np.uint64(0), whole.key).reshape(-1))


def test_seed_and_name_both_matter() -> None:
    draws = {Stream(seed, name).words(4).tobytes() for seed in (0, 1, 2**53 - 1) for name in ("a", "b", "evaluation 1")}
    assert len(draws) == 9


def test_keys_never_change() -> None:
    # a curve recorded today must be recomputable in years: the derivation is pinned
    assert derive_key(0, "environment").tolist() == [3880469095, 1322595822]


def test_distributions() -> None:
    stream, n = Stream(0, "test"), 100_000
    uniforms, integers, normals = stream.uniforms(n), stream.integers(6, n), stream.normals(n)
    assert abs(uniforms.mean() - 0.5) < 5 / np.sqrt(12 * n)
    assert np.abs(np.bincount(integers, minlength=6) - n / 6).max() < 5 * np.sqrt(n / 6)
    assert abs(normals.mean()) < 5 / np.sqrt(n)
    assert abs(normals.std() - 1) < 5 / np.sqrt(2 * n)
    assert stream.uniforms(3, 4).shape == (3, 4)
    assert stream.normals(5).shape == (5,)


def test_permutations_hold_every_number_once_and_are_even() -> None:
    stream = Stream(0, "test")
    orders = np.array([stream.permutation(4) for _ in range(4_000)])
    assert (np.sort(orders, axis=1) == np.arange(4)).all()
    counts = np.array([np.bincount(column, minlength=4) for column in orders.T])
    assert np.abs(counts - 1_000).max() < 5 * np.sqrt(750)


def test_module_has_no_generator_of_its_own() -> None:
    assert not [name for name, value in vars(randomness).items() if isinstance(value, np.random.Generator | Stream)]
