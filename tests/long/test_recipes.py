"""Recipes reach the figures that they promise, with every seed printed."""

import time
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.contracts import Tree
from app.parts.pass_at_k import pass_curve
from app.parts.tries import right_counts

pytestmark = [pytest.mark.long, pytest.mark.timeout(3_600)]

SHOWN = (1, 4, 16, 64)


@pytest.mark.parametrize("name", ["something_to_reinforce", "ceiling"])
def test_a_recipe_reaches_its_figures(name: str) -> None:
    recipe = catalog.studies()[name]
    reached: dict[str, list[dict[int, float]]] = {stage.id: [] for stage in recipe.stages}
    for seed in recipe.seeds:
        states: dict[str, Tree] = {}
        for stage in recipe.stages:
            resolved = catalog.resolve(
                stage.algorithm, recipe.environment, config=stage.config, environment_config=recipe.task_of(stage),
                total_steps=stage.total_steps, seed=seed,
            )  # fmt: skip
            started = time.process_time()
            agent: Any = catalog.build(resolved, states.get(stage.after))[3]
            for _update in range(stage.total_steps):
                agent.update(1)
            states[stage.id] = agent.state()
            curve = {k: share.mean for k, share in pass_curve(right_counts(agent.model, agent.task)).items()}
            reached[stage.id].append(curve)
            shares = "  ".join(f"pass@{k} {100 * curve[k]:5.1f} %" for k in SHOWN)
            print(f"{name} seed {seed} {stage.label:<26} {shares}  {time.process_time() - started:.0f} s")  # noqa: T201
    for one in recipe.expected:
        first, *others = (np.mean([curve[one.k] for curve in reached[name]]) for name in (one.stage, one.minus) if name)
        mean = float(first - sum(others))
        assert one.low <= mean <= one.high, f"{one.words}: {mean:.3f}"
