"""DPO: its loss by differences, and its optimum on a table. Also app/parts/preference_learner.py."""

import numpy as np
import pytest
import torch

from app import catalog
from app.algorithms.language.dpo import dpo_loss, dpo_slope, implicit_reward
from app.core.errors import InvalidInput
from tests.algorithms.language.stages import slope_by_differences, stage


def test_the_slope_is_that_of_differences() -> None:
    rewards = np.random.default_rng(0).normal(size=(2, 5))

    def loss(pairs: np.ndarray) -> float:
        return float(dpo_loss(*torch.from_numpy(pairs)))

    found = slope_by_differences(loss, rewards.copy())
    push = dpo_slope(rewards[0], rewards[1]) / 5
    np.testing.assert_allclose(found, [-push, push], atol=1e-9)


def test_at_the_start_the_loss_is_that_of_guessing() -> None:
    report = stage("dpo", n_prompts=8).update(1)
    assert report.scalars["train/loss"] == pytest.approx(np.log(2), abs=1e-5)
    assert report.scalars["rewards/margins"] == pytest.approx(0, abs=1e-5)


def test_the_optimum_on_a_table_is_the_reference_tilted_by_the_reward() -> None:
    beta, rewards = 0.5, torch.tensor([1.0, 0.0, -0.5, 0.3], dtype=torch.float64)
    reference = torch.log_softmax(torch.tensor([0.1, 0.7, -0.3, 0.2], dtype=torch.float64), 0)
    logits = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    first, second = torch.triu_indices(4, 4, 1)
    preferred = torch.sigmoid(rewards[first] - rewards[second])
    optimiser_steps, rate = 4_000, 20.0
    for _step in range(optimiser_steps):
        implicit = implicit_reward(torch.log_softmax(logits, 0), reference, beta)
        one, other = implicit[first], implicit[second]
        loss = sum(
            weight * dpo_loss(a[None], b[None])
            for share, a_, b_ in ((preferred, one, other), (1 - preferred, other, one))
            for weight, a, b in zip(share, a_, b_, strict=True)
        ) / len(first)
        (slope,) = torch.autograd.grad(loss, logits)
        if slope.abs().max() < 1e-11:
            break
        logits.data -= rate * slope
    exact = torch.softmax(reference + rewards / beta, 0)
    torch.testing.assert_close(torch.softmax(logits.detach(), 0), exact, rtol=0, atol=1e-6)


def test_without_pairs_nothing_is_pushed() -> None:
    assert dpo_loss(torch.zeros(0), torch.zeros(0)).item() == 0
    agent = stage("dpo", n_prompts=1, group_size=2)
    agent.config = agent.config.edited({"temperature": 1e-4})  # both completions are the likeliest one
    report = agent.update(1)
    assert report.scalars["train/loss"] == 0
    assert report.scalars["train/grad_norm"] == 0


def test_offline_pairs_are_written_by_the_reference() -> None:
    agent = stage("dpo", n_prompts=4, pairs="offline")
    agent.model.weights[:] *= 0.5
    written, _pairs, _rows = agent.write_pairs(False)
    np.testing.assert_allclose(agent.reference_log_probs(written.rows), written.rows.log_probs, atol=1e-6)


def test_a_price_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"beta.*> 0"):
        catalog.resolve("dpo", "sort_digits", config={"beta": 0.0})
