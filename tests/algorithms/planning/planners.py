"""What the tests of planners share: planners on named or hand-made worlds, solved, and the plain twin of every kernel."""

import sys
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.contracts import Problem
from app.parts.batch import TabularEnvironment
from app.parts.planner import Planner
from app.parts.tabular import Outcome, mdp_from_outcomes

SWEEPS = ("synchronous", "in_place")
WORLDS = [("FrozenLake-v1", {}), ("FrozenLake-v1", {"map_name": "8x8"}), ("CliffWalking-v1", {}),
          ("CliffWalking-v1", {"is_slippery": True}), ("gridworld", {"slip": 0.2}), ("Taxi-v4", {})]  # fmt: skip


def planner_on(algorithm: str, environment: str, place: dict[str, Any] | None = None, **config: Any) -> Planner:
    """Return a fresh planner on an environment of the catalogue (`place` is its configuration)."""
    recipe = catalog.resolve(algorithm, environment, config=config, environment_config=place, preset="")
    agent = catalog.build(recipe)[3]
    assert isinstance(agent, Planner)
    return agent


def world_of(outcomes: list[list[list[Outcome]]], start: int = 0) -> TabularEnvironment:
    """Return a hand-made world: `outcomes[s][a]` are its transitions."""
    return TabularEnvironment("tiny", mdp_from_outcomes(outcomes, np.eye(len(outcomes))[start]), 10)


def planner_in(algorithm: str, outcomes: list[list[list[Outcome]]], *, start: int = 0, **config: Any) -> Planner:
    """Return a fresh planner in a hand-made world."""
    spec = catalog.algorithm(algorithm)
    agent = spec.agent(spec.config.parse(config), Problem(world_of(outcomes, start), 0, 100))
    assert isinstance(agent, Planner)
    return agent


def solve(agent: Planner, limit: int = 100_000) -> int:
    """Sweep until the planner says that nothing is left to do; return how many sweeps that took."""
    for count in range(1, limit):
        if agent.update(1).finished:
            return count
    raise AssertionError("did not converge")


def slots(agent: Planner) -> dict[str, float]:
    """Return the numbers of the last change by name."""
    return dict(zip(agent.plan.trace, agent.signals()["trace"]().tolist(), strict=True))


def error_of(agent: Planner) -> float:
    """Return the largest distance of v to the linear solve over the states where an agent may have to act."""
    return float(np.abs(agent.memory.v[0] - agent.truth())[agent.exact.reachable].max())


def use_plain_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything run in plain Python: every kernel that any module of the application names."""
    for name, module in list(sys.modules.items()):
        if name.startswith("app."):
            for attribute, value in list(vars(module).items()):
                if hasattr(value, "py_func"):
                    monkeypatch.setattr(module, attribute, value.py_func)
