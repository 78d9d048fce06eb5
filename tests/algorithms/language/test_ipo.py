"""IPO: its loss by differences, and a margin that is reached and kept."""

import numpy as np
import torch

from app.algorithms.language.ipo import implicit_reward, ipo_loss, ipo_slope
from tests.algorithms.language.stages import check_step, moved, slope_by_differences, stage, token_log_probs


def test_the_slope_is_that_of_differences() -> None:
    rewards = np.random.default_rng(0).normal(size=(2, 5))

    def loss(pairs: np.ndarray) -> float:
        return float(ipo_loss(*torch.from_numpy(pairs), beta=0.7))

    push = ipo_slope(rewards[0], rewards[1], beta=0.7) / 5
    np.testing.assert_allclose(slope_by_differences(loss, rewards.copy()), [-push, push], atol=1e-8)


def test_the_loss_is_nothing_at_a_margin_of_one_half_and_pushes_back_beyond_it() -> None:
    chosen, rejected = np.array([0.5, 0.2, 2.0]), np.array([0.0, 0.0, 0.0])
    assert ipo_slope(chosen, rejected, beta=0.1).round(9).tolist() == [0.0, 60.0, -300.0]
    assert ipo_loss(torch.tensor([0.5]), torch.tensor([0.0]), beta=0.1).item() == 0


def test_certain_preferences_end_at_a_finite_distance_from_the_reference() -> None:
    beta = 0.5
    reference = torch.log_softmax(torch.tensor([0.2, -0.1], dtype=torch.float64), 0)
    logits = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    for _step in range(200):
        chosen, rejected = implicit_reward(torch.log_softmax(logits, 0), reference, beta)
        (slope,) = torch.autograd.grad(ipo_loss(chosen[None], rejected[None], beta=beta), logits)
        logits.data -= 0.1 * slope
    odds = logits.detach()[0] - logits.detach()[1]
    torch.testing.assert_close(odds, reference[0] - reference[1] + 1 / (2 * beta), rtol=0, atol=1e-9)


def test_it_starts_at_the_square_of_the_margin_it_asks_for() -> None:
    report = stage("ipo", n_prompts=8, beta=0.5).update(1)
    np.testing.assert_allclose(report.scalars["train/loss"], 1.0, atol=1e-4)


def test_an_update_asks_for_its_margin_against_the_reference() -> None:
    agent, twin = moved("ipo", beta=0.5), moved("ipo", beta=0.5)
    report, written = agent.update(1), twin.write()
    now, before = (token_log_probs(twin, model, written.rows).sum(1) for model in (twin.model, twin.reference))
    gone = now - before.detach()
    terms = []
    for number, group in enumerate(written.group_rewards):
        first = 4 * number
        terms.append((gone[first + group.argmax()] - gone[first + group.argmin()] - 1 / (2 * 0.5)) ** 2)
    is_telling = torch.from_numpy(np.ptp(written.group_rewards, axis=1) > 1e-6)
    assert is_telling.any()
    check_step(agent, report, twin, torch.stack(terms)[is_telling].mean())
