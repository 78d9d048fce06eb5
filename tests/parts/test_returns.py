"""Returns and advantages against their definitions, analytic values, and Stable-Baselines3."""

import numpy as np
import pytest

from app.core.jit import plain
from app.parts import returns

GAMMA = 0.9


def column(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float64)[:, None]


def random_rollout(steps: int = 40, envs: int = 3) -> dict[str, np.ndarray]:
    draws = np.random.default_rng(1)
    terminated = draws.random((steps, envs)) < 0.1
    return {
        "rewards": draws.normal(size=(steps, envs)),
        "values": draws.normal(size=(steps + 1, envs)),
        "final_values": draws.normal(size=(steps, envs)),
        "terminated": terminated,
        "truncated": (draws.random((steps, envs)) < 0.1) & ~terminated,
    }


def following_and_ended(rollout: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    following = returns.next_values(
        rollout["values"], rollout["final_values"], rollout["terminated"], rollout["truncated"]
    )
    return following, rollout["terminated"] | rollout["truncated"]


def test_lambda_zero_is_the_one_step_error() -> None:
    rollout = random_rollout()
    following, ended = following_and_ended(rollout)
    advantages = returns.gae(rollout["rewards"], rollout["values"], following, ended=ended, gamma=GAMMA, lambda_=0.0)
    np.testing.assert_allclose(advantages, rollout["rewards"] + GAMMA * following - rollout["values"][:-1], atol=1e-12)


def test_lambda_one_is_the_discounted_return_minus_the_value() -> None:
    rollout = random_rollout()
    following, ended = following_and_ended(rollout)
    advantages = returns.gae(rollout["rewards"], rollout["values"], following, ended=ended, gamma=GAMMA, lambda_=1.0)
    totals = returns.discounted_returns(rollout["rewards"], following, ended=ended, gamma=GAMMA)
    np.testing.assert_allclose(advantages, totals - rollout["values"][:-1], atol=1e-12)


def test_discounted_returns_obey_the_recursion() -> None:
    """G_2 = 4, G_1 = 2 + .9 · 4 = 5.6, G_0 = 1 + .9 · 5.6 = 6.04 for an episode that terminates."""
    ended = np.array([[False], [False], [True]])
    totals = returns.discounted_returns(column(1, 2, 4), column(0, 0, 0), ended=ended, gamma=GAMMA)
    np.testing.assert_allclose(totals, column(6.04, 5.6, 4))


def test_n_step_returns_join_the_one_step_target_and_monte_carlo() -> None:
    rollout = random_rollout()
    following, ended = following_and_ended(rollout)
    rewards = rollout["rewards"]
    one = returns.n_step_returns(rewards, following, ended=ended, gamma=GAMMA, n=1)
    every = returns.n_step_returns(rewards, following, ended=ended, gamma=GAMMA, n=len(rewards))
    np.testing.assert_allclose(one, rewards + GAMMA * following)
    np.testing.assert_allclose(every, returns.discounted_returns(rewards, following, ended=ended, gamma=GAMMA))


def test_two_step_return_worked_by_hand() -> None:
    """r_0 + γ r_1 + γ² V(s_2) = 1 + .9 · 2 + .81 · 10 = 10.9."""
    following, ended = column(7, 10, 20), np.zeros((3, 1), bool)
    totals = returns.n_step_returns(column(1, 2, 4), following, ended=ended, gamma=GAMMA, n=2)
    assert totals[0, 0] == pytest.approx(10.9)


@pytest.mark.parametrize("lambda_", [0.0, 0.5, 0.95, 1.0])
def test_a_truncated_episode_bootstraps_the_value(lambda_: float) -> None:
    """With reward 1 for ever, V = 1 / (1 − γ) = 10 is exact, so every advantage is 0, also where a limit cut the episode."""
    values, exact = np.full((6, 1), 10.0), np.full((5, 1), 10.0)
    truncated = column(0, 0, 1, 0, 1).astype(bool)
    following = returns.next_values(values, exact, np.zeros((5, 1), bool), truncated)
    advantages = returns.gae(np.ones((5, 1)), values, following, ended=truncated, gamma=GAMMA, lambda_=lambda_)
    np.testing.assert_allclose(advantages, 0.0, atol=1e-12)


def test_truncation_treated_as_termination_gives_the_known_wrong_number() -> None:
    """The mistake of issue CleanRL#198: the last advantage becomes 1 − 1 / (1 − γ) = −9 instead of 0."""
    values, truncated = np.full((6, 1), 10.0), column(0, 0, 0, 0, 1).astype(bool)
    following = returns.next_values(values, values[1:], truncated, np.zeros((5, 1), bool))
    advantages = returns.gae(np.ones((5, 1)), values, following, ended=truncated, gamma=GAMMA, lambda_=1.0)
    assert advantages[-1, 0] == pytest.approx(-9.0)
    assert advantages[0, 0] == pytest.approx(-9.0 * GAMMA**4)


def test_a_step_that_ends_both_ways_terminated() -> None:
    both = np.array([[True]])
    assert returns.next_values(column(0, 5), column(7), both, both)[0, 0] == 0.0


def test_both_ends_cut_the_trace() -> None:
    ended = column(1, 0).astype(bool)
    assert returns.backward_sum(column(1, 100), ended, 0.5)[0, 0] == 1.0
    assert returns.backward_sum(column(1, 100), ~ended, 0.5)[0, 0] == 51.0


def test_the_compiled_sum_equals_its_plain_twin() -> None:
    rollout = random_rollout()
    ended = rollout["terminated"]
    compiled = returns.backward_sum(rollout["rewards"], ended, 0.9)
    twin = plain(returns._backward_sum)(rollout["rewards"], ended, 0.9)
    assert compiled.tobytes() == twin.tobytes()


def test_advantages_equal_those_of_stable_baselines3() -> None:
    import gymnasium
    import torch
    from stable_baselines3.common.buffers import RolloutBuffer

    rollout = random_rollout()
    following, ended = following_and_ended(rollout)
    ours = returns.gae(rollout["rewards"], rollout["values"], following, ended=ended, gamma=GAMMA, lambda_=0.8)
    steps, envs = ended.shape
    space = gymnasium.spaces.Box(-1, 1, (1,))
    buffer = RolloutBuffer(steps, space, gymnasium.spaces.Discrete(2), "cpu", 0.8, GAMMA, envs)
    starts = np.vstack([np.ones((1, envs)), ended[:-1]])
    for t in range(steps):
        bonus = GAMMA * rollout["final_values"][t] * rollout["truncated"][t]
        values = torch.from_numpy(rollout["values"][t])
        buffer.add(
            np.zeros((envs, 1)),
            np.zeros((envs, 1)),
            rollout["rewards"][t] + bonus,
            starts[t],
            values,
            torch.zeros(envs),
        )
    buffer.compute_returns_and_advantage(torch.from_numpy(rollout["values"][-1]), ended[-1])
    np.testing.assert_allclose(ours, buffer.advantages, atol=2e-6)


def test_explained_variance_is_one_for_a_perfect_critic_and_zero_for_a_constant() -> None:
    totals = np.arange(5.0)
    assert returns.explained_variance(totals, totals) == 1.0
    assert returns.explained_variance(np.zeros(5), totals) == 0.0
    assert returns.explained_variance(np.zeros(5), np.ones(5)) == 0.0


def test_shapes_are_checked_at_the_door() -> None:
    with pytest.raises(ValueError, match="one row more"):
        returns.next_values(column(1, 2), column(1, 2), np.zeros((2, 1), bool), np.zeros((2, 1), bool))


def test_every_step_has_the_number_of_its_episodes_first_step() -> None:
    values, ended = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[False], [True], [False], [False]])
    assert returns.first_of_episode(values, ended)[:, 0].tolist() == [1.0, 1.0, 3.0, 3.0]
