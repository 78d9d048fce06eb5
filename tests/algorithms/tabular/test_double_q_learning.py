"""Double Q-learning: one table picks, the other judges, and the bias of the maximum is gone."""

import numpy as np
import pytest

from app import catalog
from app.parts import tabular_agent
from app.parts.tabular_agent import TabularAgent
from tests.algorithms.tabular.tables import agent_in, agent_on, run, slots

OPTIMUM = {"FrozenLake-v1": 0.7401648977587045, "CliffWalking-v1": -13.0, "Taxi-v4": 7.93}
A, N_LEFT = 2, 5  # state and left actions of the textbook's two states


def shares_of_left(algorithm: str, seeds: range) -> list[float]:
    """Return how often the first, second and third hundred episodes begin to the left, α = ε = .1, γ = 1."""
    counts = np.zeros(3)
    for seed in seeds:
        agent = agent_on(algorithm, "max_bias", seed, alpha=0.1, epsilon=0.1, gamma=1.0)
        left = 0
        for part in range(3):
            assert len(agent.update(100_000).episodes) == 100
            before, left = left, int(agent.course.visits[0, A, :N_LEFT].sum())
            counts[part] += left - before
    return [float(share) for share in counts / (100 * len(seeds))]


def test_the_two_states_that_mislead_a_maximum_tell_both_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exploration alone goes left in 5 % of the episodes. Sutton and Barto (2018), figure 6.5."""
    monkeypatch.setattr(tabular_agent, "CALL_EPISODES", 100)  # a call ends with the hundredth episode
    single, double = shares_of_left("q_learning", range(60)), shares_of_left("double_q_learning", range(60))
    print(f"left in each hundred of 300 episodes: Q-learning {single}, double Q-learning {double}")  # noqa: T201
    assert np.mean(single) > 2 * np.mean(double)
    assert single[0] > 0.7
    assert single[2] > 0.1
    assert double[2] < 0.09


def by_hand(seed: int) -> TabularAgent:
    """Return an agent in a loop of two actions whose tables disagree: Q₁ = (1, 3), Q₂ = (4, 2)."""
    loop = [(1.0, 0, -1.0, False)]
    agent = agent_in("double_q_learning", [[loop, loop]], 100, seed=seed, alpha=0.5, gamma=0.5, epsilon=1.0)
    agent.memory.pair[0, :, 0] = [[1.0, 3.0], [4.0, 2.0]]
    agent.memory.q[0, 0] = [2.5, 2.5]
    return agent


def test_the_other_table_judges_the_favourite() -> None:
    # Q₁ likes action 1, which Q₂ values at 2: y = −1 + .5 · 2 = 0. Q₂ likes action 0, which Q₁ values at 1: y = −1 + .5 · 1 = −.5.
    # A maximum within one table would give y = −1 + .5 · 3 = .5 and −1 + .5 · 4 = 1.
    seen = set()
    for seed in range(20):
        agent = by_hand(seed)
        agent.update(1)
        now = slots(agent)
        table, action = int(now["table"]), int(now["a"])
        old = [[1.0, 3.0], [4.0, 2.0]][table][action]
        target = [0.0, -0.5][table]
        assert now["q2 next"] == [2.0, 1.0][table]
        assert now["q1 old"] == old
        assert now["q1 new"] == old + 0.5 * (target - old)
        pair = agent.memory.pair[0]
        assert pair[table, 0, action] == now["q1 new"]
        assert pair[1 - table, 0].tolist() == [[1.0, 3.0], [4.0, 2.0]][1 - table]
        assert agent.signals()["q"]()[0].tolist() == pair[:, 0].mean(axis=0).tolist()
        seen.add((table, action))
    assert len(seen) == 4


def test_what_is_shown_is_the_mean_of_both_tables() -> None:
    agent = agent_on("double_q_learning", "FrozenLake-v1", epsilon=0.5)
    run(agent, 20_000)
    pair = agent.memory.pair[0]
    assert np.array_equal(agent.signals()["q"](), 0.5 * (pair[0] + pair[1]))
    reachable = agent.exact.reachable
    gap = np.abs(pair[0] - pair[1])[reachable].mean()
    assert agent.diagnostics()["tabular/estimator_gap"] == gap > 0


def test_a_fair_coin_names_the_table_and_each_counts_its_own_updates() -> None:
    agent = agent_on("double_q_learning", "FrozenLake-v1", epsilon=1.0, alpha_schedule="visits")
    run(agent, 40_000)
    updates = agent.memory.updates[0]
    assert np.array_equal(updates.sum(axis=0), agent.course.visits[0])
    assert updates[0].sum() / 40_000 == pytest.approx(0.5, abs=0.01)
    before = updates.copy()
    agent.update(1)
    now = slots(agent)
    s, a, table = int(now["s"]), int(now["a"]), int(now["table"])
    assert now["alpha"] == pytest.approx(0.5 / (before[table, s, a] + 1) ** 0.6)


@pytest.mark.parametrize("environment", sorted(OPTIMUM))
def test_greedy_policy_of_the_tuned_preset_is_optimal(environment: str) -> None:
    steps = catalog.presets_for("double_q_learning", environment)["tuned"].total_steps
    returns = []
    for seed in range(2):
        agent = agent_on("double_q_learning", environment, seed, preset="tuned")
        run(agent, steps)
        returns.append(agent.diagnostics()["tabular/greedy_return"])
    print(f"{environment}: exact greedy returns {[round(value, 5) for value in returns]}")  # noqa: T201
    assert np.abs(np.array(returns) - OPTIMUM[environment]).max() < 1e-3
