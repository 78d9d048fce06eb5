"""The replay buffer: what a transition holds, the ring, and sampling."""

import numpy as np

from app.core.codecs import trees_equal
from app.core.contracts import Step
from app.core.randomness import Stream
from app.parts.replay import Replay


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
