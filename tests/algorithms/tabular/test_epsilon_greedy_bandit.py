"""ε-greedy bandit: averages, exploration, an optimistic start, and a regret that grows linearly."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular import tables
from tests.algorithms.tabular.tables import run, slots, use_plain_twins

FIVE = {"n_arms": 5, "means": "0, 0.2, 1, 0.5, -1"}


def agent_on(seed: int = 0, place: dict[str, Any] | None = None, **config: Any) -> TabularAgent:
    return tables.agent_on("epsilon_greedy_bandit", "bandit", seed, place=place or FIVE, **config)


def test_one_pull_is_the_hand_worked_update() -> None:
    # A sure arm that pays ½; first estimate 2, α = 0.1: Q = 2 + 0.1 · (0.5 − 2) = 1.85.
    place = {"n_arms": 2, "means": "0.5, 0.5", "spread": 0.0}
    agent = agent_on(place=place, initial_q=2.0, alpha=0.1, alpha_schedule="constant")
    agent.update(1)
    found = slots(agent)
    assert [found[name] for name in ("r", "alpha", "q old", "q new")] == pytest.approx([0.5, 0.1, 2.0, 1.85])
    assert agent.signals()["last_transition"]()[4:].tolist() == [1, 0]


def test_estimates_are_plain_means() -> None:
    agent = agent_on(epsilon=1.0)
    sums = np.zeros(5)
    for _pull in range(300):
        agent.update(1)
        sums[int(slots(agent)["a"])] += slots(agent)["r"]
    assert agent.signals()["q"]()[0] == pytest.approx(sums / agent.course.visits[0, 0], abs=1e-12)


def test_greedy_share_is_one_minus_epsilon_plus_its_share() -> None:
    agent = agent_on(epsilon=0.2)
    run(agent, 2000)
    before = agent.course.visits[0, 0].copy()
    run(agent, 40_000)
    shares = (agent.course.visits[0, 0] - before) / 40_000
    assert shares == pytest.approx([0.04, 0.04, 0.84, 0.04, 0.04], abs=0.01)
    assert agent.signals()["behaviour"]()[0] == pytest.approx([0.04, 0.04, 0.84, 0.04, 0.04])


def test_regret_grows_by_the_same_for_each_random_pull() -> None:
    # ε times the mean gap of the arms: 0.1 · (1 + 0.8 + 0 + 0.5 + 2) / 5 = 0.086 a pull.
    agent = agent_on(epsilon=0.1)
    run(agent, 5000)
    before = agent.diagnostics()["bandit/regret"]
    run(agent, 50_000)
    assert (agent.diagnostics()["bandit/regret"] - before) / 50_000 == pytest.approx(0.086, abs=0.005)


def test_an_optimistic_start_tries_every_arm_without_exploration() -> None:
    """Sutton and Barto's figure 2.3, without its realistic agent's random actions."""
    shares = {}
    for initial in (0.0, 5.0):
        agents = [
            agent_on(
                seed,
                {"n_arms": 10, "instance_seed": seed},
                initial_q=initial,
                epsilon=0.0,
                alpha=0.1,
                alpha_schedule="constant",
            )
            for seed in range(20)
        ]
        for agent in agents:
            run(agent, 1000)
        shares[initial] = float(np.mean([agent.diagnostics()["bandit/optimal_share"] for agent in agents]))
        tried = [(agent.course.visits[0, 0] > 0).all() for agent in agents]
        assert all(tried) == (initial == 5.0)
    print(f"share of the best arm {shares}")  # noqa: T201
    assert shares[5.0] > shares[0.0]


def test_the_kernel_equals_its_plain_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted, cut = agent_on(), agent_on(), agent_on()
    run(compiled, 1000)
    run(cut, 1000, call=1)
    assert trees_equal(compiled.state(), cut.state()) == []
    use_plain_twins(monkeypatch, interpreted)
    run(interpreted, 1000)
    assert trees_equal(compiled.state(), interpreted.state()) == []
