"""Modified policy iteration: one sweep a turn is value iteration, very many are policy iteration, and all end at V*."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.parts.tabular import greedy_actions, one_hot, policy_evaluation, q_from_v
from tests.algorithms.planning.planners import (
    SWEEPS,
    WORLDS,
    error_of,
    planner_in,
    planner_on,
    slots,
    solve,
    use_plain_twins,
)

NAME = "modified_policy_iteration"


@pytest.mark.parametrize("gamma", [0.99, 1.0])
@pytest.mark.parametrize("sweeps", [1, 5, 50])
@pytest.mark.parametrize(("environment", "world"), WORLDS)
def test_it_ends_at_the_optimal_values(environment: str, world: dict[str, Any], sweeps: int, gamma: float) -> None:
    agent = planner_on(NAME, environment, world, gamma=gamma, sweep="in_place", evaluation_sweeps=sweeps)
    solve(agent)
    assert error_of(agent) < 1e-10


@pytest.mark.parametrize("kind", SWEEPS)
def test_one_sweep_a_turn_is_value_iteration_bit_for_bit(kind: str) -> None:
    modified = planner_on(NAME, "FrozenLake-v1", evaluation_sweeps=1, sweep=kind)
    plain = planner_on("value_iteration", "FrozenLake-v1", sweep=kind)
    is_finished = False
    while not is_finished:
        one, other = modified.update(1), plain.update(1)
        assert one.scalars == other.scalars
        assert one.updates == 1
        assert one.finished == other.finished
        is_finished = one.finished
    assert np.array_equal(modified.memory.v, plain.memory.v)
    assert np.array_equal(modified.trace, plain.trace)


def test_very_many_sweeps_a_turn_are_policy_iteration() -> None:
    """Each turn ends at the linear solve of its policy, and the next policy is greedy in that."""
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.9, evaluation_sweeps=1_000_000)
    mdp, reachable = agent.exact.mdp, agent.exact.reachable
    v, turns, report = np.zeros(16), 0, agent.update(1)
    while not report.finished:
        actions = greedy_actions(q_from_v(mdp, v, 0.9))
        best = q_from_v(mdp, v, 0.9).max(axis=1, keepdims=True) - q_from_v(mdp, v, 0.9) < 1e-9
        assert best[np.arange(16), agent.memory.actions[0]][reachable].all()
        while not report.updates:
            report = agent.update(1)
        v = policy_evaluation(mdp, one_hot(np.where(reachable, agent.memory.actions[0], actions), 4), 0.9)
        assert np.abs(agent.memory.v[0] - v)[reachable].max() < 1e-10
        turns, report = turns + 1, agent.update(1)
    assert 2 <= turns <= 8


def test_sweeps_are_the_hand_worked_ones() -> None:
    """Action 0 ends with 1; action 1 earns 0.75 and stays; γ = 1/2, three sweeps a turn.

    Turn 1 picks action 0 (1 > 0.75): V = 1, and the second sweep shows that it stands still. Turn 2: 1 against
    0.75 + 0.5 = 1.25: action 1, V = 1.25; then 1.375, 1.4375; limit 1.5.
    """
    agent = planner_in(NAME, [[[(1.0, 0, 1.0, True)], [(1.0, 0, 0.75, False)]]], gamma=0.5, evaluation_sweeps=3)
    seen = []
    for _ in range(5):
        report = agent.update(7)
        seen.append((report.updates, int(agent.memory.actions[0, 0]), float(agent.memory.v[0, 0])))
    assert seen == [(0, 0, 1.0), (1, 0, 1.0), (0, 1, 1.25), (0, 1, 1.375), (1, 1, 1.4375)]
    assert slots(agent) == {
        "s": 0, "a": 1, "r": 0.75, "v next": 1.375, "v old": 1.375, "gamma": 0.5, "v new": 1.4375,
    }  # fmt: skip


def test_the_number_of_sweeps_may_change_while_it_runs() -> None:
    agent = planner_on(NAME, "FrozenLake-v1", evaluation_sweeps=5)
    agent.update(1)
    agent.edit(agent.config.edited({"evaluation_sweeps": 2}))
    assert agent.update(1).updates == 1


@pytest.mark.parametrize("kind", SWEEPS)
def test_the_kernel_equals_its_plain_twin(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted = (planner_on(NAME, "FrozenLake-v1", sweep=kind) for _ in range(2))
    scalars = [compiled.update(1).scalars for _ in range(20)]
    use_plain_twins(monkeypatch)
    assert [interpreted.update(1).scalars for _ in range(20)] == scalars
    assert trees_equal(compiled.state(), interpreted.state()) == []
