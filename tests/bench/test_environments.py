"""Steps per second of the batched environments, called from Python (marker `bench`)."""

from time import perf_counter

import numpy as np
import pytest

from app import catalog

pytestmark = pytest.mark.bench

CLASSIC = ("CartPole-v1", "MountainCar-v0")
IDS = ("FrozenLake-v1", "CliffWalking-v1", "gridworld", *CLASSIC)


def steps_per_second(name: str, n_envs: int, seconds: float = 0.3) -> float:
    """Return the median of three measurements."""
    spec = catalog.environments()[name]
    environment = spec.make(spec.config())
    batch = environment.batch(n_envs, 0, "environment", True)
    batch.reset()
    actions = np.random.default_rng(0).integers(0, environment.n_actions, (256, n_envs))
    for row in actions:
        batch.step(row)
    figures = []
    for _ in range(3):
        start, count = perf_counter(), 0
        while perf_counter() - start < seconds:
            for row in actions:
                batch.step(row)
            count += actions.size
        figures.append(count / (perf_counter() - start))
    return float(np.median(figures))


@pytest.mark.parametrize(("n_envs", "budget"), [(1, 0), (8, 200_000), (64, 2_000_000)])
@pytest.mark.parametrize("name", IDS)
def test_steps_per_second(name: str, n_envs: int, budget: float, capsys: pytest.CaptureFixture[str]) -> None:
    figure = steps_per_second(name, n_envs)
    with capsys.disabled():
        print(f"\n{name:16} {n_envs:3} envs {figure:14,.0f} steps/s (budget {budget:,.0f})")  # noqa: T201
    assert figure >= budget
