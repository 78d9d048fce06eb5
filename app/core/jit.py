"""Compiled kernels: numba's `njit`, typed for mypy, with a cache that an edited callee cannot fool.

numba does not notice that a function called by a cached kernel was edited, so the cache folder carries the hash of every
source file of the application. A kernel lives at module level in the file it belongs to and calls others by name.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from app.core.folders import KERNELS_VARIABLE

Function = TypeVar("Function", bound=Callable[..., Any])
CACHE_VARIABLE = KERNELS_VARIABLE


def sources_hash() -> str:
    """Return the first 16 hex digits of the hash over `app/**/*.py` and numba's version."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path | None:
    """Return the folder that holds the compiled kernels, or None where none was chosen (then numba's default applies)."""
    base = os.environ.get(CACHE_VARIABLE)
    return Path(base) / sources_hash() if base else None


def _use_cache_folder() -> None:
    folder = cache_folder()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        numba.config.CACHE_DIR = str(folder)


_use_cache_folder()  # numba fixes the cache of a function at its decoration, so this must precede every kernel


def kernel(function: Function) -> Function:
    """Compile `function` on first call (no Python objects, so no global lock; no fast maths; cached on disk).

    `kernel_function.py_func` is the plain twin that the tests compare with.
    """
    return cast(Function, numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function))


def plain(function: Function) -> Function:
    """Return the uncompiled twin of a kernel."""
    return cast(Function, getattr(function, "py_func", function))
