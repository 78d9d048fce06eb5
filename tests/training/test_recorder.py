"""Points of series: numbered, thinned, restored; nothing that is not finite passes."""

import numpy as np
import pytest

from app.core.errors import TrainingDiverged
from app.core.report import Episodes
from app.training.recorder import Recorder


def episodes(count: int, first: int = 0) -> Episodes:
    numbers = np.arange(first, first + count)
    return Episodes((numbers + 1) * 5, numbers.astype(np.float64), np.full(count, 5), numbers % 4 == 0)


def values_of(recorder: Recorder, name: str) -> list[float]:
    taken = recorder.take()
    assert taken
    header, arrays = taken
    offset = 0
    for item in header["series"]:
        if item["name"] == name:
            return list(arrays["values"][offset : offset + item["count"]])
        offset += item["count"]
    return []


def test_each_episode_is_a_point_at_the_step_it_ended() -> None:
    recorder = Recorder()
    recorder.add_episodes(episodes(3))
    taken = recorder.take()
    assert taken
    header, arrays = taken
    assert [(item["name"], item["first_seq"], item["count"]) for item in header["series"]] == [
        ("rollout/episode_return", 0, 3),
        ("rollout/episode_length", 0, 3),
    ]
    assert arrays["steps"].tolist() == [5, 10, 15, 5, 10, 15]
    assert arrays["values"].tolist() == [0, 1, 2, 5, 5, 5]
    assert recorder.take() is None


def test_numbers_go_on_where_they_stopped() -> None:
    recorder = Recorder()
    for start in (0, 2):
        recorder.add_episodes(episodes(2, start))
        taken = recorder.take()
        assert taken
        assert taken[0]["series"][0]["first_seq"] == start


@pytest.mark.parametrize("cuts", [[250], [1] * 250, [100, 100, 50], [99, 151]])
def test_means_are_over_the_last_hundred_episodes_however_they_came(cuts: list[int]) -> None:
    recorder, start = Recorder(), 0
    for cut in cuts:
        recorder.add_episodes(episodes(cut, start))
        start += cut
    recorder.add_record(1_250, {})
    assert recorder.latest["rollout/ep_rew_mean"] == np.arange(150, 250).mean()
    assert recorder.latest["rollout/ep_len_mean"] == 5
    assert recorder.latest["rollout/terminated_share"] == 0.25
    assert recorder.latest["rollout/episodes"] == 250
    assert recorder.latest["time/total_timesteps"] == 1_250


def test_without_episodes_nothing_is_said_about_them() -> None:
    recorder = Recorder()
    recorder.add_record(10, {"train/loss": 1.0})
    assert set(recorder.latest) == {"time/total_timesteps", "train/loss"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_divergence(value: float) -> None:
    with pytest.raises(TrainingDiverged, match=r"train/loss became .* at step 8"):
        Recorder().add_update(8, {"train/loss": value})
    with pytest.raises(TrainingDiverged, match="train/loss"):
        Recorder().add_record(8, {"train/loss": value})
    ended = Episodes(np.array([3, 6]), np.array([1.0, value]), np.array([3, 3]), np.array([True, True]))
    with pytest.raises(TrainingDiverged, match=r"rollout/episode_return became .* at step 6"):
        Recorder().add_episodes(ended)


def test_a_restored_recorder_repeats_what_the_first_would_have_recorded() -> None:
    first, second = Recorder(), Recorder()
    first.add_episodes(episodes(130))
    first.add_update(4, {"train/loss": 2.0})
    first.take()
    second.load(first.state())
    for recorder in (first, second):
        recorder.add_episodes(episodes(40, 130))
        recorder.add_update(8, {"train/loss": 3.0})
        recorder.add_record(850, {})
    one, other = first.take(), second.take()
    assert one
    assert other
    assert one[0] == other[0]
    for name in one[1]:
        assert one[1][name].tobytes() == other[1][name].tobytes()


def test_a_fork_numbers_its_series_from_zero() -> None:
    first, fork = Recorder(), Recorder()
    first.add_episodes(episodes(10))
    first.take()
    fork.load(first.state(), numbered=False)
    fork.add_episodes(episodes(1, 10))
    taken = fork.take()
    assert taken
    assert taken[0]["series"][0]["first_seq"] == 0
