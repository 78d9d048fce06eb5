"""Turning state trees, arrays and configurations into bytes and hashes, and back. No pickle."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scalars = dict[str, Any]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested tree with dotted names: {"a": {"b": 1}} → {"a.b": 1}.

    Raises:
        ValueError: a key holds a dot or is not text.
    """
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if not isinstance(key, str) or "." in key:
            raise ValueError(f"{key!r}: a key of a state tree is text without a dot")
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, leaf = name.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return tree


def split_arrays(tree: Mapping[str, Any]) -> tuple[dict[str, NDArray[Any]], Scalars]:
    """Return (arrays, numbers and texts) of a state tree, both under dotted names."""
    arrays: dict[str, NDArray[Any]] = {}
    scalars: Scalars = {}
    for name, value in flatten(tree).items():
        if isinstance(value, np.ndarray):
            arrays[name] = np.asarray(value, order="C")
        elif isinstance(value, bool | int | float | str) or value is None:
            scalars[name] = value
        else:
            raise TypeError(f"{name}: a state tree holds arrays, numbers and text, not {type(value).__name__}")
    return arrays, scalars


def trees_equal(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    """Return the names whose values differ in any bit between two state trees; empty means identical."""
    a, b = flatten(left), flatten(right)
    differing = sorted(a.keys() ^ b.keys())
    for name in sorted(a.keys() & b.keys()):
        one, two = np.asarray(a[name]), np.asarray(b[name])
        if one.dtype != two.dtype or one.shape != two.shape or one.tobytes() != two.tobytes():
            differing.append(name)
    return differing


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(value: Any) -> str:
    """Return the SHA-256 hex digest of a JSON value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def pack_arrays(arrays: Mapping[str, Any]) -> tuple[list[dict[str, Any]], bytes]:
    """Return a description [{name, dtype, shape}] and the little-endian bytes of all arrays, one after another."""
    described, parts = [], []
    for name, array in arrays.items():
        little = np.asarray(array, order="C")
        little = little.astype(little.dtype.newbyteorder("<"), copy=False)
        described.append({"name": name, "dtype": little.dtype.str, "shape": list(little.shape)})
        parts.append(little.tobytes())
    return described, b"".join(parts)


def unpack_arrays(described: list[dict[str, Any]], body: bytes | memoryview) -> dict[str, NDArray[Any]]:
    """The inverse of `pack_arrays`; the arrays are read-only views of `body`."""
    arrays: dict[str, NDArray[Any]] = {}
    offset = 0
    for item in described:
        dtype = np.dtype(item["dtype"])
        count = math.prod(item["shape"])
        arrays[item["name"]] = np.frombuffer(body, dtype, count, offset).reshape(item["shape"])
        offset += count * dtype.itemsize
    return arrays


def finite_or_null(value: float) -> float | None:
    """Return the number, or None where it is NaN or infinite (JSON has neither)."""
    return value if math.isfinite(value) else None
