r"""Group relative policy optimization (GRPO) of a language model: several answers to one prompt judge each other.

To each prompt the model writes $G$ completions, and a program says what each earned, $R_i$. What was to be expected of the
prompt is the mean of its group, so there is no critic:

$$\hat A_i = \frac{R_i - \operatorname{mean}(R_1, \dots, R_G)}{\operatorname{std}(R_1, \dots, R_G)} \tag{1}$$

Where a completion is right or wrong (1 or 0), and a share $p$ of the group is right, that is $+\sqrt{(1-p)/p}$ for the right
ones and $-\sqrt{p/(1-p)}$ for the wrong ones. A group whose completions all earned the same is dead: it
teaches nothing. (Where all groups are dead, momentum and weight decay of the optimiser still move the parameters a little.)
Every token of a completion is judged by $\hat A_i$. With the ratio of its new to its old probability

$$\rho_{i,t}(\theta) = \frac{\pi_\theta(y_{i,t} \mid x, y_{i,<t})}{\pi_{\theta_{old}}(y_{i,t} \mid x, y_{i,<t})} \tag{2}$$

and the estimate of the divergence from the reference, the model that this run started with,

$$k_3 = \frac{\pi_{ref}}{\pi_\theta} - 1 - \log \frac{\pi_{ref}}{\pi_\theta} \tag{3}$$

the loss is, over all tokens that the model wrote,

$$L(\theta) = -\,\mathbb{E}\big[\min\big(\rho \hat A,\; \mathrm{clip}(\rho, 1-\epsilon, 1+\epsilon)\,\hat A\big)\big] + \beta\, \mathbb{E}[k_3] \tag{4}$$

Why does the loss begin at 0? On fresh completions the ratio is 1, and the advantages of a group add up to 0, so the loss is 0
where completions are equally long and $\beta = 0$. Its gradient is not: it is that of $\log \pi$, weighted by the advantages.
With one pass, as set at first, every ratio is 1 and nothing is clipped; raise `n_epochs` to see the clip act.

What this file leaves out:

1. the mean over each completion before the mean over completions: here every token counts the same, as in later work;
2. completions that are cut count like others, with what they earned;
3. the ratio as a factor of $k_3$, which makes its slope that of the divergence itself: here as in the first paper.

Sources: Shao et al. (2024), "DeepSeekMath", arXiv 2402.03300; Liu et al. (2025), "Understanding R1-Zero-like training",
arXiv 2503.20783; Yu et al. (2025), "DAPO", arXiv 2503.14476, for the mean over tokens.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from app.core.config import Hyper
from app.core.contracts import Array
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.language_learner import check_task
from app.parts.reinforced import (
    REINFORCED_EMITS,
    REINFORCED_SIGNALS,
    ReinforcedChoices,
    ReinforcedLearner,
    is_telling,
    mean_over,
)
from app.parts.transformer import as_tensor


class GRPOLanguageConfig(ReinforcedChoices):
    """Hyperparameters of GRPO of a language model."""

    # fmt: off
    n_epochs: int = Hyper(1, low=1, high=20, unit=_("epochs"), live="update",
        help=_("Steps on the same completions: raising it uses them more and moves the model further from where they were written."))
    clip_range: float = Hyper(0.2, above=0, high=1, symbol=r"\epsilon", live="update",
        help=_("Half width of the clip interval: raising it lets one update change the model more."))
    scale_rewards: bool = Hyper(True, live="update",
        help=_("Divide by the group's deviation, so that a group with small differences counts as much; off, large differences count more."))
    beta: float = Hyper(0.0, low=0, high=10, symbol=r"\beta", live="update",
        help=_("Price of a nat of divergence from the reference: raising it keeps the model nearer to what it was."))
    # fmt: on


class Batch(NamedTuple):
    """What a step learns from: log-probabilities when written and of the reference (B, C), advantages (B, 1), mask (B, C)."""

    old: Tensor
    reference: Tensor
    advantages: Tensor
    mask: Tensor


class Loss(NamedTuple):
    """L and what it consists of, per token (B, C)."""

    value: Tensor
    ratio: Tensor
    divergence: Tensor


def relative_advantages(rewards: Array, is_scaled: bool) -> Array:
    """Return the advantage (1) of each completion of each group (K, G); 0 in a group that earned all the same."""
    above = rewards - rewards.mean(axis=1, keepdims=True)
    above[~is_telling(rewards)] = 0.0
    if not is_scaled:
        return np.asarray(above)
    deviations = rewards.std(axis=1, keepdims=True)
    return np.asarray(above / np.where(deviations > 0, deviations, 1.0))  # (1)


def grpo_loss(log_probs: Tensor, batch: Batch, *, clip_range: float, beta: float) -> Loss:
    """Return L of the log-probabilities (B, C) of the tokens now."""
    old, reference, advantages, mask = batch
    ratio = torch.exp(log_probs - old)  # (2)
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    surrogate = torch.minimum(ratio * advantages, clipped * advantages)
    log_ratio = reference - log_probs
    divergence = torch.exp(log_ratio) - 1 - log_ratio  # (3)
    value = ((beta * divergence - surrogate) * mask).sum() / mask.sum()  # (4)
    return Loss(value, ratio.detach(), divergence.detach())


class GRPOLanguageAgent(ReinforcedLearner):
    """A model trained by GRPO: K prompts, G completions of each."""

    config: GRPOLanguageConfig

    def learn(self) -> Report:
        """Write completions, and take `n_epochs` steps from what they earned."""
        config, written = self.config, self.write()
        advantages = relative_advantages(written.group_rewards, config.scale_rewards)
        weights = as_tensor(advantages.reshape(-1, 1).astype(np.float32))
        mask, old = as_tensor(written.mask), as_tensor(written.rows.log_probs)
        reference = as_tensor(self.reference_log_probs(written.rows)) if self.needs_reference else old
        batch, measured = Batch(old, reference, weights, mask), []
        for _epoch in range(config.n_epochs):
            judged = self.judge(written.rows)
            loss = grpo_loss(judged.log_probs, batch, clip_range=config.clip_range, beta=config.beta)
            gone = ((loss.ratio - 1).abs() > config.clip_range).float()
            measured.append(
                self.descend(loss.value)
                | {"train/entropy": mean_over(judged.entropies, mask), "train/clip_fraction": mean_over(gone, mask)}
            )
        self.noted.update(written, weights.numpy())
        return self.report(written, measured)

    @property
    def needs_reference(self) -> bool:
        """Whether the loss asks how far the model is from the reference."""
        return self.config.beta > 0


SPEC = AlgorithmSpec(
    id="grpo_language",
    name=_("GRPO of a language model"),
    summary=_("Several completions of one prompt are compared with each other; a program says what each earned."),
    family="language",
    version=1,
    config=GRPOLanguageConfig,
    agent=GRPOLanguageAgent,
    smoke=Smoke(
        "sort_digits", 60, {"d_model": 16, "n_layers": 1, "n_heads": 2, "n_prompts": 4, "group_size": 4},
        {"n_digits": 3},
    ),
    parent="rloo",
    emits=(*REINFORCED_EMITS, "train/clip_fraction"),
    signals=REINFORCED_SIGNALS,
    step_unit="update",
    default_steps=280,
    follows=("sft", "pretrain"),
    references=(
        "Shao et al. (2024), DeepSeekMath: pushing the limits of mathematical reasoning in open language models, arXiv 2402.03300",
        "Liu et al. (2025), Understanding R1-Zero-like training: a critical perspective, arXiv 2503.20783",
    ),
    check=check_task,
)  # fmt: skip
