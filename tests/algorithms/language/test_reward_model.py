"""The reward model: Bradley and Terry by maximum likelihood, and that it learns to rank."""

import json

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


def stored(*pairs: tuple[str, str, str, float]) -> dict[str, object]:
    """Labels of pairs (prompt, left, right, share that the left one is preferred)."""
    return {"texts": json.dumps([pair[:3] for pair in pairs]), "shares": np.array([pair[3] for pair in pairs])}


def test_a_tie_counts_half_for_either_side() -> None:
    scores = torch.tensor([[0.3, -1.0], [0.1, 2.0]], dtype=torch.float64)
    whole = bradley_terry_loss(*scores, torch.tensor([1.0, 1.0]))
    assert float(whole) == pytest.approx(float(bradley_terry_loss(*scores)))
    margins = scores[0] - scores[1]
    by_hand = -(0.5 * np.log(preference(margins.numpy(), 0.0)) + 0.5 * np.log(preference(-margins.numpy(), 0.0))).mean()
    assert float(bradley_terry_loss(*scores, torch.tensor([0.5, 0.5]))) == pytest.approx(by_hand)


def test_it_learns_what_a_person_prefers_though_the_task_says_otherwise() -> None:
    writer = stage("sft").state()
    pairs = [(f"{a}{b}{a}=", f"{a}{a}{b}⏎", f"{b}{a}{a}⏎", 0.0) for a in range(4) for b in range(5, 8)]
    agent = stage("reward_model", origin={**writer, "labels": stored(*pairs)}, labels="stored", learning_rate=3e-3)
    assert (agent.stored[0] == agent.task.encoded(["050="])[0][0]).any()
    for _update in range(40):
        report = agent.update(1)
    assert report.scalars["rewards/accuracies"] > 0.9, "descending answers are what the rater prefers here"
    assert report.scalars["train/loss"] < 0.4
    again = stage("reward_model", labels="stored", learning_rate=3e-3)
    again.load(agent.state())
    assert again.update(1).scalars == agent.update(1).scalars, "its checkpoint holds the labels"


def test_labels_that_are_missing_or_of_another_task_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no stored labels"):
        stage("reward_model", labels="stored").update(1)
    writer = stage("sft").state()
    for text, match in (("12x⏎", "no token"), ("1234567⏎", "more than")):
        labels = stored(("123=", "123⏎", text, 1.0))
        with pytest.raises(InvalidInput, match=match):
            stage("reward_model", origin={**writer, "labels": labels}, labels="stored")
