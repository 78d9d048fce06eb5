"""GRPO of a language model: closed forms, and the gradient by differences. Also app/parts/reinforced.py."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from app import catalog
from app.algorithms.language.grpo_language import Batch, grpo_loss, relative_advantages
from app.core.errors import InvalidInput
from app.parts.reinforced import Written
from tests.algorithms.language.stages import check_step, moved, slope_by_differences, stage, token_log_probs


@pytest.mark.parametrize("right", [1, 3, 7])
def test_binary_rewards_give_the_closed_form(right: int) -> None:
    p = right / 8
    advantages = relative_advantages(np.array([[1.0] * right + [0.0] * (8 - right)]), True)
    np.testing.assert_allclose(advantages[0, :right], np.sqrt((1 - p) / p), rtol=1e-12)
    np.testing.assert_allclose(advantages[0, right:], -np.sqrt(p / (1 - p)), rtol=1e-12)


def test_a_group_that_earned_all_the_same_is_dead() -> None:
    assert (relative_advantages(np.full((2, 5), 0.3), True) == 0).all()
    assert relative_advantages(np.array([[0.1, 0.3]]), False) == pytest.approx(np.array([[-0.1, 0.1]]))


def test_on_fresh_completions_the_loss_is_nothing_and_its_gradient_is_not() -> None:
    log_probs = torch.tensor([[-1.0, -2.0], [-0.5, -1.5]], requires_grad=True)
    advantages = torch.tensor([[1.0], [-1.0]])
    fresh = Batch(log_probs.detach(), log_probs.detach(), advantages, torch.ones(2, 2))
    loss = grpo_loss(log_probs, fresh, clip_range=0.2, beta=0.1)
    assert loss.value.item() == 0
    loss.value.backward()  # type: ignore[no-untyped-call]
    assert log_probs.grad is not None
    assert log_probs.grad.tolist() == [[-0.25, -0.25], [0.25, 0.25]]


def test_the_gradient_is_that_of_differences_and_nothing_where_it_is_clipped() -> None:
    generator = np.random.default_rng(0)
    new, old, reference = (generator.normal(size=(4, 3)) * 0.3 - 1 for _ in range(3))
    advantages, mask = torch.from_numpy(generator.normal(size=(4, 1))), torch.ones(4, 3, dtype=torch.float64)
    mask[2, 1:] = 0

    batch = Batch(torch.from_numpy(old), torch.from_numpy(reference), advantages, mask)
    for beta in (0.0, 0.3):

        def value(log_probs: np.ndarray, beta: float = beta) -> float:
            return float(grpo_loss(torch.from_numpy(log_probs), batch, clip_range=0.2, beta=beta).value)

        leaf = torch.from_numpy(new.copy()).requires_grad_()
        grpo_loss(leaf, batch, clip_range=0.2, beta=beta).value.backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        expected = slope_by_differences(value, new.copy())
        np.testing.assert_allclose(leaf.grad.numpy(), expected, atol=1e-8)
        if not beta:
            ratio, sign = np.exp(new - old), advantages.numpy()
            is_clipped = np.where(sign > 0, ratio > 1.2, ratio < 0.8)
            assert is_clipped.any()
            assert ((leaf.grad.numpy() == 0) == (is_clipped | (mask.numpy() == 0))).all()


def test_the_divergence_is_never_below_nothing() -> None:
    new, reference = torch.tensor([[-1.0, -2.0]]), torch.tensor([[-3.0, -0.5]])
    loss = grpo_loss(new, Batch(new, reference, torch.zeros(1, 1), torch.ones(1, 2)), clip_range=0.2, beta=1.0)
    np.testing.assert_allclose(loss.divergence[0], [np.exp(-2) + 1, np.exp(1.5) - 2.5], rtol=1e-6)
    assert loss.value.item() == pytest.approx(float(loss.divergence.mean()))


def test_a_group_of_one_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"group_size.*≥ 2"):
        catalog.resolve("grpo_language", "sort_digits", config={"group_size": 1})


def test_the_ratio_of_fresh_completions_is_one() -> None:
    agent = stage("grpo_language")
    written = agent.write()
    new = agent.judge(written.rows).log_probs.detach().numpy()
    np.testing.assert_allclose(new, written.rows.log_probs, atol=1e-6)
    np.testing.assert_allclose(agent.reference_log_probs(written.rows), written.rows.log_probs, atol=1e-6)


def loss_by_hand(agent: Any, written: Written, *, old: Tensor, beta: float, clip_range: float = 0.2) -> Tensor:
    """GRPO token by token, of the model as it is."""
    now, before = (token_log_probs(agent, model, written.rows) for model in (agent.model, agent.reference))
    terms = []
    for i, t in np.argwhere(written.rows.own):
        group = written.rewards[i // 4 * 4 : i // 4 * 4 + 4]
        advantage = (written.rewards[i] - group.mean()) / group.std() if np.ptp(group) > 1e-6 else 0.0
        ratio, towards = torch.exp(now[i, t] - old[i, t].detach()), torch.exp(before[i, t].detach() - now[i, t])
        is_clipped = ratio > 1 + clip_range if advantage > 0 else ratio < 1 - clip_range
        bound = 1 + clip_range if advantage > 0 else 1 - clip_range
        surrogate = bound * advantage if is_clipped else ratio * advantage
        terms.append(beta * (towards - 1 - towards.log()) - surrogate)
    return torch.stack(terms).mean()


def test_an_update_pays_for_the_divergence_from_the_reference() -> None:
    config = {"beta": 0.3}
    agent, twin = moved("grpo_language", **config), moved("grpo_language", **config)
    report, written = agent.update(1), twin.write()
    assert np.array_equal(agent.signals()["token_rows"](), written.rows.tokens)
    old = token_log_probs(twin, twin.model, written.rows)
    np.testing.assert_allclose(old.detach(), written.rows.log_probs, atol=1e-5)
    check_step(agent, report, twin, loss_by_hand(twin, written, old=old, beta=0.3))


def test_a_second_epoch_goes_on_from_the_first_with_the_ratio_to_what_was_written() -> None:
    config = {"beta": 0.3, "learning_rate": 0.003}
    agent, after_one, twin = (moved("grpo_language", n_epochs=epochs, **config) for epochs in (2, 1, 1))
    second, first = agent.update(1).scalars, after_one.update(1).scalars
    written = twin.write()
    old = token_log_probs(twin, twin.model, written.rows)
    loss = loss_by_hand(after_one, written, old=old, beta=0.3)
    assert 0.1 < 2 * second["train/clip_fraction"] < 0.9
    assert second["train/loss"] == pytest.approx((first["train/loss"] + loss.item()) / 2, rel=1e-4)
    after_one.model.backward(loss)
    np.testing.assert_allclose(agent.model.gradient, after_one.model.gradient, rtol=0, atol=1e-4)


def test_both_divergences_are_of_the_first_completion_of_each_group() -> None:
    agent, twin = (moved("grpo_language") for _copy in range(2))
    report, written = agent.update(1), twin.write()
    now, before = (
        token_log_probs(twin, model, written.rows)[::4].detach().numpy() for model in (twin.model, twin.reference)
    )
    own = written.rows.own[::4]
    assert report.scalars["objective/kl"] == pytest.approx((now - before)[own].sum() / 6, rel=1e-4)
    k3 = [np.exp(-gap) - 1 + gap for gap in (now - before)[own]]
    assert report.scalars["objective/kl_k3"] == pytest.approx(np.mean(k3), rel=1e-4)
    assert 0.01 < np.mean(k3) < 0.9 * report.scalars["objective/kl"]


def test_an_update_reports_its_completions_as_episodes() -> None:
    report = stage("grpo_language", n_prompts=3, group_size=4).update(100)
    assert (report.steps, report.updates, len(report.episodes)) == (1, 1, 12)
    assert report.scalars["train/reward"] == pytest.approx(report.episodes.returns.mean())
    assert (report.episodes.ends == 1).all()
