"""PPO of a language model: rewards and advantages of tokens by hand, its loss by differences, its optimum."""

from typing import Any

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
from app.core.contracts import Array
from app.parts.sampling import Rows
from app.parts.tokens import PAD
from tests.algorithms.language.stages import check_step, moved, slope_by_differences, stage, token_log_probs

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


def one_token(ratio: float, advantage: float, clip_range: float = 0.2) -> tuple[float, float]:
    """Return the loss of one token for which nothing else is paid, and its slope."""
    log_prob = torch.tensor([[-1.0 + np.log(ratio)]], dtype=torch.float64, requires_grad=True)
    zero, config = np.zeros((1, 1)), PPOLanguageConfig(clip_range=clip_range, kl_coef=0.0)
    batch = Batch(zero - 1, zero, zero + advantage, zero, zero + 1)
    loss = ppo_loss(log_prob, torch.zeros(1, 1, dtype=torch.float64), batch, config).value
    (slope,) = torch.autograd.grad(loss, log_prob)
    return loss.item(), slope.item()


@pytest.mark.parametrize(
    ("advantage", "ratio", "loss", "slope"),
    [
        (2.0, 0.5, -2.0 * 0.5, -2.0 * 0.5),  # fell though it was good: pushed up as hard as ever
        (2.0, 1.1, -2.0 * 1.1, -2.0 * 1.1),
        (2.0, 1.5, -2.0 * 1.2, 0.0),  # good, and risen enough
        (-3.0, 0.5, 3.0 * 0.8, 0.0),  # bad, and fallen enough
        (-3.0, 0.9, 3.0 * 0.9, 3.0 * 0.9),
        (-3.0, 1.5, 3.0 * 1.5, 3.0 * 1.5),  # rose though it was bad: pushed down as hard as ever
    ],
)
def test_a_token_is_pushed_until_it_has_gone_far_enough(
    advantage: float, ratio: float, loss: float, slope: float
) -> None:
    np.testing.assert_allclose(one_token(ratio, advantage), (loss, slope), rtol=1e-12)


def test_the_slope_is_nothing_just_where_the_clip_says_so() -> None:
    for advantage in (-1.0, 1.0):
        for ratio in (0.1, 0.69, 0.71, 0.99, 1.01, 1.29, 1.31, 5.0):
            is_clipped = ratio > 1.3 if advantage > 0 else ratio < 0.7
            assert (one_token(ratio, advantage, clip_range=0.3)[1] == 0) == is_clipped


def test_divergence_in_the_loss_is_from_the_reference_and_not_from_what_was_written() -> None:
    log_probs = torch.log(torch.tensor([[0.1, 0.2, 0.4]], dtype=torch.float64)).requires_grad_()
    written, reference = np.log([[0.3, 0.3, 0.3]]), np.log([[0.2, 0.1, 0.4]])
    zero = np.zeros((1, 3))
    config = PPOLanguageConfig(kl_coef=0.6, vf_coef=0.0)
    loss = ppo_loss(log_probs, torch.zeros(1, 3), Batch(written, reference, zero, zero, zero + 1), config).value
    k3 = (2 - 1 - np.log(2)) + (0.5 - 1 + np.log(2)) + 0.0  # π_ref/π is 2, ½ and 1
    assert loss.item() == pytest.approx(0.6 * k3 / 3)
    (slope,) = torch.autograd.grad(loss, log_probs)
    np.testing.assert_allclose(slope, 0.6 / 3 * np.array([[1 - 2, 1 - 0.5, 0.0]]), atol=1e-15)


def test_the_loss_is_the_sum_of_its_three_parts_over_the_own_tokens() -> None:
    log_probs = torch.log(torch.tensor([[0.1, 0.6, 0.9]], dtype=torch.float64))
    values = torch.tensor([[1.5, -1.0, 70.0]], dtype=torch.float64, requires_grad=True)
    batch = Batch(
        np.log([[0.2, 0.4, 0.1]]), np.log([[0.2, 0.3, 0.1]]), np.array([[2.0, 3.0, 9.0]]), np.array([[1.0, 1.0, 0.0]]),
        np.array([[1.0, 1.0, 0.0]]),
    )  # fmt: skip
    loss, ratio = ppo_loss(log_probs, values, batch, PPOLanguageConfig(kl_coef=0.3, vf_coef=0.7))
    surrogates = 2.0 * 0.5 + 3.0 * 1.2
    errors = 0.5**2 + 2.0**2
    divergences = (2 - 1 - np.log(2)) + (0.5 - 1 + np.log(2))
    assert loss.item() == pytest.approx((0.3 * divergences + 0.7 * errors - surrogates) / 2)
    np.testing.assert_allclose(ratio, [[0.5, 1.5, 9.0]])
    (slope,) = torch.autograd.grad(loss, values)
    np.testing.assert_allclose(slope, [[0.7 * 2 * 0.5 / 2, 0.7 * 2 * -2.0 / 2, 0.0]])


REFERENCE = np.log([0.2, 0.5, 0.3])


def learned_on_a_table(rewards: Array, *, beta: float, kl_coef: float) -> Array:
    """Return π (3,) after PPO of one token out of three, each of which counts as often as it is written."""
    config = PPOLanguageConfig(beta=beta, kl_coef=kl_coef)
    own, reference, nothing = np.ones((3, 1), np.bool_), REFERENCE[:, None], np.zeros((3, 1))
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    for _update in range(600):
        log_probs = torch.log_softmax(logits, 0)[:, None]
        old = log_probs.detach().numpy()
        pi = np.exp(old)
        earned = token_rewards(old, reference, rewards, own=own, beta=beta)
        advantages = advantages_of(earned, nothing + (pi * earned).sum(), own, config.gae_lambda)
        batch = Batch(old, reference, advantages, nothing, pi)
        (slope,) = torch.autograd.grad(ppo_loss(log_probs, torch.zeros(3, 1), batch, config).value, logits)
        logits.data -= 2.0 * slope
        if slope.abs().max() < 1e-12:
            break
    return np.asarray(torch.softmax(logits.detach(), 0))


def test_the_optimum_with_the_price_in_the_reward_is_the_reference_tilted_by_it() -> None:
    beta, rewards = 0.5, np.array([1.0, 0.0, -0.5])
    tilted = np.exp(REFERENCE + rewards / beta)
    found = learned_on_a_table(rewards, beta=beta, kl_coef=0.0)
    np.testing.assert_allclose(found, tilted / tilted.sum(), atol=1e-9)


def test_the_optimum_with_the_price_in_the_loss_is_another() -> None:
    """On fresh tokens the slope of E[k_3] is that of KL(π_ref ‖ π), the other way round.

    With R = (1, 0, 0) the slope is nothing where π_1 (1 − π_1 − β) = −β π_ref,1; the other two keep their proportion.
    """
    price, share = 0.25, np.exp(REFERENCE[0])
    first = ((1 - price) + np.sqrt((1 - price) ** 2 + 4 * price * share)) / 2
    rest = np.exp(REFERENCE[1:]) * (1 - first) / (1 - share)
    found = learned_on_a_table(np.array([1.0, 0.0, 0.0]), beta=0.0, kl_coef=price)
    np.testing.assert_allclose(found, [first, *rest], atol=1e-9)
    tilted = share * np.exp(1 / price) / (share * np.exp(1 / price) + 1 - share)
    assert abs(found[0] - tilted) > 0.1


@pytest.mark.parametrize("price", [{"beta": 0.3}, {"kl_coef": 0.3}])
def test_an_update_is_a_step_on_rewards_and_values_of_tokens(price: dict[str, float]) -> None:
    config = {**price, "gae_lambda": 0.8, "vf_coef": 0.7}
    agent, twin = moved("ppo_language", **config), moved("ppo_language", **config)
    report, written = agent.update(1), twin.write()
    own, rewards = written.rows.own, written.rewards
    assert np.array_equal(agent.signals()["token_rows"](), written.rows.tokens)
    now, before = (token_log_probs(twin, model, written.rows) for model in (twin.model, twin.reference))
    gone, values = (now - before).detach().numpy(), token_values(twin, written.rows)
    said = values.detach().numpy().astype(np.float64)
    advantages = np.zeros(own.shape)
    for i, length in enumerate(own.sum(axis=1)):
        for t in reversed(range(length)):
            is_last = t == length - 1
            earned = (rewards[i] if is_last else 0.0) - price.get("beta", 0.0) * gone[i, t]
            following = (0.0, 0.0) if is_last else (said[i, t + 1], advantages[i, t + 1])
            advantages[i, t] = earned + following[0] - said[i, t] + 0.8 * following[1]
    scaled = (advantages - advantages[own].mean()) / advantages[own].std()
    ratio, towards = torch.exp(now - now.detach()), torch.exp(before.detach() - now)
    error = (values - torch.from_numpy(advantages + said)) ** 2
    terms = price.get("kl_coef", 0.0) * (towards - 1 - towards.log()) + 0.7 * error - ratio * torch.from_numpy(scaled)
    check_step(agent, report, twin, terms[torch.from_numpy(own)].mean())


def token_values(agent: Any, rows: Rows) -> torch.Tensor:
    """Return what the critic says before each column of the completions (B, C), from every row alone."""
    found = []
    for tokens in rows.tokens:
        start = int((tokens != PAD).argmax())
        hidden = agent.model.hidden(torch.from_numpy(tokens[None, start:-1]))
        found.append((hidden @ agent.model.parameters["score"][0])[0, rows.prompt_columns - 1 - start :])
    return torch.stack(found)


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
