"""The reward model: Bradley and Terry by maximum likelihood, and that it learns to rank."""

import numpy as np
import pytest
import torch

from app.algorithms.language.reward_model import bradley_terry_loss, preference
from app.core.errors import InvalidInput
from tests.algorithms.language.stages import slope_by_differences, stage


def test_the_loss_is_the_likelihood_of_the_labels() -> None:
    scores = np.random.default_rng(0).normal(size=(2, 6))
    value = bradley_terry_loss(*torch.from_numpy(scores)).item()
    assert value == pytest.approx(-np.log(preference(scores[0], scores[1])).mean(), abs=1e-12)
    slope = slope_by_differences(lambda pairs: float(bradley_terry_loss(*torch.from_numpy(pairs))), scores.copy())
    np.testing.assert_allclose(slope[0], (preference(scores[0], scores[1]) - 1) / 6, atol=1e-9)


def test_it_recovers_the_worths_that_made_the_pairs() -> None:
    worths = np.array([0.0, 0.7, -0.4, 1.5])
    first, second = np.triu_indices(4, 1)
    won = preference(worths[first], worths[second])
    found = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    for _step in range(3_000):
        margins = found[first] - found[second]
        loss = -(torch.from_numpy(won) * torch.nn.functional.logsigmoid(margins)).mean()
        loss = loss - (torch.from_numpy(1 - won) * torch.nn.functional.logsigmoid(-margins)).mean()
        (slope,) = torch.autograd.grad(loss, found)
        found.data -= 4 * slope
    np.testing.assert_allclose((found - found[0]).detach().numpy(), worths, atol=1e-8)


def test_it_learns_to_rank_completions_of_prompts_it_never_saw() -> None:
    agent = stage("reward_model", steps=60, d_model=32, n_prompts=64, learning_rate=3e-3)
    before = agent.diagnostics()["eval/accuracy"]
    for _update in range(60):
        report = agent.update(1)
    assert report.scalars["train/loss"] < np.log(2) - 0.1
    assert agent.diagnostics()["eval/accuracy"] > max(before, 0.65)


def test_it_hands_on_the_writer_as_it_was_and_itself_as_the_judge() -> None:
    first = stage("sft")
    first.update(1)
    judge = stage("reward_model", origin=first.state(), n_prompts=8)
    judge.update(1)
    handed = judge.state()
    assert np.array_equal(handed["model"]["weights"], first.model.weights)
    assert not np.array_equal(handed["judge"]["weights"][: first.model.weights.size], first.model.weights)
    later = stage("rloo", origin=handed, reward="reward_model", n_prompts=4)
    written = later.write()
    np.testing.assert_allclose(written.rewards, later.scored(written.rows))
    assert not np.allclose(written.rewards, written.true_rewards)


def test_a_stage_that_has_no_reward_model_to_start_from_says_so() -> None:
    with pytest.raises(InvalidInput, match="no stage to start from that has a reward model"):
        stage("rloo", origin=stage("sft").state(), reward="reward_model")
    with pytest.raises(InvalidInput, match="no stage to start from that has a reward model"):
        stage("rloo", reward="reward_model").update(1)
