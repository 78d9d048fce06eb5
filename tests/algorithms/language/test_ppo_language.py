"""PPO of a language model: rewards and advantages of tokens by hand, its loss by differences, its optimum."""

import numpy as np
import pytest
import torch

from app.algorithms.language.ppo_language import (
    Batch,
    PPOLanguageConfig,
    advantages_of,
    ppo_loss,
    token_rewards,
    whitened,
)
from tests.algorithms.language.stages import slope_by_differences, stage

OWN = np.array([[True, True, True], [True, True, False]])


def test_the_last_token_earns_what_the_completion_is_worth_and_each_pays_for_its_divergence() -> None:
    old, reference = np.full((2, 3), -1.0), np.array([[-1.5, -1.0, -2.0], [-1.0, -0.5, 0.0]])
    rewards = token_rewards(old, reference, np.array([1.0, 0.5]), own=OWN, beta=0.2)
    np.testing.assert_allclose(rewards, [[-0.1, 0.0, 1.0 - 0.2], [0.0, 0.5 + 0.1, 0.0]])


def test_lambda_of_one_is_what_follows_less_the_value_and_of_nothing_one_step() -> None:
    rewards = np.array([[0.0, 0.2, 1.0], [0.1, 0.5, 0.0]])
    values = np.array([[0.3, 0.4, 0.6], [0.2, 0.1, 9.0]])
    np.testing.assert_allclose(advantages_of(rewards, values, OWN, 1.0), [[0.9, 0.8, 0.4], [0.4, 0.4, 0.0]])
    np.testing.assert_allclose(advantages_of(rewards, values, OWN, 0.0), [[0.1, 0.4, 0.4], [0.0, 0.4, 0.0]])


def test_what_somebody_else_wrote_is_passed_over() -> None:
    own = np.array([[True, False, True]])
    found = advantages_of(np.array([[0.0, 0.0, 1.0]]), np.array([[0.3, 7.0, 0.6]]), own, 0.5)
    np.testing.assert_allclose(found, [[0.3 + 0.5 * 0.4, 0.0, 0.4]])


def test_advantages_are_brought_to_scale_over_the_own_tokens() -> None:
    found = whitened(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 99.0]]), OWN)
    assert found[OWN].mean() == pytest.approx(0)
    assert found[OWN].std() == pytest.approx(1)
    assert found[1, 2] == 0


def test_the_gradient_is_that_of_differences() -> None:
    generator = np.random.default_rng(1)
    old, reference, advantages, targets = (generator.normal(size=(2, 3)) for _ in range(4))
    batch = Batch(old, reference, advantages, targets, OWN.astype(np.float64))
    config = PPOLanguageConfig(kl_coef=0.3, vf_coef=0.7)
    point = np.stack([old + generator.normal(size=(2, 3)) * 0.3, generator.normal(size=(2, 3))])

    def loss(both: torch.Tensor) -> torch.Tensor:
        return ppo_loss(both[0], both[1], batch, config).value

    leaf = torch.from_numpy(point.copy()).requires_grad_()
    loss(leaf).backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    expected = slope_by_differences(lambda both: float(loss(torch.from_numpy(both))), point.copy())
    np.testing.assert_allclose(leaf.grad.numpy(), expected, atol=1e-8)


def test_the_optimum_of_reward_less_divergence_is_the_reference_tilted_by_the_reward() -> None:
    beta, rewards = 0.5, torch.tensor([1.0, 0.0, -0.5], dtype=torch.float64)
    reference = torch.log_softmax(torch.tensor([0.1, 0.7, -0.3], dtype=torch.float64), 0)
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    for _step in range(2_000):
        logs = torch.log_softmax(logits, 0)
        earned = rewards - beta * (logs - reference)
        (slope,) = torch.autograd.grad((logs.exp() * earned).sum(), logits)
        logits.data += slope
    torch.testing.assert_close(torch.softmax(logits.detach(), 0), torch.softmax(reference + rewards / beta, 0))


def test_a_critic_starts_at_nothing_and_learns_what_completions_earn() -> None:
    agent = stage("ppo_language", steps=60, n_prompts=16, learning_rate=3e-3, vf_coef=2.0)
    assert (agent.values(agent.write().rows) == 0).all()
    for _update in range(60):
        report = agent.update(1)
    rows = agent.write().rows
    assert agent.values(rows)[rows.own].mean() == pytest.approx(report.scalars["train/reward"], rel=0.4)


def test_the_weights_of_a_later_stage_are_those_of_the_policy() -> None:
    first = stage("ppo_language", n_prompts=2)
    first.update(1)
    second = stage("sft", origin=first.state())
    assert np.array_equal(second.model.weights, first.model.weights[: second.model.weights.size])
    third = stage("ppo_language", origin=first.state())
    assert np.array_equal(third.model.weights, first.model.weights)


def test_divergence_is_paid_for_once_the_model_has_moved() -> None:
    agent = stage("ppo_language", n_prompts=16, beta=0.5, n_epochs=3, learning_rate=1e-2, lr_end_share=1.0)
    first = agent.update(1).scalars
    assert first["objective/rlhf_reward"] == pytest.approx(first["train/reward"], abs=1e-6)
    assert first["policy/approxkl_avg"] > 0
    assert first["val/ratio"] != pytest.approx(1, abs=1e-4)
    second = agent.update(1).scalars
    assert second["objective/kl"] > 0.1
    assert second["objective/rlhf_reward"] < second["train/reward"] - 0.5 * 0.1
