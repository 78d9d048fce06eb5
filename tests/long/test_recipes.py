"""Recipes reach the figures that they promise: in the mean, and by every seed alone; all of them are printed."""

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
# By how much one seed alone may leave the bounds of the mean, by stage, what is subtracted, and k. All others may not.
SCATTER = {
    (
        "whole_20",
        "",
        1,
    ): 0.2,  # 0, 0 and 0.84: a seed that takes off stays below the 0.9 of a start that is mostly right
    ("base", "", 64): 0.1,  # 0.39, 0.33 and 0.64: twenty updates are what chance makes of them
}


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
        first, *others = (
            np.array([curve[one.k] for curve in reached[name]]) for name in (one.stage, one.minus) if name
        )
        by_seed = first - sum(others)
        margin = SCATTER.get((one.stage, one.minus, one.k), 0.0)
        assert one.low <= by_seed.mean() <= one.high, f"{one.words}: {by_seed.mean():.3f}"
        assert (by_seed >= one.low - margin).all(), f"{one.words}, by every seed: {by_seed.round(3)}"
        assert (by_seed <= one.high + margin).all(), f"{one.words}, by every seed: {by_seed.round(3)}"
