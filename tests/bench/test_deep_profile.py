"""Where the time of a deep algorithm's training goes, and what share of torch's GEMM rate its networks reach.

Multiplications are counted where networks are asked: a layer of I inputs and O outputs takes 2·B·I·O of them forward, the same
for its weights' gradient, and the same again for the gradient of its inputs, which the lowest layer does not need.
"""

import cProfile
import pstats
import time
from collections import Counter, defaultdict
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app import catalog
from app.core.contracts import Problem
from app.parts.networks import MLP

ROWS = [
    ("ppo", "CartPole-v1", 8192), ("a2c", "CartPole-v1", 8000), ("trpo", "CartPole-v1", 8192), ("dqn", "CartPole-v1", 8000),
    ("sac", "Pendulum-v1", 1_000), ("td3", "Pendulum-v1", 1_000),
]  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]
SHOWN = 5
DEEPEST = 6  # calls between our code and what it is charged for


def gemm_rate(rows: int, inner: int, columns: int) -> float:
    """Return torch's GFLOP/s for a product of (rows, inner) by (inner, columns), the best of five."""
    left, right = torch.randn(rows, inner), torch.randn(inner, columns)
    count, best = max(1, int(2e8 / (2 * rows * inner * columns))), 0.0
    for _round in range(5):
        start = time.perf_counter()
        for _call in range(count):
            left @ right
        best = max(best, 2e-9 * rows * inner * columns * count / (time.perf_counter() - start))
    return best


def count_products(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the multiplications and additions that the networks do from here on."""
    done: Counter[str] = Counter()

    def counted(name: str, weight: Any) -> None:
        plain = getattr(MLP, name)

        def method(self: MLP, first: Any, *rest: Any) -> Any:
            batch = (first if isinstance(first, np.ndarray) else first[0]).shape[:-1]
            layers = self.shape.layers()
            done[name] += 2 * int(np.prod(batch)) * weight([outputs * inputs for outputs, inputs in layers])
            return plain(self, first, *rest)

        monkeypatch.setattr(MLP, name, method)

    counted("activations", sum)
    counted("backward", lambda sizes: 2 * sum(sizes) - sizes[0])
    counted("input_gradient", sum)
    counted("tangent", lambda sizes: 2 * sum(sizes) - sizes[0])
    return done


def trainer(name: str, environment_name: str, steps: int) -> Any:
    """Return a function that trains for so many further steps and returns the seconds it took."""
    algorithm, environment = catalog.algorithm(name), catalog.environment(environment_name)
    problem = Problem(environment.make(environment.config()), 0, 10 * steps)
    agent = algorithm.agent(algorithm.config(), problem)

    def train() -> float:
        start, taken = time.perf_counter(), 0
        while taken < steps:
            taken += agent.update(steps - taken).steps
        return time.perf_counter() - start

    return train


def places(profile: cProfile.Profile) -> dict[str, float]:
    """Return the seconds spent in each of our files; what they call outside is counted as theirs, however deep."""
    stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    spent: dict[str, float] = defaultdict(float)

    def charge(function: Any, seconds: float, depth: int) -> None:
        file, callers = function[0], stats[function][4]
        whole = sum(part for *_counts, part in callers.values())
        if file.startswith(str(ROOT / "app")):
            spent[str(Path(file).relative_to(ROOT / "app"))] += seconds
        elif depth == 0 or whole <= 0:
            spent["elsewhere"] += seconds
        else:
            for caller, (*_counts, part) in callers.items():
                charge(caller, seconds * part / whole, depth - 1)

    for function, (_calls, _all, own, _total, _callers) in stats.items():
        charge(function, own, DEEPEST)
    return spent


@pytest.mark.bench
@pytest.mark.parametrize(("name", "environment", "steps"), ROWS)
def test_where_the_time_goes(name: str, environment: str, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    train = trainer(name, environment, steps)
    train()
    seconds = train()
    with monkeypatch.context() as counting:
        done = count_products(counting)
        train()
    profile = cProfile.Profile()
    profile.runcall(train)
    spent = places(profile)
    total = sum(spent.values())
    shares = ", ".join(
        f"{place} {100 * part / total:.0f} %"
        for place, part in sorted(spent.items(), key=itemgetter(1), reverse=True)[:SHOWN]
    )
    width = 256 if environment == "Pendulum-v1" else 64
    rate, small, large = 1e-9 * sum(done.values()) / seconds, gemm_rate(256, width, width), gemm_rate(1024, 1024, 1024)
    print(  # noqa: T201
        f"\n{name} on {environment}: {steps / seconds:,.0f} steps/s; networks {rate:.1f} GFLOP/s, {100 * rate / small:.0f} % of torch's"
        f" GEMM at 256 × {width} × {width} ({small:.0f}), {100 * rate / large:.0f} % of its best ({large:.0f}); time: {shares}"
    )
    assert total > 0
    assert done["activations"] > 0
