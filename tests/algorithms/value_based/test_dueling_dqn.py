"""Dueling DQN: the identities of value and advantage, the closed-form gradient, and what its curves and panels say."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.value_based.dueling_dqn import (
    DuelingDQNAgent,
    DuelingDQNConfig,
    combine,
    huber_loss,
    split_gradient,
    td_targets,
)
from app.core.randomness import Stream
from tests.algorithms.doubles import ours_in_doubles
from tests.algorithms.value_based.family import gradient_by_differences, run, small, values_of_the_endless_walk

DRAWS = Stream(0, "test")
V, ADVANTAGES = DRAWS.normals(20, 1), DRAWS.normals(20, 3)


def agent(**changes: Any) -> DuelingDQNAgent:
    built: DuelingDQNAgent = small(DuelingDQNAgent, DuelingDQNConfig, **changes)
    return built


def test_by_hand() -> None:
    """V = 2, A = (1, 4, 1) with mean 2: Q = (1, 4, 1)."""
    np.testing.assert_allclose(combine(np.array([[2.0]]), np.array([[1.0, 4.0, 1.0]])), [[1.0, 4.0, 1.0]])


def test_the_same_constant_on_every_advantage_leaves_q_unchanged() -> None:
    np.testing.assert_allclose(combine(V, ADVANTAGES + 7.0), combine(V, ADVANTAGES), atol=1e-12)


def test_a_constant_on_the_value_moves_q_by_it() -> None:
    np.testing.assert_allclose(combine(V + 7.0, ADVANTAGES), combine(V, ADVANTAGES) + 7.0, atol=1e-12)


def test_only_without_the_mean_do_two_opposite_constants_cancel() -> None:
    bare = combine(V, ADVANTAGES, subtract_mean=False)
    np.testing.assert_allclose(combine(V + 7.0, ADVANTAGES - 7.0, subtract_mean=False), bare, atol=1e-12)
    assert (np.abs(combine(V + 7.0, ADVANTAGES - 7.0) - combine(V, ADVANTAGES)) > 6.9).all()


def test_the_mean_of_q_is_the_value() -> None:
    np.testing.assert_allclose(combine(V, ADVANTAGES).mean(axis=1), V[:, 0], atol=1e-12)


@pytest.mark.parametrize("subtract_mean", [True, False])
def test_the_split_gradient_equals_differences(subtract_mean: bool) -> None:
    weights = DRAWS.normals(20, 3)
    for_v, for_a = split_gradient(weights, subtract_mean=subtract_mean)

    def total(v: np.ndarray, advantages: np.ndarray) -> float:
        return float((weights * combine(v, advantages, subtract_mean=subtract_mean)).sum())

    base = total(V, ADVANTAGES)
    for row, action in ((0, 0), (7, 2), (19, 1)):
        v, advantages = V.copy(), ADVANTAGES.copy()
        v[row, 0] += 1e-3
        advantages[row, action] += 1e-3
        assert (total(v, ADVANTAGES) - base) / 1e-3 == pytest.approx(for_v[row, 0], abs=1e-8)
        assert (total(V, advantages) - base) / 1e-3 == pytest.approx(for_a[row, action], abs=1e-8)


@pytest.mark.parametrize("subtract_mean", [True, False])
def test_the_gradient_of_the_whole_network_equals_differences(
    subtract_mean: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours_in_doubles(monkeypatch)
    built = agent(subtract_mean=subtract_mean)
    run(built, 60)
    batch = built.replay.take(np.arange(32))

    def loss() -> float:
        next_q = combine(*built.target_streams.forward(batch.next_observations), subtract_mean=subtract_mean)
        targets = td_targets(batch.rewards, batch.terminated, next_q, built.config.gamma)
        q = built.q_values(batch.observations)
        return huber_loss(q[np.arange(32), batch.actions] - targets)

    built.differentiate(batch)
    held, found = gradient_by_differences(built, loss)
    np.testing.assert_allclose(held, found, rtol=1e-6, atol=1e-9)


def test_targets_bootstrap_unless_terminated() -> None:
    next_q = np.array([[5.0, 2.0], [5.0, 2.0]])
    np.testing.assert_allclose(td_targets(np.ones(2), np.array([0.0, 1.0]), next_q, 0.9), [5.5, 1.0])


@pytest.mark.parametrize("subtract_mean", [True, False])
def test_values_of_an_endless_task_are_found_in_spite_of_its_time_limit(subtract_mean: bool) -> None:
    built = agent(gamma=0.5, buffer_size=400, gradient_steps=10, exploration_final_eps=1.0, subtract_mean=subtract_mean)
    assert values_of_the_endless_walk(built) == pytest.approx(1.75, abs=0.15)


def test_the_two_parts_shown_make_up_the_q_that_is_shown() -> None:
    built, observations = agent(), np.zeros((5, 2), np.float32)
    run(built, 40)
    signals = built.signals()
    v, advantages = signals["v_part_at"](observations), signals["a_part_at"](observations)
    assert (v.shape, advantages.shape) == ((5,), (5, 2))
    np.testing.assert_allclose(combine(v[:, None], advantages), signals["q_at"](observations), rtol=1e-6)


def test_the_spreads_are_deviations_over_states_and_over_actions() -> None:
    built = agent()
    run(built, 40)
    batch = built.replay.take(np.arange(16))
    v, advantages = built.streams.forward(batch.observations)
    numbers = built.differentiate(batch)
    assert numbers["train/v_spread"] == pytest.approx(np.std(v), rel=1e-6)
    assert numbers["train/a_spread"] == pytest.approx(np.mean([np.std(row) for row in advantages]), rel=1e-6)
