"""Frames on a pipe between server and worker: `<u32 header length><u32 body length><JSON header><body>`, little-endian.

A header is a JSON object whose `type` says what it is; `arrays` describes the body. Both ends are ours and run the same
version, so the header may hold NaN; sizes are checked all the same, because a broken peer must not exhaust memory.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from app.core.codecs import pack_arrays, unpack_arrays
from app.core.contracts import Array
from app.core.errors import PlaygroundError

PREFIX = struct.Struct("<II")
MAX_HEADER_BYTES = 4 * 2**20
MAX_BODY_BYTES = 64 * 2**20


class WireError(PlaygroundError):
    """A frame that is cut short, too large, or not a JSON object."""


@dataclass(frozen=True)
class Message:
    """One frame: a JSON header and the arrays its body holds."""

    header: dict[str, Any]
    arrays: dict[str, Array] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """Return what kind of frame this is."""
        return str(self.header.get("type", ""))


def encode(header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> bytes:
    """Return one frame.

    Raises:
        WireError: header or body is larger than a frame may be.
    """
    described, body = pack_arrays(arrays or {})
    full = {**header, "arrays": described} if described else dict(header)
    head = json.dumps(full, separators=(",", ":"), default=_plain).encode()
    _check_sizes(len(head), len(body))
    return PREFIX.pack(len(head), len(body)) + head + body


def read(stream: BinaryIO) -> Message | None:
    """Return the next frame, or None where the stream ends between two frames.

    Raises:
        WireError: the stream ends inside a frame, or the frame is too large or malformed.
    """
    prefix = _read_exactly(stream, PREFIX.size, may_end=True)
    if prefix is None:
        return None
    head_length, body_length = PREFIX.unpack(prefix)
    _check_sizes(head_length, body_length)
    head = _read_exactly(stream, head_length)
    body = _read_exactly(stream, body_length)
    assert head is not None
    assert body is not None
    return decode(head, body)


def decode(head: bytes, body: bytes) -> Message:
    """Return the message of a header's and a body's bytes."""
    try:
        header = json.loads(head)
        if not isinstance(header, dict):
            raise TypeError("not an object")
        described = header.pop("arrays", [])
        if any(size < 0 for item in described for size in item["shape"]):
            raise ValueError("an array with a negative size")
        return Message(header, unpack_arrays(described, body))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WireError(f"a frame could not be read: {error}") from None


def _read_exactly(stream: BinaryIO, count: int, may_end: bool = False) -> bytes | None:
    parts: list[bytes] = []
    missing = count
    while missing:
        part = stream.read(missing)
        if not part:
            if may_end and missing == count:
                return None
            raise WireError(f"the stream ended {missing} bytes before the end of a frame")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _check_sizes(head_length: int, body_length: int) -> None:
    if head_length > MAX_HEADER_BYTES or body_length > MAX_BODY_BYTES:
        raise WireError(
            f"a frame of {head_length} + {body_length} bytes: "
            f"at most {MAX_HEADER_BYTES} + {MAX_BODY_BYTES} may be sent at once"
        )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent in a header")
