"""RLOO: the baseline, and that its gradient is that of the expected reward."""

from itertools import product

import numpy as np
import pytest
import torch

from app.algorithms.language.rloo import leave_one_out, rloo_loss
from tests.algorithms.language.stages import check_step, moved, stage, token_log_probs


def test_the_baseline_is_the_mean_of_the_others() -> None:
    advantages = leave_one_out(np.array([[1.0, 0.0, 0.5]]))
    np.testing.assert_allclose(advantages, [[0.75, -0.75, 0.0]])
    np.testing.assert_allclose(advantages, 3 / 2 * (np.array([[1.0, 0.0, 0.5]]) - 0.5))


def test_the_mean_gradient_over_all_completions_is_that_of_the_expected_reward() -> None:
    logits = torch.tensor([0.3, -0.5, 0.1], dtype=torch.float64)
    rewards = np.array([1.0, 0.2, -0.4])

    def objective(scores: torch.Tensor) -> torch.Tensor:
        return (torch.softmax(scores, 0) * torch.from_numpy(rewards)).sum()

    exact = torch.autograd.functional.jacobian(objective, logits)  # type: ignore[no-untyped-call]
    mean = torch.zeros(3, dtype=torch.float64)
    for pair in product(range(3), repeat=2):
        leaf = logits.clone().requires_grad_()
        logs = torch.log_softmax(leaf, 0)
        advantages = torch.from_numpy(leave_one_out(rewards[list(pair)][None])[0])
        rloo_loss(logs[list(pair)][:, None], advantages, torch.ones(2, 1)).backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        mean -= leaf.grad * logs.detach()[list(pair)].sum().exp()
    torch.testing.assert_close(mean, exact, rtol=0, atol=1e-12)


def test_divergence_is_taken_off_the_reward() -> None:
    free, bound = stage("rloo", n_prompts=4), stage("rloo", n_prompts=4, beta=0.5)
    for agent in (free, bound):
        agent.reference.weights[:] *= 0.5
    assert free.update(1).scalars["train/reward"] == bound.update(1).scalars["train/reward"]
    assert not np.array_equal(free.model.weights, bound.model.weights)


def test_an_update_is_one_step_on_rewards_less_the_price_of_divergence() -> None:
    beta, config = 0.4, {"beta": 0.4}
    agent, twin = moved("rloo", **config), moved("rloo", **config)
    report, written = agent.update(1), twin.write()
    assert np.array_equal(agent.signals()["token_rows"](), written.rows.tokens)
    now, before = (token_log_probs(twin, model, written.rows).sum(1) for model in (twin.model, twin.reference))
    gone = (now - before).detach().numpy().astype(np.float64)
    assert abs(gone).max() > 1
    earned = written.rewards - beta * gone
    terms = []
    for i in range(24):
        others = [earned[j] for j in range(24) if j // 4 == i // 4 and j != i]
        terms.append(-(earned[i] - np.mean(others)) * now[i] / 24)
    check_step(agent, report, twin, torch.stack(terms).sum())


def test_completions_of_one_reward_teach_nothing() -> None:
    loss = rloo_loss(torch.zeros(4, 2), torch.from_numpy(leave_one_out(np.full((2, 2), 0.5)).ravel()), torch.ones(4, 2))
    assert loss.item() == pytest.approx(0.0)
