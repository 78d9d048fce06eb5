"""Checkpoints on disk: a folder with the arrays (safetensors) and a manifest (JSON) that holds the numbers and the hashes.

A checkpoint is written beside its place, flushed, renamed into it, and read back before anyone hears of it: after a kill
at any moment there is either the whole of it or none of it. No pickle.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors import numpy as safetensors

from app.core import codecs
from app.core.contracts import Tree
from app.core.errors import CheckpointDamaged

ARRAYS, MANIFEST = "state.safetensors", "manifest.json"
FORMAT = 1
AUTOMATIC_KEPT = 2
TEMPORARY = ".writing-"


@dataclass(frozen=True)
class CheckpointInfo:
    """What is announced of a checkpoint: its folder's name, the step, why it was made, its size and hashes."""

    id: str
    step: int
    kind: str
    size_bytes: int
    files: dict[str, str]
    removed: list[str]


def write_checkpoint(folder: Path, tree: Tree, meta: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
    """Write a state tree and its facts as the new folder `folder`.

    Returns:
        (size in bytes, file name → SHA-256), after reading the files back.

    Raises:
        CheckpointDamaged: what was read back is not what was written.
    """
    arrays, scalars = codecs.split_arrays(tree)
    packed = safetensors.save(arrays)
    files = {ARRAYS: hashlib.sha256(packed).hexdigest()}
    encoded = {name: _encode(value) for name, value in scalars.items()}
    manifest = {
        "format": FORMAT, "meta": dict(meta), "scalars": encoded, "empty": _empty_branches(tree), "files": files,
    }  # fmt: skip
    text = json.dumps({**manifest, "sha256": codecs.content_hash(manifest)}, allow_nan=False).encode()
    temporary = folder.with_name(TEMPORARY + folder.name)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    _write(temporary / ARRAYS, packed)
    _write(temporary / MANIFEST, text)
    _sync(temporary)
    temporary.rename(folder)
    _sync(folder.parent)
    _read_verified(folder)
    return len(packed) + len(text), {**files, MANIFEST: hashlib.sha256(text).hexdigest()}


def read_checkpoint(folder: Path) -> tuple[Tree, dict[str, Any]]:
    """Return (state tree, facts) of a checkpoint.

    Raises:
        CheckpointDamaged: a file is missing or its hash does not match.
    """
    manifest, packed = _read_verified(folder)
    try:
        arrays = safetensors.load(packed)
    except SafetensorError as error:
        raise _damaged(folder, str(error)) from None
    scalars = {name: _decode(value) for name, value in manifest["scalars"].items()}
    tree = codecs.unflatten({**arrays, **scalars})
    for name in manifest["empty"]:
        node = tree
        for part in name.split("."):
            node = node.setdefault(part, {})
    return tree, manifest["meta"]


class Keeper:
    """The checkpoints of one run: names them, keeps the last two automatic ones, the best, and every other kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(TEMPORARY + "*"):
            shutil.rmtree(leftover, ignore_errors=True)
        self.kept = sorted((path.name for path in folder.iterdir() if path.name.count("-") == 2), key=_number)

    def write(self, tree: Tree, meta: Mapping[str, Any], step: int, kind: str) -> CheckpointInfo:
        """Write a checkpoint, then remove those it makes superfluous."""
        number = _number(self.kept[-1]) + 1 if self.kept else 1
        name = f"{step}-{kind}-{number}"
        size, files = write_checkpoint(self.folder / name, tree, {**meta, "step": step, "kind": kind})
        self.kept.append(name)
        return CheckpointInfo(name, step, kind, size, files, self._remove_old(kind))

    def has(self, step: int, kind: str) -> bool:
        """Whether a checkpoint of this kind was already made at this step."""
        return any(name.startswith(f"{step}-{kind}-") for name in self.kept)

    def _remove_old(self, kind: str) -> list[str]:
        limit = {"auto": AUTOMATIC_KEPT, "best": 1}.get(kind)
        if limit is None:
            return []
        old = [name for name in self.kept if name.split("-")[1] == kind][:-limit]
        for name in old:
            shutil.rmtree(self.folder / name, ignore_errors=True)
            self.kept.remove(name)
        return old


def _number(name: str) -> int:
    last = name.rsplit("-", 1)[-1]
    return int(last) if last.isdigit() else 0


def _read_verified(folder: Path) -> tuple[dict[str, Any], bytes]:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        packed = (folder / ARRAYS).read_bytes()
        claimed = manifest.pop("sha256")
        arrays_hash = manifest["files"][ARRAYS]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _damaged(folder, f"{type(error).__name__}: {error}") from None
    if codecs.content_hash(manifest) != claimed:
        raise _damaged(folder, f"{MANIFEST} was changed")
    if hashlib.sha256(packed).hexdigest() != arrays_hash:
        raise _damaged(folder, f"{ARRAYS} was changed")
    return manifest, packed


def _damaged(folder: Path, why: str) -> CheckpointDamaged:
    return CheckpointDamaged(f"checkpoint {folder.name}: {why}. Resume or fork from an earlier checkpoint.")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _empty_branches(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the dotted names of branches without leaves, which a flat list of leaves would lose."""
    found = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += _empty_branches(value, f"{prefix}{key}.") if value else [prefix + key]
    return found


def _encode(value: Any) -> Any:
    """JSON has no infinity; a number that is not finite travels as an object."""
    return {"float": repr(float(value))} if isinstance(value, float) and not math.isfinite(value) else value


def _decode(value: Any) -> Any:
    return float(value["float"]) if isinstance(value, dict) else value
