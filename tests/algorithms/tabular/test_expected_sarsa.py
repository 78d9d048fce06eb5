"""Expected SARSA: the mean over the next actions, with Q-learning as its greedy end."""

import numpy as np
import pytest

from app.algorithms.tabular.expected_sarsa import expected_value
from app.core.codecs import trees_equal
from app.parts.exploration import epsilon_greedy_policy
from tests.algorithms.tabular.on_policy import mean_and_error, online_returns, soft_errors
from tests.algorithms.tabular.tables import agent_in, agent_on, run, slots


def test_the_mean_is_that_of_the_policy_that_acts_ties_or_not() -> None:
    q = np.array([[0.5, 2.0, 2.0, -1.0], [0.0, 0.0, 0.0, 0.0], [3.0, 1.0, 2.0, 0.0]])
    for epsilon in (0.0, 0.1, 0.7, 1.0):
        means = (epsilon_greedy_policy(q, epsilon) * q).sum(axis=1)
        assert [expected_value(q, state, epsilon) for state in range(3)] == pytest.approx(means.tolist(), rel=1e-12)


def test_one_step_is_the_hand_worked_update() -> None:
    # Q(s′) = (1, 3), ε = .2: mean = .8 · 3 + .1 · 4 = 2.8; r = −1, γ = .5: y = .4; Q(s, a) = 1: δ = −.6, Q = 1 − .5 · .6 = .7.
    loop = [(1.0, 0, -1.0, False)]
    agent = agent_in("expected_sarsa", [[loop, loop]], 100, alpha=0.5, gamma=0.5, epsilon=0.2)
    agent.memory.q[0, 0] = [1.0, 3.0]
    while slots(agent)["a"] != 0:
        agent.memory.q[0, 0] = [1.0, 3.0]
        agent.update(1)
    assert agent.signals()["trace"]() == pytest.approx([0, 0, -1, 2.8, 1, -0.6, 0.5, 0.5, 0.7])


def test_without_exploration_it_is_q_learning() -> None:
    one, two = (agent_on(name, "CliffWalking-v1", epsilon=0.0) for name in ("expected_sarsa", "q_learning"))
    one.key = two.key
    run(one, 5000)
    run(two, 5000)
    assert trees_equal(one.state(), two.state()) == []


def test_online_return_beside_the_cliff_is_the_published_one() -> None:
    """The last 100 of 500 episodes, 60 seeds: −20.8 ± .3 (standard errors); SARSA's −27.8 is far away."""
    mean, error = mean_and_error(online_returns("expected_sarsa", range(60)))
    print(f"CliffWalking online return {mean:.1f} ± {error:.1f}")  # noqa: T201
    assert abs(mean + 20.8) < 4 * np.hypot(0.3, error)
    assert abs(mean + 27.8) > 4 * np.hypot(1.0, error)


def test_values_approach_those_of_the_best_policy_that_explores_so_much() -> None:
    to_the_best_soft_policy, to_the_best_policy = soft_errors("expected_sarsa", 0.4)
    assert to_the_best_soft_policy < 0.02
    assert to_the_best_policy > 0.05
