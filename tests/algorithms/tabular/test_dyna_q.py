"""Dyna-Q: without planning it is Q-learning, with it one episode is enough; its model, and the bonus for what was not tried."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.parts.batch import TabularEnvironment
from app.parts.tabular import Outcome, mdp_from_outcomes
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular import tables
from tests.algorithms.tabular.tables import run, use_plain_twins

CORRIDOR: list[list[list[Outcome]]] = [
    [[(1.0, 1, 0.0, False)]],
    [[(1.0, 2, 0.0, False)]],
    [[(1.0, 3, 0.0, False)]],
    [[(1.0, 3, 1.0, True)]],
]


def agent_on(environment: str, seed: int = 0, **config: Any) -> TabularAgent:
    return tables.agent_on("dyna_q", environment, seed, **config)


@pytest.mark.parametrize("model", ["last", "counts"])
def test_without_planning_it_is_q_learning_bit_for_bit(model: str) -> None:
    config: dict[str, Any] = {"epsilon": 0.3, "alpha_schedule": "visits"}
    dyna = agent_on("FrozenLake-v1", planning_steps=0, model=model, **config)
    parent = tables.agent_on("q_learning", "FrozenLake-v1", **config)
    one, other = run(dyna, 20_000), run(parent, 20_000)
    assert trees_equal(vars(one), vars(other)) == []
    before, after = parent.state(), dyna.state()
    assert trees_equal(before, {name: after[name] for name in before}) == []


def test_planning_carries_a_reward_through_the_whole_corridor_at_once() -> None:
    # γ = ½, α = 1. After the first episode Q-learning knows the last step only; fifty planned updates know them all.
    planned, parent = (
        tables.agent_in(name, CORRIDOR, 100, gamma=0.5, alpha=1.0, **config)
        for name, config in (("dyna_q", {"planning_steps": 50}), ("q_learning", {}))
    )
    run(planned, 4)
    run(parent, 4)
    assert planned.signals()["q"]()[:, 0].tolist() == [0.125, 0.25, 0.5, 1.0]
    assert parent.signals()["q"]()[:, 0].tolist() == [0.0, 0.0, 0.0, 1.0]


def test_more_planning_needs_fewer_steps_in_the_maze() -> None:
    """Sutton and Barto's figure 8.2: steps of the episodes 2 to 20, mean over 10 seeds."""
    steps = {}
    for n in (0, 5, 50):
        found = []
        for seed in range(10):
            agent = agent_on("dyna_maze", seed, planning_steps=n, gamma=0.95, alpha=0.1)
            lengths: list[int] = []
            while len(lengths) < 20:
                lengths += agent.update(100).episodes.lengths.tolist()
            found.append(sum(lengths[1:20]))
        steps[n] = float(np.mean(found))
    print(f"dyna maze: steps of episodes 2 to 20 {steps}")  # noqa: T201
    assert steps[0] > 2 * steps[5] > 2 * steps[50]


def test_the_model_of_a_world_without_chance_is_right_at_once() -> None:
    agent = agent_on("CliffWalking-v1", gamma=1.0)
    run(agent, 5000)
    signals, taken = agent.signals(), agent.course.visits[0] > 0
    assert agent.diagnostics()["tabular/model_error"] == 0.0
    assert np.array_equal(signals["model_next"]()[taken], signals["true_next"]()[taken])
    assert (signals["model_next"]()[~taken] == -1).all()


def test_counts_learn_a_world_of_chance_and_the_last_outcome_does_not() -> None:
    errors = {}
    for model in ("last", "counts"):
        agent = agent_on("FrozenLake-v1", model=model, epsilon=1.0, planning_steps=1)
        run(agent, 50_000)
        errors[model] = agent.diagnostics()["tabular/model_error"]
    assert errors["counts"] < 0.05
    assert errors["last"] > 0.5


def test_the_bonus_finds_what_became_better() -> None:
    """Two arms: 0 pays ½; 1 pays nothing until the world changes, and then 1. Only with κ > 0 it is tried again."""

    def world(payment: float) -> list[list[list[Outcome]]]:
        return [[[(1.0, 0, 0.5, True)], [(1.0, 0, payment, True)]]]

    share = {}
    for kappa in (0.0, 0.05):
        agent = tables.agent_in("dyna_q", world(0.0), 10, gamma=0.9, epsilon=0.0, alpha=0.5, kappa=kappa)
        run(agent, 500)
        before = agent.course.visits[0, 0].copy()
        agent.enter(TabularEnvironment("tiny", mdp_from_outcomes(world(1.0), np.ones(1)), 10))
        run(agent, 2000)
        share[kappa] = (agent.course.visits[0, 0] - before)[1] / 2000
    print(f"share of pulls of the arm that became better {share}")  # noqa: T201
    assert share[0.0] == 0.0
    assert share[0.05] > 0.8


CONFIGS: tuple[dict[str, Any], ...] = (
    {"epsilon": 0.3},
    {"epsilon": 0.3, "model": "counts", "kappa": 0.01, "alpha_schedule": "visits"},
    {"exploration": "ucb", "c": 0.3},
)


@pytest.mark.parametrize("config", CONFIGS)
def test_the_kernel_equals_its_plain_twin(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted, cut = (agent_on("FrozenLake-v1", **config) for _number in range(3))
    run(compiled, 600)
    run(cut, 600, call=1)
    assert trees_equal(compiled.state(), cut.state()) == []
    use_plain_twins(monkeypatch, interpreted)
    run(interpreted, 600)
    assert trees_equal(compiled.state(), interpreted.state()) == []


def test_planning_draws_nothing_from_the_lane_of_the_steps() -> None:
    """With a step size of 0 nothing is learned, so that planning must not change what happens."""
    one, other = (agent_on("FrozenLake-v1", planning_steps=n, alpha=0.0, epsilon=1.0) for n in (0, 20))
    assert trees_equal(vars(run(one, 2000)), vars(run(other, 2000))) == []
