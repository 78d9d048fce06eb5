"""Conservative policy iteration: no step falls below its bound, its steps are the paper's, and α = 1 is policy iteration."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.planning.conservative_policy_iteration import Prospect, improvement_bound, prospect, reward_range
from app.core.errors import InvalidInput
from app.parts.performance import advantage_over, advantages, discounted_visits
from app.parts.planner import Planner
from app.parts.tabular import mdp_from_outcomes, optimal_values, policy_evaluation
from tests.algorithms.planning.planners import WORLDS, error_of, planner_in, planner_on, slots, solve

NAME = "conservative_policy_iteration"
TWO_ARMS = [[[(1.0, 0, 1.0, True)], [(1.0, 0, 3.0, True)]]]


def steps_of(agent: Planner, count: int) -> list[dict[str, float]]:
    return [agent.update(1).scalars for _ in range(count)]


@pytest.mark.parametrize("rule", ["paper", "largest_advantage", "constant"])
@pytest.mark.parametrize(("environment", "world"), WORLDS[:-1])
def test_no_step_falls_below_its_bound(environment: str, world: dict[str, Any], rule: str) -> None:
    agent = planner_on(NAME, environment, world, gamma=0.9, step_rule=rule, alpha=0.3)
    for scalars in steps_of(agent, 60):
        slack = 1e-12 * max(1.0, float(np.abs(agent.memory.v).max()))
        assert scalars["planning/improvement"] >= scalars["planning/improvement_bound"] - slack
        assert rule == "constant" or scalars["planning/improvement_bound"] >= 0


def test_the_paper_guarantees_its_closed_form() -> None:
    """Corollary 4.2 in values that are not normalised: the return rises by at least (1 − γ) 𝔸² / (8 R)."""
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.9)
    for scalars in steps_of(agent, 20):
        assert scalars["planning/improvement_bound"] >= 0.1 * scalars["planning/policy_advantage"] ** 2 / 8
        assert scalars["planning/step_size"] == pytest.approx(0.1 * scalars["planning/policy_advantage"] / (4 * 10))


def test_the_first_step_is_the_hand_worked_one() -> None:
    """Two arms that end, with 1 and 3: V = 2, A = (−1, +1); one step of an episode: d = 1 − γ = 1/2, 𝔸 = 1/2, ε = 1.

    R = 3, so (4) gives α = ½ · ½ / (4 · 3 / ½) = 1/96; π of the second arm becomes ½ + ½ · 1/96; J rises by α · 1.
    The bound: α / ½ · (½ − 2 α ½ / (1 − ½ (1 − α))).
    """
    agent = planner_in(NAME, TWO_ARMS, gamma=0.5)
    (scalars,) = steps_of(agent, 1)
    alpha = 1 / 96
    assert scalars["planning/policy_advantage"] == 0.5
    assert scalars["planning/step_size"] == pytest.approx(alpha, rel=1e-14)
    assert scalars["planning/improvement"] == pytest.approx(alpha, rel=1e-12)
    assert scalars["planning/improvement_bound"] == pytest.approx(
        2 * alpha * (0.5 - alpha / (0.5 + alpha / 2)), rel=1e-12
    )
    assert slots(agent) == pytest.approx(
        {"s": 0, "a": 1, "pi": 0.5, "alpha": alpha, "pi greedy": 1, "pi new": 0.5 + alpha / 2, "advantage": 1}
    )
    assert agent.memory.v[0, 0] == pytest.approx(2 + alpha, rel=1e-14)


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_a_step_longer_than_the_bound_allows_is_not_promised_to_help_and_helps_only_because_it_is_exact(
    alpha: float,
) -> None:
    """Greedy in the exact values, π′ is better in every state, so that no step towards it harms; the bound does not know that."""
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.9, step_rule="constant", alpha=alpha)
    (scalars,) = steps_of(agent, 1)
    assert scalars["planning/improvement_bound"] < 0 < scalars["planning/improvement"]


def test_towards_a_policy_that_is_better_only_where_one_walks_a_long_step_makes_it_worse() -> None:
    """What an approximate π′ may be: its policy advantage is positive, and 𝔸 alone would promise more from each longer step.

    The first state may end with ½ or go on to the second, which pays 1 or −10. π goes on once in a hundred times and takes
    the 1; π′ always goes on, and takes the −10. V = (½·.99 + .9·.01, 1) = (.504, 1); γ = .9, the visits are (1, .009).
    The gains are .9 − .504 and −11, so 𝔸 / (1 − γ) = .396 − .009·11 = .297. The whole step earns .9·(−10) − .504.
    """
    mdp = mdp_from_outcomes(
        [[[(1.0, 0, 0.5, True)], [(1.0, 1, 0.0, False)]], [[(1.0, 1, 1.0, True)], [(1.0, 1, -10.0, True)]]],
        np.array([1.0, 0.0]),
    )
    policy, aim = np.array([[0.99, 0.01], [1.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    v = policy_evaluation(mdp, policy, 0.9)
    advantage, visits = advantages(mdp, v, 0.9), 0.1 * discounted_visits(mdp, policy, 0.9)
    gains = (aim * advantage).sum(axis=1)
    promise = Prospect(aim, gains, visits, advantage_over(visits, aim, advantage), float(np.abs(gains).max()))
    assert promise.policy_advantage / 0.1 == pytest.approx(0.297)

    def improvement(alpha: float) -> float:
        return float(policy_evaluation(mdp, policy + alpha * (aim - policy), 0.9)[0] - v[0])

    assert improvement(1.0) == pytest.approx(-9.504)
    assert improvement(0.01) > 0
    for alpha in np.linspace(0, 1, 21):
        assert improvement(alpha) >= improvement_bound(alpha, promise, 0.9) - 1e-12


def test_a_constant_step_of_one_is_policy_iteration() -> None:
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.9, step_rule="constant", alpha=1.0)
    assert len(steps_of(agent, 8)) == 8
    assert np.abs(agent.memory.v[0] - optimal_values(agent.exact.mdp, 0.9)).max() < 1e-10


@pytest.mark.parametrize(("environment", "world"), WORLDS)
def test_the_bar_of_the_constant_step_of_one_is_the_optimum(environment: str, world: dict[str, Any]) -> None:
    agent = planner_on(NAME, environment, world, gamma=0.9, step_rule="constant", alpha=1.0)
    solve(agent, 100)
    assert error_of(agent) < 1e-10


def test_an_advantage_of_zero_where_the_policy_walks_is_not_the_end() -> None:
    """From the start of the cliff, the first greedy policy stays where it is: ending there would lose 7.29 of the optimum."""
    agent = planner_on(NAME, "CliffWalking-v1", gamma=0.9, step_rule="constant", alpha=1.0)
    for _step in range(100):
        report = agent.update(1)
        if report.scalars["planning/policy_advantage"] < 1e-12:
            break
    assert not report.finished
    assert error_of(agent) > 7
    solve(agent, 100)
    assert error_of(agent) < 1e-10


@pytest.mark.parametrize("rule", ["paper", "largest_advantage"])
@pytest.mark.parametrize(("environment", "world"), WORLDS[:-1])
def test_the_bar_of_the_bounds_is_a_return_that_no_step_lowers(
    environment: str, world: dict[str, Any], rule: str
) -> None:
    agent = planner_on(NAME, environment, world, gamma=0.9, step_rule=rule)
    start, first = agent.exact.mdp.start, float(agent.exact.mdp.start @ agent.memory.v[0])
    before = first
    for _step in range(100):
        agent.update(1)
        now = float(start @ agent.memory.v[0])
        assert now >= before - 1e-12 * max(1.0, abs(before))
        before = now
    assert before > first


def test_the_known_advantage_allows_longer_steps_and_each_raises_the_return() -> None:
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.9, step_rule="largest_advantage")
    paper = planner_on(NAME, "FrozenLake-v1", gamma=0.9)
    assert steps_of(agent, 1)[0]["planning/step_size"] > 10 * steps_of(paper, 1)[0]["planning/step_size"]
    values = [agent.memory.v[0, 0]]
    for _ in range(300):
        agent.update(1)
        values.append(agent.memory.v[0, 0])
    assert (np.diff(values) > 0).all()
    assert values[-1] > 1.1 * values[0]


def test_the_bound_is_that_of_the_theorem() -> None:
    agent = planner_on(NAME, "FrozenLake-v1", gamma=0.9)
    policy, v = agent.memory.policy[0], agent.memory.v[0]
    promise = prospect(agent.exact.mdp, policy, v, 0.9)
    assert v == pytest.approx(policy_evaluation(agent.exact.mdp, policy, 0.9), abs=1e-12)
    assert promise.visits.sum() <= 1 + 1e-12
    assert improvement_bound(0.0, promise, 0.9) == 0
    tiny = improvement_bound(1e-9, promise, 0.9)
    assert tiny == pytest.approx(1e-9 * promise.policy_advantage / 0.1, rel=1e-6)
    assert reward_range(agent.exact.mdp) == 1


def test_it_ends_where_nothing_is_better() -> None:
    agent = planner_in(NAME, TWO_ARMS, gamma=0.0, step_rule="largest_advantage")
    assert not agent.update(1).finished  # γ = 0: nothing speaks against the whole step
    assert agent.memory.policy[0].tolist() == [[0, 1]]
    assert agent.update(1).finished


def test_no_discount_is_refused() -> None:
    with pytest.raises(InvalidInput, match="gamma"):
        planner_in(NAME, TWO_ARMS, gamma=1.0)
