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
    assert jit.cache_folder() == tmp_path / jit.sources_hash()
    monkeypatch.delenv(jit.CACHE_VARIABLE)
    assert jit.cache_folder() is None


def test_an_edited_source_file_gives_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = tmp_path / "app" / "core"
    core.mkdir(parents=True)
    callee = tmp_path / "app" / "callee.py"
    callee.write_text("one")
    monkeypatch.setattr(jit, "__file__", str(core / "jit.py"))
    before = jit.sources_hash()
    callee.write_text("two")
    assert jit.sources_hash() != before
    callee.write_text("one")
    assert jit.sources_hash() == before
