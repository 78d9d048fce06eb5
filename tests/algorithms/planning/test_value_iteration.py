"""Value iteration: its fixed point, its rate, and that compiling changes nothing."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.planning import value_iteration
from app.algorithms.planning.value_iteration import sweep
from app.core.codecs import trees_equal
from app.core.errors import InvalidInput, TrainingDiverged
from app.parts.planner import BACKUP_TRACE, Planner
from app.parts.tabular import policy_evaluation
from tests.algorithms.planning import planners
from tests.algorithms.planning.planners import SWEEPS, WORLDS, slots, solve, use_plain_twins


def planner(environment: str, world: dict[str, Any] | None = None, **config: Any) -> Planner:
    return planners.planner_on("value_iteration", environment, world, **config)


def planner_in(outcomes: Any, start: int = 0, **config: Any) -> Planner:
    return planners.planner_in("value_iteration", outcomes, start=start, **config)


@pytest.mark.parametrize("kind", SWEEPS)
@pytest.mark.parametrize(("environment", "world"), WORLDS)
def test_values_equal_the_linear_solve_of_their_greedy_policy(
    environment: str, world: dict[str, Any], kind: str
) -> None:
    agent = planner(environment, world, gamma=0.99, sweep=kind)
    sweeps = solve(agent)
    reachable = agent.exact.reachable
    exact = policy_evaluation(agent.exact.mdp, agent.signals()["policy"](), 0.99)
    error = np.abs(agent.signals()["v"]() - exact)[reachable].max()
    print(f"{environment} {world} {kind}: {sweeps} sweeps, error {error:.1e}")  # noqa: T201
    assert error < 1e-10
    assert np.abs(agent.signals()["v"]() - agent.exact.optimum)[reachable].max() < 1e-10


def test_values_of_the_cliff_without_discount_are_distances() -> None:
    agent = planner("CliffWalking-v1", gamma=1.0)
    report = agent.update(1)
    while not report.finished:
        report = agent.update(1)
    v = agent.signals()["v"]()
    assert v[36] == -13
    assert v[35] == -1
    assert v[24:36].tolist() == list(range(-12, 0))
    assert report.scalars["tabular/greedy_return"] == -13
    assert agent.signals()["policy"]()[36].tolist() == [1, 0, 0, 0]


def test_the_lake_has_the_published_value() -> None:
    agent = planner("FrozenLake-v1")
    solve(agent)
    assert agent.signals()["v"]()[0] == pytest.approx(0.5420, abs=5e-5)


def test_sweeps_are_the_hand_worked_ones() -> None:
    # Chain 0 → 1 → end, rewards 1 and 2, γ = 1/2: synchronous V: (1, 2), then (2, 2). In place 0 is swept before 1: the same.
    chain = [[[(1.0, 1, 1.0, False)]], [[(1.0, 1, 2.0, True)]]]
    agent = planner_in(chain, gamma=0.5)
    agent.update(1)
    assert agent.signals()["v"]().tolist() == [1.0, 2.0]
    agent.update(1)
    assert agent.signals()["v"]().tolist() == [2.0, 2.0]
    # Chain 1 → 0 → end, started in 1: in place, 1 reads what 0 has just become.
    backwards = [[[(1.0, 0, 2.0, True)]], [[(1.0, 0, 1.0, False)]]]
    for kind, first in (("synchronous", [2.0, 1.0]), ("in_place", [2.0, 2.0])):
        agent = planner_in(backwards, start=1, gamma=0.5, sweep=kind)
        agent.update(1)
        assert agent.signals()["v"]().tolist() == first


def test_each_sweep_contracts_by_gamma() -> None:
    agent = planner("FrozenLake-v1", gamma=0.9)
    error = np.abs(agent.exact.optimum).max()
    for _ in range(50):
        next_error = agent.update(1).scalars["tabular/value_error_max"]
        assert next_error <= 0.9 * error + 1e-14
        error = next_error


def test_in_place_needs_fewer_sweeps() -> None:
    assert solve(planner("FrozenLake-v1", sweep="in_place")) < solve(planner("FrozenLake-v1"))


def test_a_larger_theta_ends_sooner() -> None:
    loose = planner("FrozenLake-v1", theta=1e-4)
    assert solve(loose) < solve(planner("FrozenLake-v1"))
    residual = loose.exact.scalars(loose.memory.v[0], loose.signals()["q"]())["tabular/max_bellman_residual"]
    assert residual < 1e-4


def test_an_end_has_no_next_value_and_the_known_mistake_gives_two() -> None:
    """Reward 1, then the end: V = 1. Without the mask the end is a loop and V = 1/(1 − γ) = 2."""
    right, wrong = (planner_in([[[(1.0, 0, 1.0, ends)]]], gamma=0.5) for ends in (True, False))
    solve(right)
    solve(wrong)
    assert right.signals()["v"]()[0] == 1.0
    assert wrong.signals()["v"]()[0] == pytest.approx(2.0, abs=1e-11)


@pytest.mark.parametrize("kind", SWEEPS)
def test_the_kernel_equals_its_plain_twin(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, interpreted = planner("FrozenLake-v1", sweep=kind), planner("FrozenLake-v1", sweep=kind)
    scalars = [compiled.update(1).scalars for _ in range(20)]
    use_plain_twins(monkeypatch)
    assert [interpreted.update(1).scalars for _ in range(20)] == scalars
    assert trees_equal(compiled.state(), interpreted.state()) == []


def test_one_update_is_one_sweep_however_many_are_allowed() -> None:
    one, many = planner("FrozenLake-v1"), planner("FrozenLake-v1")
    for _ in range(5):
        assert one.update(1).scalars == many.update(1000).scalars
    assert trees_equal(one.state(), many.state()) == []
    assert many.update(1000).steps == 1


@pytest.mark.parametrize("kind", SWEEPS)
def test_resumed_equals_uninterrupted(kind: str) -> None:
    whole, first, second = (planner("FrozenLake-v1", sweep=kind) for _ in range(3))
    for _ in range(10):
        whole.update(1)
        first.update(1)
    second.load(first.state())
    assert [whole.update(1).scalars for _ in range(10)] == [second.update(1).scalars for _ in range(10)]
    assert trees_equal(whole.state(), second.state()) == []


def test_emits_and_signals_are_those_declared() -> None:
    agent = planner("FrozenLake-v1")
    assert set(agent.update(1).scalars) == set(value_iteration.SPEC.emits)
    assert set(agent.signals()) == set(value_iteration.SPEC.signals)
    assert agent.diagnostics() == {}


def test_acts_greedily() -> None:
    agent = planner("CliffWalking-v1", gamma=1.0)
    solve(agent)
    assert agent.act(np.array([36, 24, 35]), greedy=True).tolist() == [0, 1, 2]


def test_states_in_which_nobody_acts_stay_zero() -> None:
    agent = planner("CliffWalking-v1", gamma=1.0)
    solve(agent)
    assert (agent.signals()["v"]()[37:48] == 0).all()


def test_no_discount_is_refused_where_nothing_ends() -> None:
    with pytest.raises(InvalidInput, match="gamma"):
        planner_in([[[(1.0, 0, -1.0, False)]]], gamma=1.0)


def test_infinite_values_stop_the_run() -> None:
    agent = planner_in([[[(1.0, 0, 1e308, False)]]], gamma=0.99)
    agent.memory.v[:] = 1e308
    with pytest.raises(TrainingDiverged, match="step 1: "):
        agent.update(1)


def test_a_sweep_reports_its_largest_change() -> None:
    agent = planner_in([[[(1.0, 0, -3.0, False)]]], gamma=0.5)
    assert sweep(agent.model, np.zeros(1), np.zeros(1), 0.5, np.zeros(len(BACKUP_TRACE))) == 3.0


def test_the_inspector_shows_the_state_that_changed_most() -> None:
    # γ = 1/2, V = 0: state 0 becomes max(1, 3) = 3, state 1 becomes 2: the change of state 0 is the largest, by action 1.
    agent = planner_in([[[(1.0, 1, 1.0, False)], [(1.0, 1, 3.0, False)]], [[(1.0, 1, 2.0, True)]] * 2], gamma=0.5)
    assert np.isnan(agent.signals()["trace"]()).all()
    agent.update(1)
    assert slots(agent) == {"s": 0, "a": 1, "r": 3, "v next": 0, "v old": 0, "gamma": 0.5, "v new": 3}
    # Second sweep: state 0 becomes 3 + 2/2 = 4, state 1 stays 2.
    agent.update(1)
    assert slots(agent) == {"s": 0, "a": 1, "r": 3, "v next": 2, "v old": 3, "gamma": 0.5, "v new": 4}
