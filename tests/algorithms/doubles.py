"""Agents of ours and of Stable-Baselines3 in double precision, so that parity is a question of equations, not of rounding."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from app.algorithms.policy_based import sac
from app.algorithms.value_based import dueling_dqn
from app.parts import noisy, off_policy, policy_learner, q_learner
from app.parts.networks import Networks
from app.parts.replay import Transitions

OURS = (policy_learner, off_policy, q_learner, noisy, sac, dueling_dqn)


def ours_in_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let agents that are built from now on have networks of doubles."""
    for module in OURS:
        monkeypatch.setattr(module, "Networks", partial(Networks, dtype=torch.float64))


def batch_in_doubles(batch: Transitions) -> Transitions:
    """Return a minibatch with every number but a choice in double precision."""
    return Transitions(*(x if x.dtype.kind == "i" else x.astype(np.float64) for x in batch))


class _Widened(torch.nn.Flatten):
    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return super().forward(observations).double()


def theirs_in_doubles(policy: Any) -> None:
    """Widen a policy of Stable-Baselines3; observations, which it narrows to single precision, are widened behind that."""
    from stable_baselines3.common.torch_layers import FlattenExtractor

    policy.double()
    for module in policy.modules():
        if isinstance(module, FlattenExtractor):
            module.flatten = _Widened()
