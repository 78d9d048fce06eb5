"""The frame of table learners: what it draws, how it acts, and how it enters a changed world."""

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.parts.batch import TabularEnvironment
from app.parts.tabular import Outcome, mdp_from_outcomes
from app.parts.tabular_agent import first_state
from tests.algorithms.tabular.tables import agent_in, run

KEY = (np.uint32(1), np.uint32(2))
LOOP: list[list[list[Outcome]]] = [[[(1.0, 1, -1.0, False)]], [[(1.0, 1, 5.0, True)]]]


def world(outcomes: list[list[list[Outcome]]], limit: int = 100) -> TabularEnvironment:
    return TabularEnvironment("changed", mdp_from_outcomes(outcomes, np.eye(len(outcomes))[0]), limit)


def test_episodes_start_where_the_start_distribution_says() -> None:
    starts = [first_state(np.array([0.25, 1.0]), episode, KEY) for episode in range(4000)]
    assert np.mean(starts) == pytest.approx(0.75, abs=0.03)


def test_behaviour_is_sampled_and_the_target_is_greedy() -> None:
    agent = agent_in("q_learning", [[[(1.0, 0, 0.0, False)]] * 4], 10, gamma=0.9, epsilon=0.5)
    agent.memory.q[0, 0] = [0.0, 3.0, 1.0, 2.0]
    states = np.zeros(40_000, np.int64)
    assert (agent.act(states, greedy=True, random=Stream(0, "test")) == 1).all()
    shares = np.bincount(agent.act(states, greedy=False, random=Stream(0, "test")), minlength=4) / len(states)
    assert shares == pytest.approx(agent.signals()["behaviour"]()[0], abs=0.01)


@pytest.mark.parametrize("name", ["reinforce_tabular", "actor_critic_tabular", "natural_gradient_tabular"])
def test_a_softmax_is_evaluated_by_its_likeliest_action(name: str) -> None:
    agent = agent_in(name, [[[(1.0, 0, 0.0, False)]] * 4], 10, gamma=0.9)
    agent.memory.theta[0, 0] = [0.0, 0.2, 0.1, 0.0]
    states = np.zeros(40_000, np.int64)
    assert (agent.act(states, greedy=True, random=Stream(0, "test")) == 1).all()
    shares = np.bincount(agent.act(states, greedy=False, random=Stream(0, "test")), minlength=4) / len(states)
    assert shares == pytest.approx(agent.signals()["policy"]()[0], abs=0.01)


@pytest.mark.parametrize("name", ["td0", "td_lambda", "n_step_td"])
def test_a_predictor_is_evaluated_by_the_policy_whose_values_it_learns(name: str) -> None:
    agent = agent_in(name, [[[(1.0, 0, 0.0, False)]] * 4], 10, gamma=0.9)
    states = np.zeros(40_000, np.int64)
    shares = np.bincount(agent.act(states, greedy=True, random=Stream(0, "test")), minlength=4) / len(states)
    assert shares == pytest.approx([0.25] * 4, abs=0.01)


def test_a_changed_world_counts_from_the_next_step() -> None:
    agent = agent_in("q_learning", LOOP, 100, gamma=0.9)
    run(agent, 10)
    agent.enter(world([[[(1.0, 1, -3.0, False)]], [[(1.0, 1, 5.0, True)]]]))
    assert run(agent, 10).returns.tolist() == [2.0] * 5
    assert agent.signals()["truth"]().tolist() == pytest.approx([1.5, 5.0])


def test_an_agent_whose_ground_is_gone_starts_its_next_episode() -> None:
    agent = agent_in("q_learning", LOOP, 100, gamma=0.9)
    run(agent, 1)
    assert agent.course.position[0].tolist() == [1, 1, 0, 1]
    agent.enter(world([[[(1.0, 0, 7.0, True)]], [[(1.0, 1, 5.0, True)]]]))
    assert agent.course.position[0].tolist() == [0, 0, 1, 1]
    assert run(agent, 1).returns.tolist() == [7.0]


def test_entering_the_same_world_changes_nothing() -> None:
    one, two = agent_in("q_learning", LOOP, 100, gamma=0.9), agent_in("q_learning", LOOP, 100, gamma=0.9)
    run(one, 5)
    run(two, 5)
    two.enter(world(LOOP))
    run(one, 5)
    run(two, 5)
    assert trees_equal(one.state(), two.state()) == []


def test_a_world_without_end_is_refused_at_no_discount() -> None:
    agent = agent_in("q_learning", LOOP, 100, gamma=1.0)
    with pytest.raises(InvalidInput, match="gamma"):
        agent.enter(world([[[(1.0, 0, -1.0, False)]], [[(1.0, 1, 5.0, True)]]]))
