"""Bars of planning and of the policy gradients on tables: errors to the linear solve, exact returns over 60 seeds. Run with -m long -n 0 -s."""

from typing import Any

import numpy as np
import pytest

from tests.algorithms.planning.planners import WORLDS, error_of, planner_on, solve
from tests.algorithms.tabular.tables import agent_on, run

pytestmark = pytest.mark.long

SEEDS = 60
STRAIGHT = {"is_slippery": False}
GRID = {"layout": "S.../.X../..../...G"}
PLANNERS = ("value_iteration", "policy_iteration", "modified_policy_iteration", "policy_evaluation")
# algorithm, environment, its configuration, configuration, steps, exact greedy return that SHARE of the seeds reach
LEARNERS: list[tuple[str, str, dict[str, Any], dict[str, Any], int, float]] = [
    ("reinforce_tabular", "FrozenLake-v1", STRAIGHT, {"alpha": 0.1, "alpha_v": 0.1}, 100_000, 1.0),
    ("reinforce_tabular", "gridworld", GRID, {"alpha": 0.1, "alpha_v": 0.1}, 100_000, 0.76),
    ("actor_critic_tabular", "FrozenLake-v1", STRAIGHT, {"alpha": 0.1, "alpha_v": 0.1}, 100_000, 1.0),
    ("actor_critic_tabular", "gridworld", GRID, {"alpha": 0.1, "alpha_v": 0.1}, 100_000, 0.76),
    ("actor_critic_tabular", "CliffWalking-v1", {}, {"alpha": 0.1, "alpha_v": 0.1}, 100_000, -17.0),
    ("natural_gradient_tabular", "FrozenLake-v1", STRAIGHT, {"alpha": 0.5, "alpha_v": 0.2}, 60_000, 1.0),
    ("natural_gradient_tabular", "gridworld", GRID, {"alpha": 0.5, "alpha_v": 0.2}, 60_000, 0.76),
    ("natural_gradient_tabular", "CliffWalking-v1", {}, {"alpha": 0.1, "alpha_v": 0.2}, 60_000, -17.0),
]
SHARE = 0.95


@pytest.mark.parametrize("gamma", [0.9, 0.99])
@pytest.mark.parametrize("name", PLANNERS)
@pytest.mark.parametrize(("environment", "world"), WORLDS)
def test_a_planner_ends_at_the_linear_solve(environment: str, world: dict[str, Any], name: str, gamma: float) -> None:
    agent = planner_on(name, environment, world, gamma=gamma)
    sweeps = solve(agent)
    print(f"{name} {environment} {world} γ={gamma}: {sweeps} sweeps, error {error_of(agent):.1e}")  # noqa: T201
    assert error_of(agent) < 1e-10


@pytest.mark.parametrize(("name", "environment", "place", "config", "steps", "bar"), LEARNERS)
def test_a_policy_gradient_reaches_its_bar(  # house: parameters: one row of the table
    name: str, environment: str, place: dict[str, Any], config: dict[str, Any], steps: int, bar: float
) -> None:
    greedy, behaviour = [], []
    for seed in range(SEEDS):
        agent = agent_on(name, environment, seed, place=place, gamma=0.99, **config)
        run(agent, steps)
        scalars = agent.diagnostics()
        greedy.append(scalars["tabular/greedy_return"])
        behaviour.append(scalars["tabular/behaviour_return"])
    mean, error = np.mean(behaviour), np.std(behaviour, ddof=1) / np.sqrt(SEEDS)
    print(  # noqa: T201
        f"{name} {environment}: greedy {np.round(sorted(greedy), 3).tolist()}, behaviour {mean:.3f} ± {1.96 * error:.3f}"
    )
    assert np.mean(np.array(greedy) >= bar - 1e-3) >= SHARE


@pytest.mark.parametrize("seed", range(3))
def test_the_exact_natural_gradient_finds_the_shortest_way_beside_the_cliff(seed: int) -> None:
    agent = agent_on("natural_gradient_tabular", "CliffWalking-v1", seed, preset="tuned")
    run(agent, 60_000)
    scalars = agent.diagnostics()
    assert scalars["tabular/greedy_return"] == pytest.approx(-13, abs=1e-3)
    assert scalars["tabular/behaviour_return"] == pytest.approx(-13, abs=0.1)
