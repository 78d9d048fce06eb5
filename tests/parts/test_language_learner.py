"""The step that all stages share: AdamW of torch, with the gradient clipped. Its other sides are tested with the stages."""

import math

import numpy as np
import pytest
import torch

from app.core.errors import TrainingDiverged
from tests.algorithms.language.stages import stage


def test_a_step_is_that_of_torch_with_weight_decay_and_clipping() -> None:
    agent = stage("sft", learning_rate=3e-3, weight_decay=0.1, max_grad_norm=0.5, warmup_steps=0)
    theirs = torch.nn.Parameter(torch.from_numpy(agent.model.weights.copy()))
    optimiser = torch.optim.AdamW([theirs], lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
    rows = torch.tensor([[2, 5, 7, 1]])
    norms = []
    for factor in (1.0, 0.1, 5.0):
        agent.updates += 1
        loss = (agent.model.logits(agent.model.hidden(rows)) ** 2).mean() * factor
        agent.model.backward(loss)
        theirs.grad = torch.from_numpy(agent.model.gradient.copy())
        torch.nn.utils.clip_grad_norm_([theirs], 0.5)
        optimiser.step()
        norms.append(
            agent.descend((agent.model.logits(agent.model.hidden(rows)) ** 2).mean() * factor)["train/grad_norm"]
        )
        np.testing.assert_allclose(agent.model.weights, theirs.detach().numpy(), rtol=0, atol=2e-6)
    assert min(norms) < 0.5 < max(norms)  # some are clipped and some are not


def test_a_loss_that_is_no_number_stops_the_run_and_moves_nothing() -> None:
    agent = stage("sft")
    agent.updates = 1
    before = agent.model.weights.copy()
    loss = agent.model.logits(agent.model.hidden(torch.tensor([[2, 3]]))).sum() * math.nan
    with pytest.raises(TrainingDiverged, match="train/loss"):
        agent.descend(loss)
    assert np.array_equal(agent.model.weights, before)
