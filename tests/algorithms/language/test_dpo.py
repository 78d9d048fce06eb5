"""DPO: its loss by differences, and its optimum on a table. Also app/parts/preference_learner.py."""

import numpy as np
import pytest
import torch

from app import catalog
from app.algorithms.language.dpo import dpo_loss, dpo_slope, implicit_reward
from app.core.errors import InvalidInput
from tests.algorithms.language.stages import check_step, moved, slope_by_differences, stage, token_log_probs


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


@pytest.mark.parametrize("pairs", ["online", "offline"])
def test_an_update_tells_the_best_from_the_worst_against_the_reference(pairs: str) -> None:
    beta, config = 0.6, {"beta": 0.6, "pairs": pairs}
    agent, twin = moved("dpo", **config), moved("dpo", **config)
    report, written = agent.update(1), twin.write(twin.model if pairs == "online" else twin.reference)
    now, before = (token_log_probs(twin, model, written.rows).sum(1) for model in (twin.model, twin.reference))
    implicit = beta * (now - before.detach())
    terms, rows = [], []
    for group in range(6):
        order = sorted(range(4 * group, 4 * group + 4), key=lambda i: -written.rewards[i])
        worst = next(i for i in order if written.rewards[i] == written.rewards[order[-1]])
        if written.rewards[order[0]] > written.rewards[worst] + 1e-6:
            terms.append(torch.log1p(torch.exp(implicit[worst] - implicit[order[0]])))
            rows.append(written.rows.tokens[[order[0], worst]])
    assert 1 < len(terms) < 6, "some prompts make a pair and some do not"
    assert np.array_equal(agent.signals()["pair_rows"](), rows)
    loss = torch.stack(terms).mean()
    assert abs(loss.item() - np.log(2)) > 0.05
    check_step(agent, report, twin, loss)


def test_a_price_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"beta.*> 0"):
        catalog.resolve("dpo", "sort_digits", config={"beta": 0.0})
