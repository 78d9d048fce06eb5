"""The replay buffer: what a transition holds, the ring, and sampling."""

import numpy as np

from app.core.codecs import trees_equal
from app.core.contracts import Step
from app.core.jit import plain
from app.core.randomness import Stream
from app.parts.replay import Replay, follow


def step(reached: list[float], now: list[float], terminated: list[bool], truncated: list[bool]) -> Step:
    rows = [np.array(numbers, np.float32)[:, None] for numbers in (now, reached)]
    return Step(rows[0], np.array(reached, np.float64), np.array(terminated), np.array(truncated), rows[1])


def filled(count: int, capacity: int = 8) -> Replay:
    replay = Replay(capacity, 1)
    for number in range(count):
        replay.add(
            np.array([[number]], np.float32), np.array([number % 2]), step([number + 1], [number + 1], [False], [False])
        )
    return replay


def test_a_transition_never_crosses_a_reset() -> None:
    replay = Replay(8, 1)
    replay.add(
        np.array([[3.0], [5.0]]), np.array([0, 1]), step([4.0, 6.0], [100.0, 200.0], [True, False], [False, True])
    )
    assert replay.next_observations[:2, 0].tolist() == [4.0, 6.0]


def test_truncation_is_not_stored_as_an_end() -> None:
    replay = Replay(8, 1)
    replay.add(np.zeros((2, 1)), np.zeros(2, int), step([1, 1], [0, 0], [True, False], [False, True]))
    assert replay.terminated[:2].tolist() == [1.0, 0.0]


def test_the_ring_overwrites_the_oldest() -> None:
    replay = filled(11)
    assert replay.size == 8
    assert sorted(replay.observations[:, 0].tolist()) == list(range(3, 11))
    assert replay.recent(3)[:, 0].tolist() == [8, 9, 10]
    assert replay.mean_age == 3.5


def test_a_step_of_several_environments_wraps_around() -> None:
    replay = filled(7)
    replay.add(np.array([[50.0], [51.0]]), np.zeros(2, int), step([0, 0], [0, 0], [False, False], [False, False]))
    assert replay.recent(2)[:, 0].tolist() == [50.0, 51.0]
    assert replay.observations[0, 0] == 51.0


def test_sampling_is_uniform_over_what_is_held() -> None:
    batch = filled(5).sample(20_000, Stream(0, "minibatches"))
    shares = np.bincount(batch.observations[:, 0].astype(int), minlength=5) / 20_000
    np.testing.assert_allclose(shares, 0.2, atol=0.015)
    np.testing.assert_array_equal(batch.next_observations, batch.observations + 1)
    np.testing.assert_array_equal(batch.actions, batch.observations[:, 0] % 2)


def test_state_returns_after_load_whether_full_or_not() -> None:
    for count in (0, 5, 11):
        one, other = filled(count), Replay(8, 1)
        other.load(one.state())
        assert not trees_equal(one.state(), other.state())
        assert other.size == one.size


def lanes(capacity: int = 16) -> Replay:
    """Two environments, six steps each, rewards 1, 2, 4 … in the first and 10 times that in the second.

    The first lane's third step terminates, the second lane's fourth is truncated.
    """
    replay = Replay(capacity, 1, n_envs=2)
    for time in range(6):
        reward = 2.0**time
        made = Step(
            np.zeros((2, 1), np.float32), np.array([reward, 10 * reward]),
            np.array([time == 2, False]), np.array([False, time == 3]), np.zeros((2, 1), np.float32),
        )  # fmt: skip
        replay.add(np.full((2, 1), time, np.float32), np.zeros(2, int), made)
    return replay


def test_following_sums_discounted_rewards_of_the_same_environment() -> None:
    """From the first step, two on: 1 + .5 · 2 = 2; the other environment: 10 + .5 · 20 = 20."""
    outlook = lanes().follow(np.array([0, 1]), 2, 0.5)
    assert outlook.rewards.tolist() == [2.0, 20.0]
    assert outlook.discounts.tolist() == [0.25, 0.25]
    assert outlook.last.tolist() == [2, 3]
    assert outlook.is_whole.tolist() == [False, False]


def test_following_stops_at_either_end_of_an_episode() -> None:
    """Lane one terminates at its third step: 1 + 1 + 1; lane two is truncated at its fourth: 10 + 10 + 10 + 10."""
    outlook = lanes().follow(np.array([0, 1]), 100, 0.5)
    assert outlook.rewards.tolist() == [3.0, 40.0]
    assert outlook.discounts.tolist() == [0.125, 0.0625]
    assert outlook.last.tolist() == [4, 7]
    assert outlook.is_whole.tolist() == [True, True]


def test_following_stops_at_the_newest_transition() -> None:
    """Lane one's fifth and sixth step: 16 + .5 · 32, and nothing is known beyond."""
    outlook = lanes().follow(np.array([8]), 5, 0.5)
    assert (outlook.rewards[0], outlook.discounts[0], outlook.last[0]) == (32.0, 0.25, 10)
    assert not outlook.is_whole[0]


def test_following_goes_around_the_ring_and_never_into_what_was_overwritten() -> None:
    replay = lanes(capacity=5)
    assert replay.follow(np.array([8 % 5]), 5, 0.5).rewards.tolist() == [32.0]
    assert replay.follow(np.array([10 % 5]), 5, 0.5).rewards.tolist() == [32.0]
    assert replay.follow(np.array([9 % 5]), 1, 0.5).rewards.tolist() == [160.0]
    assert replay.follow(np.array([7 % 5]), 9, 0.5).last.tolist() == [7 % 5]


def test_compiled_following_equals_its_plain_twin() -> None:
    replay = lanes(capacity=7)
    shared = (replay.rewards, replay.terminated, replay.truncated, replay.added, 2, 3, 0.9)
    results = []
    for function in (follow, plain(follow)):
        arrays = (np.zeros(7), np.zeros(7), np.zeros(7, np.int64), np.zeros(7, np.bool_))
        function(np.arange(7), *shared, *arrays)
        results.append(arrays)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_newest_rows_come_oldest_first() -> None:
    replay = filled(11)
    assert replay.take(replay.newest(3)).observations[:, 0].tolist() == [8, 9, 10]
    assert len(filled(2).newest(5)) == 2


def test_actions_may_be_several_numbers() -> None:
    replay = Replay(4, 1, action_shape=(2,), dtype=np.float32)
    replay.add(np.zeros((1, 1)), np.array([[0.5, -1.0]]), step([0.0], [0.0], [False], [False]))
    assert replay.take(np.array([0])).actions.tolist() == [[0.5, -1.0]]
