"""Prioritised DQN: probabilities and weights by hand, what they do to the gradient, and which transitions are drawn."""

from typing import Any

import numpy as np
import pytest

from app.algorithms.value_based.prioritized_dqn import (
    PrioritizedDQNAgent,
    PrioritizedDQNConfig,
    huber_gradient,
    huber_loss,
    importance_weights,
    sizes,
    td_targets,
)
from app.core.codecs import trees_equal
from app.core.randomness import Stream
from app.parts.sum_tree import SumTree
from tests.algorithms.value_based.family import (
    check_an_edited_exponent,
    check_resumed_after_an_edited_exponent,
    run,
    small,
    values_of_the_endless_walk,
)


def agent(seed: int = 0, **changes: Any) -> PrioritizedDQNAgent:
    built: PrioritizedDQNAgent = small(PrioritizedDQNAgent, PrioritizedDQNConfig, seed, **changes)
    return built


def test_priorities_and_weights_by_hand() -> None:
    """Errors 4, −1 and 0 with floor .25 and ω = .5: priorities √4.25, √1.25 and .5; at β = 1 a weight is 1 / (N P)."""
    tree = SumTree(3, 0.5)
    tree.put(np.arange(3), sizes(np.array([4.0, -1.0, 0.0]), 0.25))
    found = tree.priorities
    np.testing.assert_allclose(found, [np.sqrt(4.25), np.sqrt(1.25), 0.5])
    chances = found / found.sum()
    np.testing.assert_allclose(importance_weights(chances, 3, 1.0), found.mean() / found)
    np.testing.assert_allclose(importance_weights(np.array([0.5, 0.125]), 4, 0.5), [2**-0.5, 2**0.5])
    np.testing.assert_array_equal(importance_weights(chances, 3, 0.0), np.ones(3))


def test_full_correction_gives_the_uniform_mean_on_average() -> None:
    """E over P of w · x is the mean of x at β = 1: Σ P (1 / N P) x."""
    chances, x = np.array([0.5, 0.3, 0.2]), np.array([1.0, -4.0, 6.0])
    assert (chances * importance_weights(chances, 3, 1.0) * x).sum() == pytest.approx(x.mean(), abs=1e-12)
    assert (chances * x).sum() != pytest.approx(x.mean(), abs=0.1)


def test_the_weights_scale_loss_and_gradient() -> None:
    errors, actions, weights = np.array([0.5, -3.0]), np.array([1, 0]), np.array([1.0, 0.25])
    assert huber_loss(errors, weights) == pytest.approx((0.125 + 0.25 * 2.5) / 2)
    np.testing.assert_allclose(huber_gradient(errors, weights, actions, 2), [[0.0, 0.25], [-0.125, 0.0]])


def test_targets_bootstrap_unless_terminated() -> None:
    next_q = np.array([[5.0, 2.0], [5.0, 2.0]])
    np.testing.assert_allclose(td_targets(np.ones(2), np.array([0.0, 1.0]), next_q, 0.9), [5.5, 1.0])


def test_the_tree_holds_the_priorities_of_the_errors_that_were_seen_and_of_nothing_else() -> None:
    """With a learning rate of almost 0, errors can be computed again after the update that saw them."""
    built = agent(gradient_steps=1, train_freq=10_000, learning_rate=1e-12)
    run(built, 60)
    assert (built.tree.priorities[:60] == 1.0).all()
    built.learn()
    rows = np.flatnonzero(built.tree.priorities[:60] != 1.0)
    assert 4 <= len(rows) <= 8
    _numbers, errors = built.differentiate(built.replay.take(rows), np.ones(len(rows)))
    expected = (np.abs(errors) + built.config.priority_floor) ** built.config.priority_exponent
    np.testing.assert_allclose(built.tree.priorities[rows], expected, rtol=1e-5)
    assert (built.tree.priorities[60:] == 0.0).all()


def test_what_surprises_is_drawn_in_proportion() -> None:
    built = agent(buffer_size=64, priority_exponent=1.0)
    run(built, 200)
    wanted = np.linspace(0.1, 5.0, 64)
    built.tree.put(np.arange(64), wanted)
    rows = np.concatenate([built.tree.draw(32, Stream(seed, "test"))[0] for seed in range(600)])
    np.testing.assert_allclose(np.bincount(rows, minlength=64) / len(rows), wanted / wanted.sum(), atol=0.003)


def test_exponent_zero_draws_all_alike_with_weight_one() -> None:
    built = agent(priority_exponent=0.0)
    run(built, 150)
    _rows, chances = built.tree.draw(16, Stream(0, "test"))
    np.testing.assert_allclose(chances, 1 / built.replay.size)
    assert built.learn()["train/weight_max"] == pytest.approx(1.0)


def test_beta_rises_to_one_over_the_budget() -> None:
    built = agent(beta=0.4)
    seen = [setattr(built, "env_steps", step) or built.beta for step in (0, 200, 400, 500)]
    assert seen == pytest.approx([0.4, 0.7, 1.0, 1.0])


def test_a_ring_that_wraps_gives_the_overwritten_row_a_new_transitions_priority() -> None:
    built = agent(buffer_size=64, train_freq=10_000)
    run(built, 64)
    built.tree.put(np.arange(64), np.full(64, 0.01))
    run(built, 6)
    assert (built.tree.priorities[:6] == 1.0).all()
    assert (built.tree.priorities[6:] == np.full(58, 0.01) ** built.config.priority_exponent).all()


@pytest.mark.parametrize("steps_before", [16, 60, 150])
def test_resumed_equals_uninterrupted(steps_before: int) -> None:
    one, other = agent(), agent()
    run(one, steps_before)
    other.load(one.state())
    assert run(one, 100) == run(other, 100)
    assert not trees_equal(one.state(), other.state())


def test_values_of_an_endless_task_are_found_in_spite_of_its_time_limit() -> None:
    built = agent(gamma=0.5, buffer_size=400, gradient_steps=10, exploration_final_eps=1.0)
    assert values_of_the_endless_walk(built) == pytest.approx(1.75, abs=0.15)


def test_an_edited_exponent_holds_for_every_row_and_zero_can_be_undone() -> None:
    check_an_edited_exponent(agent(priority_exponent=0.5))


@pytest.mark.parametrize("exponent", [0.0, 0.9])
def test_resumed_equals_uninterrupted_after_an_edit_of_the_exponent(exponent: float) -> None:
    check_resumed_after_an_edited_exponent(agent(), agent(priority_exponent=exponent))
