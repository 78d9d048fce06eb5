"""Whole episodes: what is kept and thrown away, rounds, groups that start alike, a record that survives any cut."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.codecs import trees_equal
from app.core.config import Hyper
from app.core.contracts import Problem, Step
from app.core.errors import InvalidInput
from app.core.report import Episodes
from app.parts.policy_learner import NetworkChoices
from app.parts.whole_episodes import EpisodeLearner, EpisodeRecord, check_episodes
from tests.algorithms.walk import Push, Walk


class SomeConfig(NetworkChoices):
    n_envs: int = Hyper(3, low=1, high=64, help="")
    n_episodes: int = Hyper(6, low=1, high=1000, help="")
    gamma: float = Hyper(0.9, low=0, high=1, help="")


class Grouped(EpisodeLearner):
    @property
    def group_size(self) -> int:
        return 3


def learner(world: type[Walk] = Walk, kind: type[EpisodeLearner] = EpisodeLearner, **changes: Any) -> EpisodeLearner:
    return kind(SomeConfig.parse({"net_arch": "8,8", **changes}), Problem(world(), 0, 1000))


@pytest.mark.parametrize("world", [Walk, Push])
@pytest.mark.parametrize("normalize", [False, True])
def test_a_record_cut_anywhere_goes_on_bit_for_bit(world: type[Walk], normalize: bool) -> None:
    one, other = learner(world, normalize=normalize), learner(world, normalize=normalize)
    other.load(one.state())
    assert not one.collect(until=12)
    other.load(one.state())
    assert one.collect(until=1000)
    assert other.collect(until=1000)
    assert not trees_equal(one.state(), other.state())


def test_an_update_has_whole_episodes_one_an_environment_and_round() -> None:
    built = learner()
    assert built.collect(until=1000)
    record = built.record
    counts, ends = record.column("counts"), record.column("terminated") | record.column("truncated")
    assert ends.sum(axis=0).tolist() == [2, 2, 2]
    for lane in range(3):
        kept = ends[:, lane][counts[:, lane]]
        assert kept[-1]
        assert kept.sum() == 2
    assert len(built.episodes.take()) == 6
    assert not ends[~counts].any()
    assert record.column("earned")[~counts].sum() == 0
    assert (~counts).any(), "the round in which all end at once would show nothing"


def test_the_episodes_of_a_round_are_told_together_in_the_order_of_their_environments() -> None:
    """One policy played them: told as they end, short ones first, every round would rise."""
    whole, cut = learner(n_episodes=12), learner(n_episodes=12)
    assert whole.collect(until=1000)
    told, parts = whole.episodes.take(), list[Episodes]()
    while cut.record.complete < 4:
        cut.collect(until=cut.env_steps + 3)
        parts.append(cut.episodes.take())
        resumed = learner(n_episodes=12)
        resumed.load(cut.state())
        cut = resumed
    assert not trees_equal(vars(told), vars(Episodes.join(parts)))
    assert [len(part) for part in parts if len(part)] == [3, 3, 3, 3]
    ends = told.ends.reshape(4, 3)
    assert (ends == ends[:, :1]).all()
    assert (np.diff(ends[:, 0]) == 3 * told.lengths.reshape(4, 3).max(axis=1)[1:]).all()
    assert any((np.diff(lengths) < 0).any() for lengths in told.lengths.reshape(4, 3)), "short ones do not come first"
    steps = {name: whole.record.column(name) for name in ("earned", "counts", "terminated", "truncated")}
    np.testing.assert_allclose(told.returns.reshape(4, 3).sum(axis=0), steps["earned"].sum(axis=0))
    assert told.lengths.reshape(4, 3).sum(axis=0).tolist() == steps["counts"].sum(axis=0).tolist()
    assert told.terminated.sum() == steps["terminated"].sum()


def test_with_one_environment_no_step_is_thrown_away() -> None:
    built = learner(n_envs=1)
    assert built.collect(until=1000)
    assert built.record.column("counts").all()
    assert len(built.episodes.take()) == 6


def test_a_round_begins_with_its_own_episodes() -> None:
    """The walkers start by lane and episode number; those that had ended and played on are put back."""
    built = learner()
    assert built.collect(until=1000)
    counts, rows = built.record.column("counts"), built.record.column("observations")
    begins = [0, 1 + int(np.flatnonzero(~built.record.column("counts").all(axis=1) | counts.all(axis=1))[0])]
    np.testing.assert_allclose(rows[begins[0], :, 0] * 3, [-1, 0, 1])
    second = next(t for t in range(1, len(rows)) if counts[t].all() and (rows[t, :, 1] == 0).all())
    np.testing.assert_allclose(rows[second, :, 0] * 3, [0, 1, -1])


def test_a_group_starts_alike() -> None:
    built = learner(kind=Grouped, n_envs=6, n_episodes=6)
    built.collect_step()
    np.testing.assert_allclose(built.record.column("observations")[0, :, 0] * 3, [-1, -1, -1, 0, 0, 0])


def test_the_value_of_a_state_is_asked_for_only_where_a_step_truncates() -> None:
    built = learner()
    assert built.collect(until=1000)
    cut, finals = built.record.column("truncated"), built.record.column("final_values")
    assert cut.any()
    assert (finals[cut] != 0).all()


def test_an_ended_episode_is_closed_until_the_next_round() -> None:
    record, true, false = EpisodeRecord(2), np.array([True, True]), np.array([False, False])
    record.begin()
    rows = {
        "observations": np.zeros((2, 1)),
        "actions": np.zeros(2),
        "rewards": np.ones(2),
        "final_values": np.zeros(2),
    }
    one_ends = Step(np.zeros((2, 1)), np.ones(2), np.array([True, False]), false, np.zeros((2, 1)))
    both_end = Step(np.zeros((2, 1)), np.ones(2), true, false, np.zeros((2, 1)))
    assert record.add(one_ends, **rows).rewards.tolist() == [1.0, 1.0]
    assert (record.open.tolist(), record.complete) == ([False, True], 0)
    counted = record.add(both_end, **rows)
    assert (counted.rewards.tolist(), counted.terminated.tolist()) == ([0.0, 1.0], [False, True])
    assert record.complete == 1
    assert record.column("counts").tolist() == [[True, True], [False, True]]
    record.clear()
    assert (record.complete, record.begun) == (0, 1)


def test_more_episodes_than_can_be_kept_are_refused_with_the_way_out() -> None:
    spec = catalog.environment("Taxi-v4")
    world = spec.make(spec.config())
    check_episodes(SomeConfig.parse({}), world)
    with pytest.raises(
        InvalidInput, match=r"config\.n_episodes.*more than 100\u202f000\u202f000.*at most 1\u202f000 episodes"
    ):
        check_episodes(
            SomeConfig.parse({"n_envs": 64, "n_episodes": 640}).edited({"n_episodes": 1000, "n_envs": 63}), world
        )


class Pictures(Walk):
    observation_size = 27_648
    max_episode_steps = 100


class Films(Pictures):
    max_episode_steps = 10_000


def refusal(algorithm: str, world: Walk, **config: Any) -> str:
    spec = catalog.algorithm(algorithm)
    with pytest.raises(InvalidInput) as refused:
        spec.check(spec.config.parse(config), world)
    return str(refused.value)


def test_the_refusal_names_the_settings_of_the_agent_and_its_way_out_fits() -> None:
    """100,000,000 / (100 · 27,648) = 36.2 episodes."""
    grpo, reinforce = catalog.algorithm("grpo"), catalog.algorithm("reinforce")
    told = refusal("grpo", Pictures(), n_groups=5)
    assert told.startswith("config.n_groups=5: 40 episodes of up to 100 steps may be 110\u202f592\u202f000 numbers")
    assert told.endswith("Use at most 4, or lower group_size.")
    grpo.check(grpo.config.parse({"n_groups": 4}), Pictures())
    told = refusal("grpo", Pictures(), group_size=64)
    assert told.startswith("config.group_size=64: ")
    assert told.endswith("Use at most 36, and 1 for n_groups.")
    grpo.check(grpo.config.parse({"group_size": 36, "n_groups": 1}), Pictures())
    told = refusal("reinforce", Pictures(), n_envs=8, n_episodes=40)
    assert told.startswith("config.n_episodes=40: 40 episodes of up to 100 steps")
    assert told.endswith("Ask for at most 36 episodes an update, a multiple of n_envs.")
    reinforce.check(reinforce.config.parse({"n_envs": 8, "n_episodes": 32}), Pictures())
    told = refusal("reinforce", Pictures(), n_envs=64, n_episodes=64)
    assert told.endswith("Ask for at most 36 episodes an update, and as many n_envs or fewer.")
    reinforce.check(reinforce.config.parse({"n_envs": 36, "n_episodes": 36}), Pictures())


@pytest.mark.parametrize("algorithm", ["grpo", "reinforce"])
def test_where_not_one_episode_fits_the_observations_are_too_large(algorithm: str) -> None:
    told = refusal(algorithm, Films())
    assert "observations are too large for this algorithm" in told
    assert "at most 0" not in told
