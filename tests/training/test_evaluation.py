"""Evaluation: greedy, on episodes of its own, each counted once, whatever happened before."""

from typing import Any

import numpy as np
import pytest

from app.core.contracts import Problem, Step
from app.training import evaluation
from app.training.evaluation import evaluate, states_of
from tests.training.fakes import CounterConfig, CountingAgent, CountingBatch, CountingWorld


class EndlessBatch(CountingBatch):
    def step(self, actions: np.ndarray) -> Step:
        self.time += 1
        here = self.time[:, None].astype(np.float32)
        never = np.zeros(self.n_envs, np.bool_)
        return Step(here, np.ones(self.n_envs), never, never, here)


class EndlessWorld(CountingWorld):
    max_episode_steps = 1_500

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> EndlessBatch:
        return EndlessBatch(n_envs, seed, stream)


def outcome(world: Any, number: int = 1, episodes: int = 10) -> Any:
    agent: Any = CountingAgent(CounterConfig(), Problem(world, 3, 100))
    return evaluate(agent, world, seed=3, number=number, episodes=episodes, features=True)


def test_each_environment_gives_its_first_episode() -> None:
    result = outcome(CountingWorld())
    assert result.lengths.tolist() == [5] * 10
    assert result.terminated.all()
    assert ((result.returns > 0) & (result.returns < 5)).all()
    scalars = result.scalars(success=2.5)
    assert scalars["eval/mean_reward"] == result.returns.mean()
    assert scalars["eval/std_reward"] == result.returns.std()
    assert scalars["eval/success_rate"] == (result.returns >= 2.5).mean()
    assert "eval/success_rate" not in result.scalars(success=None)


def test_an_evaluation_depends_on_its_number_alone() -> None:
    first, again, other = outcome(CountingWorld()), outcome(CountingWorld()), outcome(CountingWorld(), number=2)
    assert first.returns.tobytes() == again.returns.tobytes()
    assert first.returns.tobytes() != other.returns.tobytes()


def test_the_replays_show_the_state_before_the_reset_last() -> None:
    for replay in outcome(CountingWorld()).replays:
        assert replay.states[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
        assert replay.actions.tolist() == [0] * 5
        assert replay.rewards.sum() == pytest.approx(replay.total, abs=1e-6)
        assert (replay.length, replay.terminated, replay.truncated) == (5, True, False)


def test_the_best_the_median_and_the_worst_episode_are_kept_with_the_lane_they_were_played_in() -> None:
    result = outcome(CountingWorld())
    kept = {replay.place: replay for replay in result.replays}
    returns = np.sort(result.returns)
    assert list(kept) == ["median", "best", "worst"]
    assert [kept[place].total for place in ("worst", "median", "best")] == [returns[0], returns[4], returns[9]]
    assert all(result.returns[replay.lane] == replay.total for replay in result.replays)


def test_of_one_episode_or_of_episodes_that_go_the_same_way_one_replay_is_kept() -> None:
    assert [replay.place for replay in outcome(CountingWorld(), episodes=1).replays] == ["median"]
    assert [replay.place for replay in outcome(EndlessWorld(), episodes=4).replays] == ["median"]


def test_of_large_batches_only_the_first_lanes_are_filmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "FILM_BYTES", 4 * 50 * 5)  # five lanes of fifty steps of one number
    result = outcome(CountingWorld())
    assert max(replay.lane for replay in result.replays) < 5
    assert max(replay.total for replay in result.replays) == result.returns[:5].max()


def test_a_policy_that_never_ends_is_cut_by_the_time_limit_and_its_replay_by_a_thousand_steps() -> None:
    result = outcome(EndlessWorld(), episodes=2)
    assert result.lengths.tolist() == [1_500, 1_500]
    assert not result.terminated.any()
    (replay,) = result.replays
    assert replay.states.shape == (1_001, 1)
    assert replay.length == 1_500
    assert replay.truncated


def test_what_is_drawn_is_a_state_number_or_the_physical_state() -> None:
    assert states_of(np.array([5]), is_discrete=True, size=1).tolist() == [[5]]
    assert states_of(np.eye(4)[[2, 0]], is_discrete=True, size=1).tolist() == [[2], [0]]
    assert states_of(np.array([[0.5, 2.0]]), is_discrete=False, size=2).tolist() == [[0.5, 2.0]]
