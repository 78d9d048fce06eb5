"""Rollouts, episode sums and the ring of visited observations."""

import numpy as np

from app.core.codecs import trees_equal
from app.core.contracts import Step
from app.parts.rollout import EpisodeCounter, Rollout, Visited


def step(rewards: list[float], terminated: list[bool], truncated: list[bool]) -> Step:
    observations = np.zeros((len(rewards), 1), np.float32)
    return Step(observations, np.array(rewards), np.array(terminated), np.array(truncated), observations)


def test_every_episode_is_counted_once() -> None:
    counter = EpisodeCounter(2)
    counter.add(step([1.0, 2.0], [False, False], [False, False]), 2)
    counter.add(step([1.0, 2.0], [True, False], [False, False]), 4)
    counter.add(step([1.0, 2.0], [False, False], [False, True]), 6)
    episodes = counter.take()
    assert episodes.ends.tolist() == [4, 6]
    assert episodes.returns.tolist() == [2.0, 6.0]
    assert episodes.lengths.tolist() == [2, 3]
    assert episodes.terminated.tolist() == [True, False]
    assert len(counter.take()) == 0
    assert counter.returns.tolist() == [1.0, 0.0]


def test_a_partial_rollout_returns_after_load() -> None:
    one, other = Rollout(3, 2, 1), Rollout(3, 2, 1)
    for number in (1.0, 2.0):
        one.observations[one.length] = number
        taken = step([number, number], [False, True], [False, False])
        one.add(np.array([0, 1]), taken, rewards=taken.rewards, final_values=0.5)
    other.load(one.state())
    assert not trees_equal(one.state(), other.state())
    assert other.length == 2
    assert not other.is_full


def test_visited_keeps_the_last_observations_oldest_first() -> None:
    visited = Visited(1, capacity=4)
    for number in range(3):
        visited.add(np.full((2, 1), number, np.float32))
    assert visited.recent()[:, 0].tolist() == [1, 1, 2, 2]
    visited.add(np.array([[7], [8], [9]], np.float32))
    assert visited.recent()[:, 0].tolist() == [2, 7, 8, 9]
    copy = Visited(1, capacity=4)
    copy.load(visited.state())
    assert not trees_equal(visited.state(), copy.state())
