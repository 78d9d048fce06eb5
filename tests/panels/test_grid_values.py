"""The grid panel shows the agent's own tables, and its error is exactly v − V*."""

from typing import cast

import numpy as np

from app import catalog
from app.core.specs import Frame, Subject
from app.panels.grid_values import SPEC, GridOptions
from app.parts.tabular import TabularMDP, optimal_values
from app.parts.tabular_agent import TabularAgent


def test_error_is_the_distance_to_the_exact_values() -> None:
    recipe = catalog.resolve("q_learning", "FrozenLake-v1", total_steps=5_000, seed=3)
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    agent.update(5_000)
    frame = SPEC.compute(Subject(agent, algorithm, environment_spec, environment), GridOptions())
    assert isinstance(environment.mdp, TabularMDP)
    truth = optimal_values(environment.mdp, recipe.config["gamma"])
    reachable = environment.mdp.reachable()
    expected = np.where(reachable, agent.signals()["v"]() - truth, 0.0)
    np.testing.assert_allclose(frame.arrays["error"], expected, atol=1e-6)
    assert frame.meta["error_max"] == np.abs(expected).max()
    assert (frame.meta["rows"], frame.meta["cols"]) == (4, 4)


def test_a_neural_agent_is_asked_at_every_cell() -> None:
    recipe = catalog.resolve("dqn", "FrozenLake-v1", seed=1)
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    frame = SPEC.compute(Subject(agent, algorithm, environment_spec, environment), GridOptions())
    q = agent.signals()["q_at"](np.eye(16, dtype=np.float32))
    np.testing.assert_allclose(frame.arrays["v"][0], q[0].max(), rtol=1e-6)
    assert frame.arrays["v"][15] == 0.0, "the goal has no value of its own"


def test_values_in_normalised_reward_are_held_against_the_exact_ones_in_the_environments() -> None:
    """Beside V* in rewards, numbers in deviations of the return would be an error of the unit alone."""
    recipe = catalog.resolve(
        "ppo", "FrozenLake-v1", config={"normalize": True, "n_envs": 4, "n_steps": 128, "batch_size": 128}, preset="", seed=1
    )  # fmt: skip
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    agent.update(512)
    frame = SPEC.compute(Subject(agent, algorithm, environment_spec, environment), GridOptions())
    signals = agent.signals()
    scale = float(signals["reward_scale"]()[0])
    assert frame.meta["scale"] == scale < 0.9, "rewards are rare here"
    values = np.asarray(signals["v_at"](np.eye(16, dtype=np.float32)), np.float64)
    np.testing.assert_allclose(frame.arrays["v"][0], scale * values[0], rtol=1e-5)
    np.testing.assert_allclose(frame.arrays["error"][0], scale * values[0] - frame.arrays["optimal"][0], rtol=1e-5)


def test_a_converged_planner_has_no_error() -> None:
    recipe = catalog.resolve("value_iteration", "FrozenLake-v1")
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    while not agent.update(100).finished:
        pass
    frame = SPEC.compute(Subject(agent, algorithm, environment_spec, environment), GridOptions())
    assert frame.meta["error_max"] < 1e-6


def frame_of(algorithm: str, environment: str) -> Frame:
    """Return the picture of a fresh agent."""
    algorithm_spec, environment_spec, world, agent = catalog.build(catalog.resolve(algorithm, environment))
    return SPEC.compute(Subject(agent, algorithm_spec, environment_spec, world), GridOptions())


def test_states_on_several_maps_come_with_where_they_are() -> None:
    frame = frame_of("q_learning", "Taxi-v4")
    assert frame.arrays["cell_states"].shape == (16, 25)
    assert len(frame.meta["planes"]) == 16
    assert frame.arrays["v"].shape == (500,), "every map of a past moment can be drawn from one frame"


def test_the_frame_says_what_the_truth_is() -> None:
    for algorithm, truth, name in (
        ("q_learning", "optimal", "V*"), ("dqn", "optimal", "V*"), ("td0", "policy", "V of the policy"),
        ("reinforce_tabular", "policy", "V of the policy"), ("policy_evaluation", "policy", "V of the policy"),
    ):  # fmt: skip
        meta = frame_of(algorithm, "FrozenLake-v1").meta
        assert (meta["truth"], meta["truth_name"]) == (truth, name), algorithm


def test_only_the_actions_there_are_have_names() -> None:
    frame = frame_of("q_learning", "windy_grid")
    assert frame.meta["actions"] == ["Up", "Right", "Down", "Left"]
    assert "cell_states" not in frame.arrays, "the state of a cell is its number"


def test_only_visited_states_that_can_still_be_reached_are_counted() -> None:
    """Seven cells beside the goal, all visited; a wall on one of them leaves six to visit, and six visited."""
    recipe = catalog.resolve(
        "q_learning", "gridworld", environment_config={"layout": "S..G/...."}, config={"epsilon": 0.5}
    )
    algorithm, spec, environment, agent = catalog.build(recipe)
    agent.update(2_000)
    walled = spec.make(spec.config.parse({**recipe.environment_config, "layout": "S..G/.#.."}))
    counts = []
    for world in (environment, walled):
        cast(TabularAgent, agent).enter(world)
        meta = SPEC.compute(Subject(agent, algorithm, spec, world), GridOptions()).meta
        counts.append((meta["states_visited"], meta["states_reachable"]))
    assert counts == [(7, 7), (6, 6)]


def test_what_a_learner_carries_lies_on_the_map_of_its_values() -> None:
    recipe = catalog.resolve("sarsa_lambda", "CliffWalking-v1", total_steps=60, seed=1)
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    agent.update(3)
    frame = SPEC.compute(Subject(agent, algorithm, environment_spec, environment), GridOptions())
    traces = frame.arrays["eligibility"]
    np.testing.assert_allclose(traces, agent.signals()["eligibility"]().sum(axis=1), rtol=1e-6)
    assert traces.shape == frame.arrays["v"].shape
    assert traces[int(agent.signals()["last_transition"]()[0])] == traces.max() > 0
