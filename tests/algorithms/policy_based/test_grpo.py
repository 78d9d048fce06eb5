"""GRPO: relative advantages in closed form, groups without a signal, both ends, the slope, groups that start alike."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.policy_based.grpo import GRPOAgent, GRPOConfig, policy_loss, policy_slope, relative_advantages
from app.core.codecs import trees_equal
from app.core.contracts import Problem
from app.core.errors import TrainingDiverged
from tests.algorithms.policy_based.peers import shift
from tests.algorithms.walk import EDGE, LIMIT, Push, Walk

SMALL = {"net_arch": "8,8", "group_size": 4, "n_groups": 3, "batch_size": 16, "learning_rate": 0.01}
both = pytest.mark.parametrize("world", [Walk, Push])


def agent(world: type[Walk] = Walk, seed: int = 0, **changes: Any) -> GRPOAgent:
    return GRPOAgent(GRPOConfig.parse(SMALL | changes), Problem(world(), seed, 10_000))


def filled(world: type[Walk] = Walk, **changes: Any) -> GRPOAgent:
    built = agent(world, **changes)
    shift(built, 0.3)
    assert built.collect(10_000)
    return built


@pytest.mark.parametrize("successes", [1, 2, 3, 7])
def test_with_binary_rewards_the_advantages_are_known(successes: int) -> None:
    """With a share p of successes: √((1−p)/p) for a success, −√(p/(1−p)) for a failure."""
    returns, p = np.zeros((1, 8)), successes / 8
    returns[0, :successes] = 1.0
    advantages = relative_advantages(returns, is_scaled=True)[0]
    np.testing.assert_allclose(advantages[:successes], np.sqrt((1 - p) / p))
    np.testing.assert_allclose(advantages[successes:], -np.sqrt(p / (1 - p)))


def test_a_group_that_earned_the_same_teaches_nothing() -> None:
    """.1 + .2 sums to what is not exactly the mean of its copies, so exact equality has to be asked for."""
    returns = np.array([[0.1 + 0.2] * 3, [0.0, 1.0, 2.0]])
    for is_scaled in (True, False):
        advantages = relative_advantages(returns, is_scaled)
        assert advantages[0].tolist() == [0.0, 0.0, 0.0]
        assert advantages[1].any()


def test_without_scaling_large_differences_count_more() -> None:
    small_and_large = np.array([[0.0, 1.0], [0.0, 100.0]])
    assert relative_advantages(small_and_large, is_scaled=True).tolist() == [[-1.0, 1.0], [-1.0, 1.0]]
    assert relative_advantages(small_and_large, is_scaled=False).tolist() == [[-0.5, 0.5], [-50.0, 50.0]]


def test_at_ratio_one_the_loss_is_zero_and_its_gradient_is_not() -> None:
    advantages = np.array([1.0, -1.0, 0.5, -0.5])
    assert policy_loss(np.ones(4), advantages, 0.2) == 0.0
    np.testing.assert_allclose(policy_slope(np.ones(4), advantages, 0.2), -advantages / 4)


def test_the_slope_is_the_derivative_of_the_loss() -> None:
    random = np.random.default_rng(0)
    log_ratio, advantages = random.normal(size=20) * 0.4, random.normal(size=20)
    slope = policy_slope(np.exp(log_ratio), advantages, 0.2)
    for i in range(20):
        step = 1e-6 * np.eye(20)[i]
        up, down = (policy_loss(np.exp(log_ratio + sign * step), advantages, 0.2) for sign in (1, -1))
        assert (up - down) / 2e-6 == pytest.approx(slope[i], abs=1e-8)


@both
def test_every_step_has_the_advantage_of_its_episode_and_both_ends_count_what_was_earned(world: type[Walk]) -> None:
    """A truncated episode is judged by what it earned: nothing is added for what would have come."""
    built = filled(world)
    record = built.record
    assert record.column("terminated").any()
    assert record.column("truncated").any()
    counts, rewards = record.column("counts"), record.column("rewards")
    by_hand = [sum(rewards[t, lane] for t in range(len(counts)) if counts[t, lane]) for lane in range(12)]
    np.testing.assert_allclose(built.group_returns().ravel(), by_hand)
    assert not record.column("final_values").any()
    advantages = relative_advantages(built.group_returns(), is_scaled=True)
    samples = built.samples(advantages)
    lanes = np.broadcast_to(np.arange(12), counts.shape)[counts]
    np.testing.assert_allclose(samples.advantages, advantages.ravel()[lanes], rtol=1e-6)


def test_the_episodes_of_a_group_start_alike() -> None:
    built = agent()
    built.collect_step()
    first = built.record.column("observations")[0].reshape(3, 4, 2)
    assert (first == first[:, :1]).all()
    assert len({float(x) for x in first[:, 0, 0]}) == 3


def test_where_all_earn_the_same_the_policy_stays() -> None:
    built = filled()
    for column in built.record._columns["earned"]:
        column[:] = 0.0
    before = built.networks.weights.copy()
    numbers = built.learn()
    assert (numbers["train/frac_reward_zero_std"], numbers["train/reward_std"]) == (1.0, 0.0)
    np.testing.assert_array_equal(built.networks.weights, before)


def test_there_is_no_critic() -> None:
    built = agent()
    assert "v_at" not in built.signals()
    assert len(built.networks.mlps) == 1


@both
def test_neither_cutting_nor_resuming_changes_a_run(world: type[Walk]) -> None:
    whole, cut, resumed = (agent(world, normalize=True) for _ in range(3))
    while whole.env_steps < 480:
        whole.update(480 - whole.env_steps)
    while cut.env_steps < 252:
        cut.update(24)
    resumed.load(cut.state())
    while resumed.env_steps < 480:
        resumed.update(min(36, 480 - resumed.env_steps))
    assert not trees_equal(whole.state(), resumed.state())


def best_return(position: int, left: int = LIMIT) -> float:
    """The most that the steps left can earn, by trying everything: a step back may pay, as it puts off the end."""
    if left == 0 or abs(position) >= EDGE:
        return 0.0
    return max(1.0 + best_return(position + 1, left - 1), -0.5 + best_return(position - 1, left - 1))


@pytest.mark.parametrize("scale_rewards", [True, False])
def test_it_learns_to_earn_nearly_all_there_is(scale_rewards: bool) -> None:
    built, returns = agent(scale_rewards=scale_rewards), list[float]()
    while built.env_steps < 10_000:
        returns += built.update(1000).episodes.returns.tolist()
    optimum = np.mean([best_return(start) for start in (-1, 0, 1)])
    assert optimum == pytest.approx((4 + 3.5 + 2.5) / 3)
    assert np.mean(returns[:60]) < 0.8 * optimum
    assert np.mean(returns[-200:]) > 0.93 * optimum


def test_a_number_that_is_not_finite_stops_the_run_before_it_harms_the_weights() -> None:
    built = filled()
    built.record._columns["earned"][0][:] = np.nan
    before = built.networks.weights.tobytes()
    with pytest.raises(TrainingDiverged, match=r"train/loss became (nan|inf)"):
        built.learn()
    assert built.networks.weights.tobytes() == before
