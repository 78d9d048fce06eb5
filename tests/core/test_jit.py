"""Kernels are compiled, keep a plain twin, and their cache folder follows every source file."""

from pathlib import Path

import numpy as np
import pytest

from app.core import jit


@jit.kernel
def add_up(values):  # type: ignore[no-untyped-def]
    total = 0.0
    for value in values:
        total += value
    return total


def test_a_kernel_and_its_plain_twin_agree_bit_for_bit() -> None:
    values = np.random.default_rng(0).normal(size=1_000)
    assert add_up(values) == jit.plain(add_up)(values)
    assert jit.plain(add_up) is not add_up


def test_the_plain_twin_of_a_function_is_itself() -> None:
    def function() -> int:
        return 1

    assert jit.plain(function) is function


def test_a_division_by_zero_is_infinite_as_in_numpy() -> None:
    assert divide(np.array([1.0, 0.0]))[1] == np.inf


@jit.kernel
def divide(values):  # type: ignore[no-untyped-def]
    return 1.0 / values


def test_the_cache_folder_is_named_by_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(jit.CACHE_VARIABLE, str(tmp_path))
    assert jit.cache_folder("app.core.jit") == tmp_path / jit.sources_hash("app.core.jit")
    monkeypatch.delenv(jit.CACHE_VARIABLE)
    assert jit.cache_folder("app.core.jit") is None


def forget() -> None:
    jit._imported.cache_clear()
    jit.sources_hash.cache_clear()


SOURCES = {
    "app.callee": b"one",
    "app.parts": b"",
    "app.parts.middle": b"from app.callee import (\n    one,\n    two,\n)\n",
    "app.caller": b"from app.parts import middle\n",
    "app.stranger": b"import numpy",
}


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("app.callee", {"app.callee", "app.parts.middle", "app.caller"}),
        ("app.caller", {"app.caller"}),
        ("app.stranger", {"app.stranger"}),
    ],
)
def test_an_edited_file_gives_another_folder_to_those_that_import_it(
    edited: str, changed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hashes(sources: dict[str, bytes]) -> dict[str, str]:
        monkeypatch.setattr(jit, "_sources", lambda: sources)
        forget()
        return {module: jit.sources_hash(module) for module in sources}

    before, after = hashes(SOURCES), hashes({**SOURCES, edited: SOURCES[edited] + b" # edited"})
    forget()
    assert {module for module in SOURCES if before[module] != after[module]} == changed


def test_a_kernel_depends_on_the_kernels_it_calls() -> None:
    closure = jit._closure("app.algorithms.tabular.q_learning")
    assert {"app.parts.exploration", "app.parts.tabular", "app.core.randomness", "app.core.jit"} <= closure
    assert not any(name.startswith(("app.web", "app.jobs", "app.store")) for name in closure)


def test_a_module_that_is_not_ours_depends_on_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    before = jit.sources_hash("tests.core.test_jit")
    monkeypatch.setattr(jit, "_sources", lambda: {"app.web.app": b"edited"})
    forget()
    assert jit.sources_hash("tests.core.test_jit") != before
    forget()
