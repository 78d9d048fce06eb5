"""Kernels run plain on one thread while others run them compiled, and what runs plain gives the same bits."""

import math
import sys
import threading
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core import plain_mode
from app.core.codecs import trees_equal
from app.core.contracts import Tree
from app.core.jit import kernel, plain
from app.core.plain_mode import differing, is_plain_enough, plain_elsewhere, plain_kernels, use_compiled, work_of
from app.core.randomness import unit

CALLS = (1, 6, 57, 300)
ALGORITHMS = [name for name, spec in catalog.algorithms().items() if spec.tabular or spec.needs_model]
WAITING = {"actor_critic_tabular", "natural_gradient_tabular", "reinforce_tabular", "thompson_bandit"}


@kernel
def which(word: Any) -> Any:
    return unit(word)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that ran the plain twin of `which`."""
    ran: list[str] = []
    twin = plain(which)

    def noted(word: int) -> float:
        ran.append(threading.current_thread().name)
        return float(twin(word))

    monkeypatch.setattr(which, "py_func", noted)
    return ran


def test_only_the_thread_that_asked_runs_plain_and_only_until_the_compiled_ones_are_ready(calls: list[str]) -> None:
    which(1)
    assert not calls
    with plain_kernels():
        which(1)
        other = threading.Thread(target=which, args=(1,))
        other.start()
        other.join()
        assert calls == [threading.current_thread().name]
        use_compiled()
        which(1)
    which(1)
    assert len(calls) == 1


def test_an_error_ends_the_plain_mode_too(calls: list[str]) -> None:
    with pytest.raises(KeyError), plain_kernels():
        raise KeyError
    which(1)
    assert not calls


def test_while_one_thread_compiles_others_run_little_work_plain_and_wait_with_much(calls: list[str]) -> None:
    def elsewhere(word: int) -> None:
        other = threading.Thread(target=which, args=(word,), name="elsewhere")
        other.start()
        other.join()

    with plain_elsewhere(__name__):
        which(1)
        assert not calls, "the thread that compiles gets what it compiled"
        elsewhere(1)
        assert calls == ["elsewhere"]
        elsewhere(plain_mode.MOST_PLAIN_WORK + 1)
    elsewhere(1)
    assert len(calls) == 1


def test_the_work_of_a_call_is_its_largest_array_as_often_as_its_largest_number_says() -> None:
    model = np.zeros((5, 4, 3)), np.zeros((5, 4))
    assert work_of((model, np.zeros(5), 0.99, 40)) == 60 * 40
    assert work_of((np.zeros(5), np.int64(3), 1e9)) == 15
    assert work_of(()) == 1


@kernel
def of_the_c_library(x: Any, y: Any) -> Any:
    return (
        math.pow(x, y),
        math.exp(x),
        math.log(x),
        math.sqrt(x),
        math.cos(y),
    )


def test_the_c_library_gives_both_the_same_bits() -> None:
    for x, y in np.random.default_rng(0).uniform(0.001, 30.0, (3_000, 2)):
        assert of_the_c_library(x, y) == plain(of_the_c_library)(x, y)


@kernel
def powered(x: Any) -> Any:
    return x**3


@kernel
def summed(x: Any) -> Any:
    return x.sum()


@kernel
def exponential(x: Any) -> Any:
    return np.exp(x)


@kernel
def moved(x: Any) -> Any:
    y = x.copy()
    y[0] = math.sqrt(x.max()) / 3 + np.sqrt(x[1])
    return y


@pytest.mark.parametrize(
    ("function", "uses"), [(powered, "**"), (summed, "x.sum"), (exponential, "np.exp"), (moved, "")]
)
def test_what_may_differ_is_found_in_the_source(function: Any, uses: str) -> None:
    assert plain_mode._first_differing(plain(function)) == uses


def test_those_that_wait_for_the_compiler_say_why() -> None:
    reasons = {name: differing(catalog.algorithm(name).config.__module__) for name in ALGORITHMS}
    assert {name for name, found in reasons.items() if found} == WAITING
    assert reasons["thompson_bandit"] == {"app.parts.draws.gamma": "**"}


def trajectory(name: str) -> list[Tree]:
    """Everything that an algorithm's smoke task leaves after some thousand steps in calls of several sizes."""
    smoke = catalog.algorithm(name).smoke
    recipe = catalog.resolve(
        name, smoke.environment, config=smoke.config, environment_config=smoke.environment_config, preset=""
    )
    agent = catalog.build(recipe)[3]
    trees: list[Tree] = []
    for call in CALLS * 4:
        report = agent.update(call)
        trees.append({"state": agent.state(), "numbers": agent.diagnostics(), "report": vars(report.episodes)})
        if report.finished:
            break
    return trees


@pytest.mark.parametrize(
    "name", [name for name in ALGORITHMS if is_plain_enough(catalog.algorithm(name).config.__module__)]
)
def test_plain_and_compiled_agree_bit_for_bit(name: str) -> None:
    compiled = trajectory(name)
    with plain_kernels():
        interpreted = trajectory(name)
    assert len(interpreted) == len(compiled)
    for one, other in zip(compiled, interpreted, strict=True):
        assert trees_equal(one, other) == []


def test_kernels_are_found_while_another_thread_imports() -> None:
    is_over = threading.Event()

    def imports() -> None:
        count = 0
        while not is_over.is_set():
            name, count = f"app.imported_{count}", count + 1
            sys.modules[name] = ModuleType(name)
            del sys.modules[name]

    thread = threading.Thread(target=imports)
    thread.start()
    try:
        for _time in range(300):
            with plain_kernels():
                pass
    finally:
        is_over.set()
        thread.join()
