"""Replays are kept whole, by number, and bounded."""

from typing import Any

import numpy as np
import pytest

from app.store import episodes
from app.store.database import Store

ARRAYS = {"states": np.ones((3, 4), np.float32), "actions": np.ones(2, np.int32), "rewards": np.ones(2, np.float32)}


def put(store: Store, run: int, number: int, total: float = 2.0, **facts: Any) -> bool:
    header = {"number": number, "step": 10 * number, "kind": "evaluation", "return": total, "length": 2,
              "terminated": True, "truncated": False, "evaluation": number, "place": "median", "lane": 0, **facts}  # fmt: skip
    return store.writer.do(lambda connection: episodes.put(connection, run, header, ARRAYS))


def test_an_episode_comes_back_whole(store: Store, run: int) -> None:
    put(store, run, 3)
    with store.read() as connection:
        found = episodes.get(connection, run, 3)
        assert episodes.get(connection, run, 4) is None
    assert found is not None
    facts, arrays = found
    assert (facts["return"], facts["terminated"], facts["step"]) == (2.0, True, 30)
    assert {name: array.shape for name, array in arrays.items()} == {"states": (3, 4), "actions": (2,), "rewards": (2,)}


def test_the_same_number_again_takes_the_place(store: Store, run: int) -> None:
    put(store, run, 1, total=1.0)
    put(store, run, 1, total=9.0)
    with store.read() as connection:
        assert [episode["return"] for episode in episodes.list_(connection, run)] == [9.0]


def test_episodes_are_bounded(store: Store, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "EPISODES_PER_RUN", 5)
    for number in range(20):
        put(store, run, number)
    with store.read() as connection:
        numbers = [episode["number"] for episode in episodes.list_(connection, run)]
    assert len(numbers) <= 5
    assert (numbers[0], numbers[-1]) == (0, 19)


def test_the_three_of_an_evaluation_are_kept_or_dropped_together(
    store: Store, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(episodes, "EPISODES_PER_RUN", 8)
    for number in range(30):
        place = ("median", "best", "worst")[number % 3]
        put(store, run, number, evaluation=number // 3, place=place, lane=number % 3)
    with store.read() as connection:
        kept = episodes.list_(connection, run)
    evaluations = [episode["evaluation"] for episode in kept]
    assert {(episode["place"], episode["lane"]) for episode in kept} == {("median", 0), ("best", 1), ("worst", 2)}
    assert all(evaluations.count(one) == 3 for one in evaluations)
    assert (evaluations[0], evaluations[-1]) == (0, 9)


def test_an_evaluation_that_is_made_again_replaces_the_only_replay_an_older_version_kept(
    store: Store, run: int
) -> None:
    put(store, run, 4, evaluation=4, place="")
    put(store, run, 12, evaluation=4, place="median")
    with store.read() as connection:
        assert [episode["number"] for episode in episodes.list_(connection, run)] == [12]


def test_a_huge_episode_is_left_out(store: Store, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "EPISODE_BYTES", 4)
    assert not put(store, run, 1)


def test_a_cut_removes_later_episodes(store: Store, run: int) -> None:
    put(store, run, 1)
    put(store, run, 2)
    store.writer.do(lambda connection: episodes.truncate(connection, run, after_step=10))
    with store.read() as connection:
        assert [episode["number"] for episode in episodes.list_(connection, run)] == [1]
