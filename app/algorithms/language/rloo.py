r"""REINFORCE leave-one-out (RLOO): the other completions of a prompt are the baseline of each.

To each prompt the model writes $G$ completions. One earned $r_i$ from the task; what it costs to move away from the reference,
the model that this run started with, is taken off at once, for the whole completion:

$$R_i = r_i - \beta \log \frac{\pi_\theta(y_i \mid x)}{\pi_{ref}(y_i \mid x)} \tag{1}$$

What was to be expected is the mean of the *others*, which does not depend on $y_i$, and so the gradient has no bias:

$$A_i = R_i - \frac{1}{G-1} \sum_{j \ne i} R_j \tag{2}$$

A completion is one action, whose log-probability is the sum over its tokens. The loss, whose gradient is the policy gradient,

$$L(\theta) = -\frac{1}{B} \sum_i A_i \sum_t \log \pi_\theta(y_{i,t} \mid x, y_{i,<t}) \tag{3}$$

There is no ratio and no clip: each completion is used once. GRPO's baseline includes the completion itself, and its deviation
is divided out; RLOO does neither.

What this file leaves out:

1. several steps on the same completions, which would need the ratio.

Sources: Kool, van Hoof and Welling (2019), "Buy 4 REINFORCE samples, get a baseline for free!"; Ahmadian et al. (2024), "Back to
basics", arXiv 2402.14740.
"""

import numpy as np
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
    mean_over,
)
from app.parts.transformer import as_tensor


class RLOOConfig(ReinforcedChoices):
    """Hyperparameters of RLOO."""

    # fmt: off
    beta: float = Hyper(0.0, low=0, high=10, symbol=r"\beta", live="update",
        help=_("Price of a nat of divergence from the reference, taken off the reward: raising it keeps the model nearer to what it was."))
    # fmt: on


def leave_one_out(rewards: Array) -> Array:
    """Return the advantage (2) of each completion of each group (K, G)."""
    others = (rewards.sum(axis=1, keepdims=True) - rewards) / (rewards.shape[1] - 1)
    return np.asarray(rewards - others)  # (2)


def rloo_loss(log_probs: Tensor, advantages: Tensor, mask: Tensor) -> Tensor:
    """Return L of log-probabilities (B, C), advantages (B,) and a mask (B, C)."""
    return -(advantages * (log_probs * mask).sum(1)).mean()  # (3)


class RLOOAgent(ReinforcedLearner):
    """A model trained by RLOO: K prompts, G completions of each."""

    config: RLOOConfig

    def learn(self) -> Report:
        """Write completions, and take one step from what they earned."""
        config, written = self.config, self.write()
        old, mask = written.rows.log_probs, as_tensor(written.mask)
        reference = self.reference_log_probs(written.rows) if config.beta else old
        earned = written.rewards - config.beta * (old - reference).sum(axis=1)  # (1)
        advantages = leave_one_out(earned.reshape(config.n_prompts, -1)).ravel().astype(np.float32)
        judged = self.judge(written.rows)
        scalars = self.descend(rloo_loss(judged.log_probs, as_tensor(advantages), mask))
        self.noted.update(written, advantages[:, None])
        return self.report(written, [scalars | {"train/entropy": mean_over(judged.entropies, mask)}])


SPEC = AlgorithmSpec(
    id="rloo",
    name=_("RLOO"),
    summary=_("REINFORCE of whole completions, each compared with the mean of the others of its prompt."),
    family="language",
    version=1,
    config=RLOOConfig,
    agent=RLOOAgent,
    smoke=Smoke(
        "sort_digits", 60, {"d_model": 16, "n_layers": 1, "n_heads": 2, "n_prompts": 4, "group_size": 4},
        {"n_digits": 3},
    ),
    parent="best_of_n",
    emits=REINFORCED_EMITS,
    signals=REINFORCED_SIGNALS,
    step_unit="update",
    default_steps=280,
    follows=("sft", "pretrain"),
    references=(
        "Kool, van Hoof and Welling (2019), Buy 4 REINFORCE samples, get a baseline for free!",
        "Ahmadian et al. (2024), Back to basics: revisiting REINFORCE-style optimization for learning from human feedback in LLMs, arXiv 2402.14740",
    ),
    check=check_task,
)  # fmt: skip
