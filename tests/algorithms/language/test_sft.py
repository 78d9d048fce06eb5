"""Supervised fine-tuning: the masked loss, and that it learns. Also app/parts/language_learner.py."""

import numpy as np
import pytest
import torch

from app import catalog
from app.algorithms.language.sft import masked_loss
from app.core.errors import InvalidInput
from app.parts.demonstrations import completed
from app.parts.sampling import completion_logits, log_probs_of, next_log_probs
from app.parts.transformer import as_tensor
from tests.algorithms.language.stages import small_task, stage


def test_prompt_and_padding_are_never_in_the_loss() -> None:
    log_probs = torch.tensor([[-1.0, -2.0, -50.0], [-3.0, -4.0, -5.0]])
    assert masked_loss(log_probs, torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])).item() == 2.0
    agent = stage("sft")
    examples = completed(small_task(), ["312=", "900="], ["123", "9"])
    tokens = as_tensor(examples.tokens)
    logits, _hidden = completion_logits(agent.model, tokens, 4)
    logits.retain_grad()
    agent.model.backward(masked_loss(log_probs_of(next_log_probs(logits), tokens[:, 4:]), as_tensor(examples.mask)))
    assert logits.grad is not None
    assert (logits.grad.abs().sum(-1) > 0).int().tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]


def test_it_is_the_cross_entropy_of_torch() -> None:
    agent = stage("sft")
    tokens = as_tensor(completed(small_task(), ["312="], ["123"]).tokens)
    logits, _hidden = completion_logits(agent.model, tokens, 4)
    ours = masked_loss(log_probs_of(next_log_probs(logits), tokens[:, 4:]), torch.ones(1, 4))
    theirs = torch.nn.functional.cross_entropy(logits[0, :, 1:], tokens[0, 4:] - 1)  # without padding
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)


def test_the_learning_rate_warms_up_and_falls() -> None:
    agent = stage("sft", steps=100, warmup_steps=10, learning_rate=1e-3, lr_end_share=0.2)
    rates = [agent.update(1).scalars["train/learning_rate"] for _ in range(30)]
    assert rates[0] == pytest.approx(1e-4)
    assert np.argmax(rates) == 9
    assert rates[29] == pytest.approx(1e-3 * (1 - 0.8 * 0.29))


def test_a_later_stage_starts_from_the_model_and_another_size_is_refused() -> None:
    first = stage("sft")
    first.update(1)
    second = stage("grpo_language", origin=first.state())
    assert np.array_equal(second.model.weights, first.model.weights)
    assert np.array_equal(second.reference.weights, first.model.weights)
    with pytest.raises(InvalidInput, match="d_model=16, this run 32"):
        stage("sft", origin=first.state(), d_model=32)
    with pytest.raises(InvalidInput, match="context=8, this run 10"):
        stage("sft", origin=first.state(), task=small_task(4))


def test_heads_share_the_size_evenly() -> None:
    with pytest.raises(InvalidInput, match="multiple of n_heads"):
        catalog.resolve("sft", "sort_digits", config={"d_model": 16, "n_heads": 3})


def test_a_task_without_right_answers_does_not_fit() -> None:
    assert "no right answers" in catalog.misfit(catalog.algorithm("sft"), catalog.environment("vowels"))
    with pytest.raises(InvalidInput, match="no right answers"):
        catalog.resolve("sft", "vowels")
    assert not catalog.misfit(catalog.algorithm("pretrain"), catalog.environment("vowels"))
