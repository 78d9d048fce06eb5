"""What the tests of table learners share: agents on named or hand-made worlds, and the plain twin of every kernel."""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.contracts import Problem
from app.core.jit import plain
from app.core.report import Episodes
from app.parts.batch import TabularEnvironment
from app.parts.tabular import Outcome, mdp_from_outcomes
from app.parts.tabular_agent import TabularAgent


def agent_on(
    algorithm: str,
    environment: str,
    seed: int = 0,
    *,
    preset: str = "",
    place: dict[str, Any] | None = None,
    **config: Any,
) -> TabularAgent:
    """Return a fresh agent on an environment of the catalogue (`place` is its configuration)."""
    recipe = catalog.resolve(
        algorithm, environment, config=config, environment_config=place or {}, preset=preset, seed=seed
    )
    agent = catalog.build(recipe)[3]
    assert isinstance(agent, TabularAgent)
    return agent


def agent_in(
    algorithm: str, outcomes: list[list[list[Outcome]]], limit: int, *, seed: int = 0, **config: Any
) -> TabularAgent:
    """Return a fresh agent in a hand-made world: `outcomes[s][a]` are its transitions; episodes start in state 0."""
    world = TabularEnvironment("tiny", mdp_from_outcomes(outcomes, np.eye(len(outcomes))[0]), limit)
    spec = catalog.algorithm(algorithm)
    agent = spec.agent(spec.config.parse(config), Problem(world, seed=seed, total_steps=1000))
    assert isinstance(agent, TabularAgent)
    return agent


def run(agent: TabularAgent, steps: int, call: int = 10**9) -> Episodes:
    """Update for `steps` steps, at most `call` at once, and return the episodes that ended."""
    parts, taken = [Episodes.none()], 0
    while taken < steps:
        report = agent.update(min(call, steps - taken))
        taken += report.steps
        parts.append(report.episodes)
    return Episodes.join(parts)


def slots(agent: TabularAgent) -> dict[str, float]:
    """Return the numbers of the last update by name."""
    return dict(zip(agent.method.trace, agent.signals()["trace"]().tolist(), strict=True))


def use_plain_twins(monkeypatch: pytest.MonkeyPatch, agent: TabularAgent) -> None:
    """Let `agent` run in plain Python: its loop and every kernel that any module of the application names."""
    for name, module in list(sys.modules.items()):
        if name.startswith("app."):
            for attribute, value in list(vars(module).items()):
                if hasattr(value, "py_func"):
                    monkeypatch.setattr(module, attribute, value.py_func)
    agent.method = replace(agent.method, learn=plain(agent.method.learn))
