"""Running kernels plain while they are compiled elsewhere: which may, and the switch.

A run that begins before its kernels are compiled takes its steps with their plain twins, and goes over to the compiled ones
between two calls. The clock decides when, so both must give the same bits. They do where a kernel only adds, multiplies,
divides, takes roots, compares and moves numbers, or asks the C library through `math`, as both then ask the same one. They
do not where numpy sums in an order of its own, has an exponential of its own, or numba multiplies a power out: such kernels
wait for the compiler.
"""

import ast
import inspect
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

import numba
import numpy as np
from numba.core.registry import CPUDispatcher

from app.core.jit import TWIN

SAME_FROM_NUMPY = frozenset((
    "abs", "argmax", "argmin", "bool_", "copy", "cumsum", "e", "empty", "empty_like", "fill", "float64", "full", "full_like",
    "inf", "int64", "isfinite", "isnan", "max", "min", "nan", "ones", "pi", "shape", "size", "sqrt", "uint32", "uint64", "zeros",
    "zeros_like",
))  # fmt: skip
SAME_METHODS = SAME_FROM_NUMPY | {"astype", "ravel", "reshape"}
FROM_THE_C_LIBRARY = frozenset(("cos", "exp", "floor", "inf", "log", "nan", "pi", "pow", "sin", "sqrt"))

MOST_PLAIN_WORK = 1_000_000  # numbers to go through, times how often: an exact evaluation in plain Python then takes a third of a second

_thread = threading.local()


class _PlainFirst(CPUDispatcher):  # type: ignore[misc]  # numba has no types
    """What every kernel is while some thread runs plain: that thread's calls take the plain twin, others the compiled one."""

    def __call__(self, *args: Any) -> Any:
        if getattr(_thread, "is_plain", False):
            twin: Any = getattr(self, TWIN, None) or self.py_func
            return twin(*args)
        return CPUDispatcher.__call__(self, *args)


class _PlainElsewhere(CPUDispatcher):  # type: ignore[misc]  # numba has no types
    """What a kernel is while one thread compiles it: other threads' calls take the plain twin, where these are quick."""

    def __call__(self, *args: Any) -> Any:
        is_plain = getattr(_thread, "is_plain", False)  # then a plain twin called this one, and it is of the same work
        if not is_plain and (getattr(_thread, "is_compiling", False) or work_of(args) > MOST_PLAIN_WORK):
            return CPUDispatcher.__call__(self, *args)
        with _plain_thread() if not is_plain else nullcontext():
            return self.py_func(*args)


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Let this thread call plain twins, until the end of the block or of `use_compiled`."""
    for dispatcher in _dispatchers():
        dispatcher.__class__ = _PlainFirst
    try:
        with _plain_thread():
            yield
    finally:
        use_compiled()


@contextmanager
def plain_elsewhere(*modules: str) -> Iterator[None]:
    """Let all threads but this one call plain twins of the kernels of these loaded modules, until the end of the block.

    Only where that is quick; a call with more work waits for the compiled kernel.
    """
    dispatchers = [value for name in modules for value in _dispatchers_of(sys.modules[name])]
    _thread.is_compiling = True
    for dispatcher in dispatchers:
        dispatcher.__class__ = _PlainElsewhere
    try:
        yield
    finally:
        for dispatcher in dispatchers:
            dispatcher.__class__ = CPUDispatcher
        _thread.is_compiling = False


def work_of(args: Any) -> int:
    """Return what a plain call of a kernel may have to do: the numbers in its largest array, times its largest whole number."""
    largest, times, waiting = 1, 1, list(args)
    while waiting:
        value = waiting.pop()
        if isinstance(value, np.ndarray):
            largest = max(largest, value.size)
        elif isinstance(value, tuple):
            waiting += value
        elif isinstance(value, int | np.integer):
            times = max(times, int(value))
    return largest * times


@contextmanager
def _plain_thread() -> Iterator[None]:
    _thread.is_plain = True
    try:
        with np.errstate(all="ignore"):  # compiled kernels do not warn either
            yield
    finally:
        _thread.is_plain = False


def use_compiled() -> None:
    """Let every thread call compiled kernels from its next call on."""
    for dispatcher in _dispatchers():
        dispatcher.__class__ = CPUDispatcher


def is_plain_enough(module: str) -> bool:
    """Return whether all that the functions of a loaded module call, directly or not, gives the same bits plain and compiled."""
    return not differing(module)


@lru_cache(maxsize=512)
def differing(module: str) -> dict[str, str]:
    """Return kernel → what it uses that may differ between plain and compiled, of all kernels that a module's functions call."""
    waiting = [value for value in list(vars(sys.modules[module]).values()) if _is_ours(value)]
    reached: dict[int, Any] = {}
    found: dict[str, str] = {}
    while waiting:
        value = waiting.pop()
        if id(value) in reached:
            continue
        reached[id(value)] = value
        function = getattr(value, "py_func", value)
        uses = _first_differing(function) if isinstance(value, CPUDispatcher) else ""
        if uses:
            found[f"{function.__module__}.{function.__name__}"] = uses
        named = (function.__globals__.get(name) for name in _names(function))
        waiting += [other for other in named if _is_ours(other)]
    return found


def _dispatchers() -> Iterator[Any]:
    """Return every kernel of the loaded modules; another thread may import more meanwhile, hence the copies."""
    for module in [module for module in list(sys.modules.values()) if isinstance(module, ModuleType)]:
        if module.__name__.partition(".")[0] in ("app", "tests"):
            yield from _dispatchers_of(module)


def _dispatchers_of(module: ModuleType) -> list[Any]:
    return [value for value in list(vars(module).values()) if isinstance(value, CPUDispatcher)]


def _is_ours(value: Any) -> bool:
    is_function = isinstance(value, FunctionType | CPUDispatcher)
    return is_function and str(getattr(value, "__module__", "")).startswith("app.")


def _names(function: Any) -> set[str]:
    """Return the global names that a function reads, its lambdas and inner functions included."""
    codes, names = [function.__code__], set[str]()
    while codes:
        code = codes.pop()
        names |= set(code.co_names)
        codes += [constant for constant in code.co_consts if inspect.iscode(constant)]
    return names


def _first_differing(function: Any) -> str:
    """Return the first thing in a kernel's source that may differ between plain and compiled, or nothing."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow | ast.MatMult):
            return "**" if isinstance(node.op, ast.Pow) else "@"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not _is_same(node.func):
            return ast.unparse(node.func)
    return ""


def _is_same(called: ast.Attribute) -> bool:
    owner = called.value.id if isinstance(called.value, ast.Name) else ""
    if owner == "math":
        return called.attr in FROM_THE_C_LIBRARY and not numba.config.USING_SVML
    return called.attr in (SAME_FROM_NUMPY if owner == "np" else SAME_METHODS)
