"""Runs on different cores do not slow each other: steps a second of a training alone, and beside another one.

pytest -m bench -n 0 -s tests/bench/test_side_by_side.py

Take the figures on a quiet machine. The trainings are real worker processes, each bound to a core of its own or left to the
system, and this process takes their records, as the server does. Beside the steps stands the share of a core that the worker
got: where it is far below 100 % already alone, something else was running and the ratio says nothing. Two of the system's
cores may be threads of one, which they then share.
"""

import statistics
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from app import catalog
from tests.bench.workers import Mark, cores_to_bind, trainees

ROUNDS = 3
RECIPES: dict[str, dict[str, Any]] = {
    "ppo": {"environment": "CartPole-v1", "preset": "fast", "total_steps": 300_000},
    "q_learning": {"environment": "FrozenLake-v1", "total_steps": 30_000_000},
}
BINDINGS = [True, False] if cores_to_bind(2) else [False]  # a system may bind no process to a core
PAIRS = [("ppo", "ppo"), ("q_learning", "q_learning"), ("ppo", "q_learning")]


class Speed(NamedTuple):
    """Steps a second, and seconds of processor time a second."""

    steps: float
    share: float


def speed(marks: list[Mark], begin: float, end: float) -> Speed:
    """Return how fast a run was between two moments that its marks enclose."""
    steps, moments, busy = (
        np.array(column) for column in zip(*((m.step, m.wall_s, m.busy_s) for m in marks), strict=True)
    )
    done, spent = (float(np.diff(np.interp([begin, end], moments, column))[0]) for column in (steps, busy))
    return Speed(done / (end - begin), spent / (end - begin))


def race(folder: Path, names: tuple[str, ...], cores: list[int | None], seed: int) -> list[Speed]:
    """Train all of `names` at once; return how fast each was while all of them ran."""
    with trainees(folder, cores[: len(names)]) as workers:
        for worker, name in zip(workers, names, strict=True):
            worker.start(catalog.resolve(name, seed=seed, **RECIPES[name]), [])
        for worker in workers:
            worker.finish()
        begin = max(worker.marks[0].wall_s for worker in workers)
        end = min(worker.marks[-1].wall_s for worker in workers)
        return [speed(worker.marks, begin, end) for worker in workers]


@pytest.mark.bench
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("is_bound", BINDINGS, ids=["bound" if is_bound else "free" for is_bound in BINDINGS])
@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_a_training_alone_and_beside_another(pair: tuple[str, str], is_bound: bool, tmp_path: Path) -> None:
    cores: list[int | None] = cores_to_bind(2) if is_bound else [None, None]
    alone: list[list[Speed]] = [[], []]
    beside: list[list[Speed]] = [[], []]
    for seed in range(ROUNDS):
        for place, name in enumerate(pair):
            alone[place] += race(tmp_path, (name,), [cores[place]], seed)
        for place, fast in enumerate(race(tmp_path, pair, cores, seed)):
            beside[place].append(fast)
    for name, before, after in zip(pair, alone, beside, strict=True):
        one, two = (Speed(*map(statistics.median, zip(*rounds, strict=True))) for rounds in (before, after))
        print(  # noqa: T201
            f"\n{name} ({'bound' if is_bound else 'free'}): alone {one.steps:,.0f} steps/s with {100 * one.share:.0f} % of a core,"
            f" beside another {two.steps:,.0f} with {100 * two.share:.0f} %, ratio {two.steps / one.steps:.2f}",
            end="",
        )
    assert all(fast.steps > 0 for rounds in beside for fast in rounds)
