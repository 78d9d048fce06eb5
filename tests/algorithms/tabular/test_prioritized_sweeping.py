"""Prioritized sweeping: surprises travel backwards at once, the predecessors stay right, and it reaches the optimum."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular import tables
from tests.algorithms.tabular.tables import run, slots, use_plain_twins

OPTIMUM = {"FrozenLake-v1": 0.7401648977587045, "CliffWalking-v1": -13.0}


def agent_on(environment: str, seed: int = 0, **config: Any) -> TabularAgent:
    return tables.agent_on("prioritized_sweeping", environment, seed, **config)


def test_one_surprise_travels_back_through_the_whole_corridor() -> None:
    # γ = ½: the last step earns 1. Its four pairs are updated in one step, each once, nearest first.
    corridor: Any = [[[(1.0, min(s + 1, 3), float(s == 3), s == 3)]] for s in range(4)]
    agent = tables.agent_in("prioritized_sweeping", corridor, 100, gamma=0.5, planning_steps=4)
    run(agent, 3)
    assert np.isnan(agent.signals()["trace"]()).all()
    run(agent, 1)
    assert agent.signals()["q"]()[:, 0].tolist() == [0.125, 0.25, 0.5, 1.0]
    expected = {"s": 0, "a": 0, "r expected": 0, "max q next expected": 0.25, "q old": 0, "priority": 0.125}
    assert slots(agent) == {**expected, "alpha": 1, "gamma": 0.5, "q new": 0.125}
    assert agent.diagnostics()["tabular/queued_pairs"] == 0


def test_what_does_not_fit_into_a_step_waits_in_the_queue() -> None:
    corridor: Any = [[[(1.0, min(s + 1, 3), float(s == 3), s == 3)]] for s in range(4)]
    agent = tables.agent_in("prioritized_sweeping", corridor, 100, gamma=0.5, planning_steps=1)
    run(agent, 4)
    assert agent.signals()["q"]()[:, 0].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert agent.diagnostics()["tabular/queued_pairs"] == 1


@pytest.mark.parametrize("model", ["last", "counts"])
def test_predecessors_are_those_of_the_model(model: str) -> None:
    agent = agent_on("FrozenLake-v1", model=model, epsilon=1.0)
    run(agent, 3000)
    memory = agent.memory
    next_states, counts = memory.next_states[0].ravel(), memory.counts[0].ravel()
    for state in range(16):
        listed, place = [], int(memory.first_before[0, state])
        while place >= 0:
            listed.append(place)
            place = int(memory.next_before[0, place])
        assert sorted(listed) == np.flatnonzero((next_states == state) & (counts > 0)).tolist()


@pytest.mark.parametrize(("environment", "steps"), [("FrozenLake-v1", 40_000), ("CliffWalking-v1", 10_000)])
def test_the_greedy_policy_is_optimal_on_five_seeds(environment: str, steps: int) -> None:
    gamma = 0.99 if environment == "FrozenLake-v1" else 1.0
    returns = []
    for seed in range(5):
        agent = agent_on(environment, seed, epsilon=0.5, gamma=gamma)
        run(agent, steps)
        returns.append(agent.diagnostics()["tabular/greedy_return"])
    print(f"{environment}, {steps:,} steps: exact greedy returns {[round(value, 5) for value in returns]}")  # noqa: T201
    assert np.abs(np.array(returns) - OPTIMUM[environment]).max() < 1e-3


def test_it_needs_fewer_steps_than_dyna_q_in_the_maze() -> None:
    found = {}
    for name in ("prioritized_sweeping", "dyna_q"):
        steps = []
        for seed in range(10):
            agent = tables.agent_on(name, "dyna_maze", seed, planning_steps=5, gamma=0.95, alpha=0.5)
            lengths: list[int] = []
            while len(lengths) < 5:
                lengths += agent.update(50).episodes.lengths.tolist()
            steps.append(sum(lengths[1:5]))
        found[name] = float(np.mean(steps))
    print(f"dyna maze: steps of episodes 2 to 5 {found}")  # noqa: T201
    assert found["prioritized_sweeping"] < found["dyna_q"]


@pytest.mark.parametrize(
    "config", [{"epsilon": 0.5}, {"epsilon": 0.5, "model": "last", "alpha": 0.5}, {"exploration": "ucb"}]
)
def test_the_kernel_equals_its_plain_twin(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted, cut = (agent_on("FrozenLake-v1", **config) for _number in range(3))
    run(compiled, 600)
    run(cut, 600, call=1)
    assert trees_equal(compiled.state(), cut.state()) == []
    use_plain_twins(monkeypatch, interpreted)
    run(interpreted, 600)
    assert trees_equal(compiled.state(), interpreted.state()) == []
