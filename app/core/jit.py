"""Compiled kernels: numba's `njit`, typed for mypy, with a cache that an edited callee cannot fool.

numba does not notice that a function called by a cached kernel was edited, so the cache folder of a kernel carries the hash
of its own source file and of every file of ours that it imports, directly or not; editing another file compiles nothing anew.
A kernel lives at module level in the file it belongs to and calls others by name.
"""

import hashlib
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from app.core.folders import KERNELS_VARIABLE

Function = TypeVar("Function", bound=Callable[..., Any])
CACHE_VARIABLE = KERNELS_VARIABLE
TWIN = "quick_twin"
IMPORTS = re.compile(
    r"^\s*from\s+(app[\w.]*)\s+import\s+(\([^)]*\)|[^\n]*)", re.MULTILINE
)  # an import of ours has this form


@lru_cache(maxsize=512)
def sources_hash(module: str) -> str:
    """Return the first 16 hex digits of the hash over numba's version, `module` and all of ours that it imports.

    A module that is not ours (a test's) depends on everything.
    """
    files = _sources()
    needed = _closure(module) if module in files else files.keys()
    digest = hashlib.sha256(numba.__version__.encode())
    for name in sorted(needed):
        digest.update(name.encode())
        digest.update(files[name])
    return digest.hexdigest()[:16]


def kernels_folder() -> Path | None:
    """Return the folder under which compiled kernels are kept, or None where none was chosen (then numba's default applies)."""
    base = os.environ.get(CACHE_VARIABLE)
    return Path(base) if base else None


def cache_folder(module: str) -> Path | None:
    """Return the folder that holds a module's compiled kernels, or None where none was chosen."""
    base = kernels_folder()
    return base / sources_hash(module) if base else None


@lru_cache(maxsize=1)
def _sources() -> dict[str, bytes]:
    """Return module name → source of every file of the application, as it was when the process began."""
    root = Path(__file__).resolve().parent.parent
    return {_module_name(path.relative_to(root.parent)): path.read_bytes() for path in root.rglob("*.py")}


def _module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@lru_cache(maxsize=512)
def _imported(module: str) -> frozenset[str]:
    """Return the modules of ours that a module's import statements name."""
    files, found = _sources(), set[str]()
    for package, names in IMPORTS.findall(files[module].decode()):
        found |= {package, *(f"{package}.{name}" for name in re.findall(r"\w+", names))}
    return frozenset(found & files.keys())


def _closure(module: str) -> set[str]:
    reached, waiting = {module}, [module]
    while waiting:
        for name in _imported(waiting.pop()) - reached:
            reached.add(name)
            waiting.append(name)
    return reached


def kernel(function: Function) -> Function:
    """Compile `function` on first call (no Python objects, so no global lock; no fast maths; cached on disk).

    `kernel_function.py_func` is the plain twin that the tests compare with.
    """
    folder = cache_folder(function.__module__)
    if folder is not None:  # numba fixes the cache of a function at its decoration
        folder.mkdir(parents=True, exist_ok=True)
        numba.config.CACHE_DIR = str(folder)
    return cast(Function, numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function))


def with_quick_twin(compiled: Function, twin: Function) -> Function:
    """Let a kernel that has to run plain run as `twin`, which gives the same bits in less time."""
    setattr(compiled, TWIN, twin)
    return compiled


def plain(function: Function) -> Function:
    """Return the uncompiled twin of a kernel."""
    return cast(Function, getattr(function, "py_func", function))
