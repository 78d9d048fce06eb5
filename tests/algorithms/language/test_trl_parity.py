"""DPO, IPO, GRPO and RLOO on the same tensors as TRL's trainers, with loss and slope; the fixture is made by `make_trl_fixture`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from app.algorithms.language.dpo import dpo_loss, implicit_reward
from app.algorithms.language.grpo_language import Batch, grpo_loss
from app.algorithms.language.ipo import ipo_loss
from app.algorithms.language.rloo import rloo_loss
from app.parts.sampling import log_probs_of, next_log_probs
from app.parts.tokens import PAD, written_by_model
from app.parts.transformer import as_tensor

SHARED: dict[str, Any] = json.loads((Path(__file__).parent / "trl_losses.json").read_text(encoding="utf-8"))
COMPLETIONS = np.array(SHARED["completions"])
FIRST = len(SHARED["prompts"][0]) - 1  # the column that says what comes first
OWN = written_by_model(COMPLETIONS)
MASK = torch.from_numpy(OWN.astype(np.float64))
ADVANTAGES = torch.tensor([[1.0], [-0.5], [0.75], [-2.0]], dtype=torch.float64)


def scores(name: str) -> Tensor:
    """Return scores (B, L, V), of which padding has none."""
    logits = torch.tensor(SHARED[name], dtype=torch.float64)
    return torch.cat([torch.full_like(logits[..., :1], -1e9), logits], -1)


def log_probs(logits: Tensor) -> Tensor:
    """Return the log-probabilities of the tokens that were written (B, C), 0 elsewhere."""
    return log_probs_of(next_log_probs(logits[:, FIRST:-1]), as_tensor(COMPLETIONS)) * MASK


def paired(rewards: Tensor) -> tuple[Tensor, Tensor]:
    return rewards[:2], rewards[2:]


def dpo(now: Tensor) -> Tensor:
    said, before = (log_probs(logits).sum(1) for logits in (now, scores("reference")))
    return dpo_loss(*paired(implicit_reward(said, before, 0.3)))


def ipo(now: Tensor) -> Tensor:
    """TRL takes the mean over a completion's tokens where the paper, and our stage, take the sum."""
    said, before = (log_probs(logits).sum(1) / MASK.sum(1) for logits in (now, scores("reference")))
    return ipo_loss(*paired(implicit_reward(said, before, 0.3)), beta=0.3)


def grpo(now: Tensor, beta: float = 0.0) -> Tensor:
    batch = Batch(log_probs(scores("old")), log_probs(scores("reference")), ADVANTAGES, MASK)
    return grpo_loss(log_probs(now), batch, clip_range=0.2, beta=beta).value


def grpo_kl(now: Tensor) -> Tensor:
    return grpo(now, 0.2)


def rloo(now: Tensor) -> Tensor:
    """TRL writes −A·ρ where ours writes −A·log π: another value, and on fresh completions the same slope."""
    found = rloo_loss(log_probs(now), ADVANTAGES[:, 0], MASK)
    return found - found.detach() - ADVANTAGES.mean()


@pytest.mark.parametrize("ours", [dpo, ipo, grpo, grpo_kl, rloo], ids=lambda function: function.__name__)
def test_loss_and_slope_are_those_of_trl(ours: Callable[[Tensor], Tensor]) -> None:
    theirs, now = SHARED["found"][ours.__name__], scores("now").requires_grad_()
    loss = ours(now)
    (slope,) = torch.autograd.grad(loss, now)
    assert loss.item() == pytest.approx(theirs["loss"], abs=1e-9)
    np.testing.assert_allclose(slope.ravel().numpy(), theirs["slope"], rtol=1e-8, atol=1e-10)
    assert np.abs(theirs["slope"]).max() > 0.01


def test_the_slope_is_nothing_before_the_answer_and_after_its_end() -> None:
    for name in ("dpo", "ipo", "grpo_kl", "rloo"):
        slope = np.array(SHARED["found"][name]["slope"]).reshape(len(OWN), -1, scores("now").shape[-1])
        is_pushed = (slope != 0).any(-1)
        assert np.array_equal(is_pushed[:, FIRST:-1], OWN)
        assert not is_pushed[:, :FIRST].any()
        assert not is_pushed[:, -1].any()
        assert (slope[..., PAD] == 0).all()


def test_some_ratios_of_the_fixture_are_clipped_and_some_are_not() -> None:
    gone = (log_probs(scores("now")) - log_probs(scores("old"))).exp() - 1
    is_clipped = (gone * ADVANTAGES.sign() > 0.2) & (MASK > 0)
    assert 0 < is_clipped.sum() < MASK.sum() - 2
