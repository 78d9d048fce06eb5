"""Named arrays as one compressed blob and its description, shared by frames and episodes."""

import zlib
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from app.core.codecs import pack_arrays, unpack_arrays


def to_blob(arrays: Mapping[str, NDArray[Any]]) -> tuple[list[dict[str, Any]], bytes]:
    """Return the description [{name, dtype, shape}] and the compressed bytes."""
    described, body = pack_arrays(arrays)
    return described, zlib.compress(body, 1)


def from_blob(described: list[dict[str, Any]], body: bytes) -> dict[str, NDArray[Any]]:
    """The inverse of `to_blob`; the arrays are read-only."""
    return unpack_arrays(described, zlib.decompress(body))


def surplus(kept: list[int], limit: int) -> list[int]:
    """Return which of the ascending numbers to drop when there are more than `limit`: every second one, never an end."""
    return kept[1:-1:2] if len(kept) > limit else []
