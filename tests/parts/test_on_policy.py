"""What on-policy agents share: rollouts of both kinds of action, estimates with both ends, a complete state.

Covers app/parts/on_policy.py and app/parts/policy_learner.py.
"""

from typing import Any

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.core.config import Hyper
from app.core.contracts import Problem, Tree
from app.core.randomness import Stream
from app.parts.on_policy import RolloutLearner
from app.parts.policy_learner import NetworkChoices, standardised
from tests.algorithms.walk import Push, Walk


class SomeConfig(NetworkChoices):
    n_envs: int = Hyper(2, low=1, high=8, help="")
    n_steps: int = Hyper(16, low=1, high=99, help="")
    gamma: float = Hyper(0.9, low=0, high=1, help="")
    gae_lambda: float = Hyper(1.0, low=0, high=1, help="")


def learner(world: type[Walk] = Walk, seed: int = 0, **changes: Any) -> RolloutLearner:
    config = SomeConfig.parse({"net_arch": "8,8", **changes})
    return RolloutLearner(config, Problem(world(), seed, 1000))


@pytest.mark.parametrize("world", [Walk, Push])
def test_a_rollout_cut_anywhere_goes_on_bit_for_bit(world: type[Walk]) -> None:
    one, other = learner(world, normalize=True), learner(world, normalize=True)
    assert not one.collect(until=14)
    tree: Tree = one.state()
    other.load(tree)
    assert one.collect(until=1000)
    assert other.collect(until=1000)
    assert not trees_equal(one.state(), other.state())


def test_a_restored_policy_knows_where_its_last_update_began(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = learner(), learner()
    one.collect(until=1000)
    one.networks.weights[:] += 0.5
    other.load(one.state())
    before, now = other.last_step()
    np.testing.assert_array_equal([before, now], one.last_step())
    assert not np.array_equal(before, now)
    np.testing.assert_array_equal(other.pictured(), one.pictured())
    monkeypatch.setattr("app.parts.noted.SAVED", 10)
    other.load(one.state())
    assert len(other.last_step()) == 0, "one of many parameters is not kept: a state stays small"
    tree = {name: value for name, value in one.state().items() if name != "noted"}
    other.load(tree)
    assert len(other.last_step()) == 0, "as in a state that was saved before pictures were"


@pytest.mark.parametrize(("world", "shape"), [(Walk, (32,)), (Push, (32, 1))])
def test_samples_hold_the_actions_as_drawn(world: type[Walk], shape: tuple[int, ...]) -> None:
    built = learner(world)
    built.collect(until=1000)
    samples = built.estimate()[0]
    assert samples.actions.shape == shape
    assert samples.old_log_probs.shape == (32,)
    if world is Push:
        assert np.abs(samples.actions).max() > 0.5


def test_with_lambda_one_the_target_of_an_ended_episode_is_its_discounted_return() -> None:
    built = learner()
    built.collect(until=1000)
    rollout, targets = built.rollout, built.estimate()[0].returns.reshape(16, 2)
    start = 0
    for t in range(16):
        if rollout.terminated[t, 0] or rollout.truncated[t, 0]:
            rewards = rollout.rewards[start : t + 1, 0]
            powers = 0.9 ** np.arange(len(rewards))
            after = rollout.truncated[t, 0] * rollout.final_values[t, 0] * 0.9 ** len(rewards)
            assert targets[start, 0] == pytest.approx(rewards @ powers + after, rel=1e-5)
            start = t + 1
    assert start > 0


@pytest.mark.parametrize(("world", "signal"), [(Walk, "policy_at"), (Push, "action_at")])
def test_acting_and_signals(world: type[Walk], signal: str) -> None:
    built, observations = learner(world), np.zeros((4, 2), np.float32)
    assert built.signals()[signal](observations).shape == (4, built.head.outputs)
    greedy = built.act(observations, greedy=True)
    assert len(np.unique(greedy, axis=0)) == 1
    drawn = built.act(np.zeros((500, 2), np.float32), greedy=False, random=Stream(0, "evaluation"))
    assert len(np.unique(drawn, axis=0)) > 1


def test_the_free_parameters_are_one_stretch_with_the_policys() -> None:
    built = learner(Push)
    stretch = built.networks.stretch(0)
    assert len(stretch.weights) == 1 + built.policy.shape.count()
    assert sum(leaf.numel() for leaf in built.networks.leaves(0)) == len(stretch.weights)
    assert len(built.networks.stretch(1).weights) == built.critic.shape.count()
    stretch.weights[0] = 0.25
    assert built.free.tolist() == [0.25]
    assert built.networks.free.tolist() == [0.25]


def test_standardised_advantages_have_mean_0_and_deviation_1_and_a_single_one_stays() -> None:
    assert standardised(np.array([1.0, 3.0])) == pytest.approx([-(0.5**0.5), 0.5**0.5])
    assert standardised(np.array([7.0])).tolist() == [7.0]
    assert standardised(np.zeros(0)).tolist() == []
