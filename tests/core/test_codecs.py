"""Trees, arrays and hashes survive the way to bytes and back, bit for bit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import codecs

LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=5)
KEYS = st.text("abü_1 ", min_size=1, max_size=2)
NESTED = st.dictionaries(KEYS, LEAVES, min_size=1, max_size=3)
TREES = st.dictionaries(KEYS, LEAVES | NESTED | st.dictionaries(KEYS, NESTED, min_size=1, max_size=2), max_size=4)


@settings(deadline=None)
@given(TREES)
def test_unflatten_is_the_inverse_of_flatten(tree: dict[str, object]) -> None:
    assert not codecs.trees_equal(codecs.unflatten(codecs.flatten(tree)), tree)


@pytest.mark.parametrize("tree", [{"a.b": 1}, {"a": {"b.c": 1}}, {1: 2}])
def test_keys_that_would_be_ambiguous_are_refused(tree: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="without a dot"):
        codecs.flatten(tree)


def test_arrays_and_numbers_are_told_apart() -> None:
    arrays, scalars = codecs.split_arrays({"a": {"w": np.arange(3)}, "n": 1, "name": "x", "nothing": None})
    assert list(arrays) == ["a.w"]
    assert scalars == {"n": 1, "name": "x", "nothing": None}
    with pytest.raises(TypeError, match=r"n\.z: a state tree holds"):
        codecs.split_arrays({"n": {"z": object()}})


def test_equality_sees_every_bit() -> None:
    tree = {"w": np.array([0.0, 1.0]), "n": {"k": 1.0}}
    assert codecs.trees_equal(tree, {"w": np.array([0.0, 1.0]), "n": {"k": 1.0}}) == []
    assert codecs.trees_equal(tree, {"w": np.array([-0.0, 1.0]), "n": {"k": 1.0}}) == ["w"], "minus zero differs"
    assert codecs.trees_equal(tree, {"w": np.array([0.0, 1.0], np.float32), "n": {"k": 1.0}}) == ["w"]
    assert codecs.trees_equal(tree, {"w": np.array([0.0, 1.0]), "n": {"j": 1.0}}) == ["n.j", "n.k"]
    assert codecs.trees_equal({"x": math.nan}, {"x": math.nan}) == []


def test_packed_arrays_come_back() -> None:
    arrays = {
        "f": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3),
        "i": np.arange(4)[::2],
        "big": np.arange(3, dtype=">i4"),
        "flags": np.array([True, False]),
        "empty": np.empty((0, 3)),
    }
    described, body = codecs.pack_arrays(arrays)
    back = codecs.unpack_arrays(described, body)
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].shape == array.shape
    assert described[2]["dtype"] == "<i4"


def test_equal_values_have_equal_hashes() -> None:
    assert codecs.canonical_json({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}'
    assert codecs.content_hash({"a": 1, "b": 2}) == codecs.content_hash({"b": 2, "a": 1})
    assert codecs.content_hash({"a": 1}) != codecs.content_hash({"a": 2})
    with pytest.raises(ValueError, match="not JSON compliant"):
        codecs.canonical_json(math.nan)


def test_what_json_has_no_word_for_becomes_null() -> None:
    assert [codecs.finite_or_null(value) for value in (1.5, math.nan, -math.inf)] == [1.5, None, None]
