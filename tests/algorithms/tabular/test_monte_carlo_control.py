"""Monte Carlo control: hand-worked returns, what counts, truncation, exploring starts, and its convergence."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.parts.batch import TabularEnvironment
from app.parts.tabular import Outcome, mdp_from_outcomes
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular import tables
from tests.algorithms.tabular.tables import run, slots, use_plain_twins


def agent_on(environment: str, seed: int = 0, **config: Any) -> TabularAgent:
    return tables.agent_on("monte_carlo_control", environment, seed, **config)


def agent_in(outcomes: list[list[list[Outcome]]], limit: int, **config: Any) -> TabularAgent:
    return tables.agent_in("monte_carlo_control", outcomes, limit, **config)


def test_an_episode_is_the_hand_worked_update() -> None:
    # 0 → 1 → end with rewards −1 and 5, γ = ½: G₁ = 5, G₀ = −1 + ½ · 5 = 1.5. With α = ½: Q(1) = 2.5, Q(0) = 0.75.
    world: list[list[list[Outcome]]] = [[[(1.0, 1, -1.0, False)]], [[(1.0, 1, 5.0, True)]]]
    agent = agent_in(world, 100, gamma=0.5, alpha=0.5, alpha_schedule="constant")
    agent.update(1)
    assert np.isnan(agent.signals()["trace"]()).all()
    assert agent.signals()["eligibility"]()[:, 0].tolist() == [0.5, 0.0]
    agent.update(1)
    assert slots(agent) == {"s": 0, "a": 0, "g": 1.5, "q old": 0, "delta": 1.5, "alpha": 0.5, "q new": 0.75}
    assert agent.signals()["q"]()[:, 0].tolist() == [0.75, 2.5]
    assert not agent.signals()["eligibility"]().any()


@pytest.mark.parametrize(("visit", "share"), [("first", 1.0), ("every", 0.5)])
def test_first_visit_counts_once_and_every_visit_each_time(visit: str, share: float) -> None:
    # One state, reward 1 a step, γ = 1. An episode of L steps: the first visit returns L, the mean over all is (L + 1) / 2.
    coin: list[Outcome] = [(0.8, 0, 1.0, False), (0.2, 0, 1.0, True)]
    agent = agent_in([[coin]], 10_000, visit=visit, gamma=1.0)
    length = 0
    while not length:
        length = int(agent.update(1).episodes.lengths.sum())
    assert length > 1
    assert agent.signals()["q"]()[0, 0] == pytest.approx(length if share == 1 else (length + 1) / 2)


def test_averaged_returns_are_their_plain_mean() -> None:
    coin: list[Outcome] = [(0.5, 0, 0.0, True), (0.5, 0, 1.0, True)]
    agent = agent_in([[coin]], 10, gamma=0.9)
    episodes = run(agent, 1000)
    assert agent.signals()["q"]()[0, 0] == pytest.approx(episodes.returns.mean(), abs=1e-12)
    assert agent.diagnostics()["tabular/alpha"] == 1 / 1000


def test_truncation_bootstraps_the_value() -> None:
    """Reward 1 for ever, cut after two steps: Q = 1/(1 − γ) = 10. Treating the cut as an end gives 1 + γ = 1.9."""
    config = {"alpha": 0.5, "gamma": 0.9, "alpha_schedule": "constant"}
    right = agent_in([[[(1.0, 0, 1.0, False)]]], 2, **config)
    wrong = agent_in([[[(1.0, 1, 1.0, False)]], [[(1.0, 1, 1.0, True)]]], 2, **config)
    episodes = run(right, 1000)
    run(wrong, 1000)
    assert right.signals()["q"]()[0, 0] == pytest.approx(10.0, abs=1e-9)
    assert wrong.signals()["q"]()[0, 0] == pytest.approx(1.9, abs=1e-9)
    assert not episodes.terminated.any()


def test_it_converges_to_the_values_of_the_random_walk() -> None:
    """First-visit averages of the uniform policy: state i of 5 is worth i/6, and 0.01 is 4 standard errors of 40,000 episodes."""
    agent = agent_on("random_walk", epsilon=1.0, gamma=1.0)
    run(agent, 400_000)
    values = agent.signals()["q"]()[1:6].mean(axis=1)
    assert values == pytest.approx(np.arange(1, 6) / 6, abs=0.01)


def test_exploring_starts_take_every_pair_and_leave_evaluation_alone() -> None:
    agent = agent_on("FrozenLake-v1", epsilon=0.0, exploring_starts=True, alpha=0.0)
    firsts: list[tuple[int, ...]] = []
    while len(firsts) < 4000:
        begins = agent.course.position[0, 1] == 0
        agent.update(1)
        if begins:
            firsts.append(tuple(agent.signals()["last_transition"]()[:2].astype(int).tolist()))
    pairs, counts = np.unique(firsts, axis=0, return_counts=True)
    assert len(pairs) == 11 * 4  # every action where an agent may have to act
    assert np.abs(counts / 4000 - 1 / 44).max() < 4 * np.sqrt(1 / 44 / 4000)
    assert agent.diagnostics()["tabular/behaviour_return"] == agent.diagnostics()["tabular/greedy_return"]


def test_exploring_starts_follow_a_changed_world() -> None:
    end: list[list[Outcome]] = [[(1.0, 2, 1.0, True)]]
    open_, shut = (
        TabularEnvironment("tiny", mdp_from_outcomes([[[(1.0, to, 0.0, False)]], end, end], np.eye(3)[0]), 10)
        for to in (1, 2)
    )
    agent = agent_in([[[(1.0, 1, 0.0, False)]], end, end], 10, exploring_starts=True)
    assert open_.mdp.reachable().tolist() == [True, True, False]
    agent.enter(shut)
    run(agent, 200)
    assert agent.course.visits[0, :, 0].tolist()[1] == 0
    assert agent.course.visits[0, :, 0].min(initial=99, where=[True, False, True]) > 0


def test_blackjack_with_exploring_starts_comes_near_the_optimum() -> None:
    """Sutton and Barto's example 5.3; the best return is −0.0431."""
    agent = agent_on("Blackjack-v1", epsilon=0.0, exploring_starts=True, gamma=1.0)
    run(agent, 500_000)
    value = agent.diagnostics()["tabular/greedy_return"]
    print(f"Blackjack after 500,000 steps: {value:.4f}")  # noqa: T201
    assert -0.0431 - 0.008 < value < -0.0430


CONFIGS: tuple[dict[str, Any], ...] = (
    {"epsilon": 0.3},
    {"visit": "every", "exploring_starts": True, "alpha": 0.1, "alpha_schedule": "constant"},
)


@pytest.mark.parametrize("config", CONFIGS)
def test_the_kernel_equals_its_plain_twin(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted, cut = (agent_on("FrozenLake-v1", **config) for _number in range(3))
    run(compiled, 1500)
    run(cut, 1500, call=1)
    assert trees_equal(compiled.state(), cut.state()) == []
    use_plain_twins(monkeypatch, interpreted)
    run(interpreted, 1500)
    assert trees_equal(compiled.state(), interpreted.state()) == []
