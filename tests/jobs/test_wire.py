"""Frames survive the pipe byte for byte; a broken peer is refused."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from app.jobs import wire

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
HEADERS = st.dictionaries(st.text(min_size=1).filter(lambda name: name != "arrays"), JSON, max_size=5)
DTYPES = st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_])
ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    DTYPES.flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
    ),
    max_size=3,
)


@given(HEADERS, ARRAYS)
def test_a_message_comes_back_as_it_was_sent(header, sent):
    message = wire.read(io.BytesIO(wire.encode(header, sent)))
    assert message.header == header
    assert message.arrays.keys() == sent.keys()
    for name, array in sent.items():
        back = message.arrays[name]
        assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


@given(st.lists(HEADERS, max_size=5))
def test_messages_keep_their_borders(headers):
    stream = io.BytesIO(b"".join(wire.encode(header) for header in headers))
    read = []
    while (message := wire.read(stream)) is not None:
        read.append(message.header)
    assert read == headers


@given(HEADERS, ARRAYS, st.data())
def test_a_cut_message_is_an_error_not_a_shorter_message(header, sent, data):
    encoded = wire.encode(header, sent)
    cut = data.draw(st.integers(1, len(encoded) - 1))
    with pytest.raises(wire.WireError):
        wire.read(io.BytesIO(encoded[:cut]))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    stream = io.BytesIO(data)
    try:
        while wire.read(stream) is not None:
            pass
    except wire.WireError:
        pass


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_header_and_body_are_decoded_or_refused(head, body):
    with contextlib.suppress(wire.WireError):
        wire.decode(head, body)


@pytest.mark.parametrize(
    "described",
    [
        '[{"name":"a","dtype":"|O","shape":[1]}]',
        '[{"name":"a","dtype":"<f8","shape":[-1]}]',
        '[{"name":"a","dtype":"<f8","shape":[9]}]',
        "7",
        '[{"name":"a"}]',
    ],
)
def test_a_body_that_does_not_fit_its_description_is_refused(described):
    with pytest.raises(wire.WireError):
        wire.decode(b'{"arrays":' + described.encode() + b"}", b"\0" * 8)


def test_sizes_beyond_the_bounds_are_refused_before_anything_is_read():
    huge = wire.PREFIX.pack(wire.MAX_HEADER_BYTES + 1, 0)
    with pytest.raises(wire.WireError, match="at most"):
        wire.read(io.BytesIO(huge))


def test_numpy_numbers_in_a_header_are_sent_as_numbers():
    header = {"step": np.int64(3), "value": np.float64(0.5)}
    assert wire.read(io.BytesIO(wire.encode(header))).header == {"step": 3, "value": 0.5}
