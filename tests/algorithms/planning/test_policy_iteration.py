"""Policy iteration: the policies it visits are Howard's, it ends at V*, and it counts every sweep."""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.parts.tabular import policy_evaluation, q_from_v, uniform_policy
from tests.algorithms.planning.planners import (
    SWEEPS,
    WORLDS,
    error_of,
    planner_in,
    planner_on,
    solve,
    use_plain_twins,
)

NAME = "policy_iteration"


@pytest.mark.parametrize(("environment", "world"), WORLDS)
def test_it_ends_at_the_optimal_values(environment: str, world: dict[str, Any]) -> None:
    agent = planner_on(NAME, environment, world, gamma=0.9, sweep="in_place")
    sweeps = solve(agent)
    print(f"{environment} {world}: {sweeps} sweeps, error {error_of(agent):.1e}")  # noqa: T201
    assert error_of(agent) < 1e-10
    worth = policy_evaluation(agent.exact.mdp, agent.policy(), 0.9)
    assert np.abs(worth - agent.exact.optimum)[agent.exact.reachable].max() < 1e-10


def test_it_needs_no_discount_where_everything_ends() -> None:
    agent = planner_on(NAME, "FrozenLake-v1", gamma=1.0)
    solve(agent)
    assert error_of(agent) < 1e-10


def test_its_policies_are_those_of_howards_linear_solves() -> None:
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.9)
    mdp, reachable = agent.exact.mdp, agent.exact.reachable
    policy, is_finished, turns = uniform_policy(mdp), False, 0
    while not is_finished:
        assert np.array_equal(agent.policy(), policy)
        report = agent.update(1)
        while not report.updates:
            report = agent.update(1)
        q = q_from_v(mdp, policy_evaluation(mdp, policy, 0.9), 0.9)
        better = (q.max(axis=1) > (policy * q).sum(axis=1) + 1e-9) & reachable
        policy[better] = np.eye(mdp.n_actions)[q.argmax(axis=1)][better]
        is_finished, turns = report.finished, turns + 1
    assert 2 <= turns <= 8


def test_each_turn_improves_every_state() -> None:
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.9)
    before = np.full(16, -np.inf)
    report = agent.update(1)
    while not report.finished:
        report = agent.update(1)
        if report.updates:
            now = policy_evaluation(agent.exact.mdp, agent.policy(), 0.9)
            assert (now >= before - 1e-12).all()
            before = now


def test_sweeps_are_counted_one_by_one() -> None:
    """One state: action 0 ends with 1, action 1 ends with 3. Equal shares: V = 2 (one sweep, one to see that it stands),
    improve; V = 3 (again two), improve: nothing is better. Six sweeps, two updates."""
    agent = planner_in(NAME, [[[(1.0, 0, 1.0, True)], [(1.0, 0, 3.0, True)]]], gamma=0.5)
    seen = [(report.updates, report.finished, float(agent.memory.v[0, 0])) for report in map(agent.update, [99] * 6)]
    assert seen == [(0, False, 2), (0, False, 2), (1, False, 2), (0, False, 3), (0, False, 3), (1, True, 3)]


def test_a_tie_keeps_the_action_and_the_known_mistake_never_ends() -> None:
    """State 0: action 0 ends with 0, action 1 walks to state 1 and back for nothing: both worth 0 without discount.

    Choosing the last best action instead of keeping the present one would walk for ever.
    """
    agent = planner_in(NAME, [[[(1.0, 0, 0.0, True)], [(1.0, 1, 0.0, False)]], [[(1.0, 0, 0.0, False)]] * 2], gamma=1.0)
    solve(agent)
    assert agent.policy()[0, 0] > 0
    policy_evaluation(agent.exact.mdp, agent.policy(), 1.0)  # ends: else this would be refused


@pytest.mark.parametrize("kind", SWEEPS)
def test_the_kernels_equal_their_plain_twins(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted = (planner_on(NAME, "FrozenLake-v1", gamma=0.5, sweep=kind) for _ in range(2))
    scalars = [compiled.update(1).scalars for _ in range(60)]
    use_plain_twins(monkeypatch)
    assert [interpreted.update(1).scalars for _ in range(60)] == scalars
    assert trees_equal(compiled.state(), interpreted.state()) == []


def test_a_loaded_planner_knows_whether_it_was_about_to_improve() -> None:
    whole, second = planner_on(NAME, "FrozenLake-v1", gamma=0.5), planner_on(NAME, "FrozenLake-v1", gamma=0.5)
    while not whole.memory.is_evaluated[0]:
        whole.update(1)
    second.load(whole.state())
    assert whole.update(1).updates == second.update(1).updates == 1
    assert trees_equal(whole.state(), second.state()) == []


def test_an_improvement_shows_no_numbers() -> None:
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.5)
    report = agent.update(1)
    assert np.isfinite(agent.signals()["trace"]()).all()
    while not report.updates:
        report = agent.update(1)
    trace = agent.signals()["trace"]()
    assert np.isnan(trace[1:]).all()
    assert trace[0] >= 0  # how many states changed their action
