r"""Best-of-n fine-tuning, or rejection sampling: write several completions, keep the best, and imitate it.

To each prompt the model writes $G$ completions, which earn $R_i$. Kept is the best one of each group, where it is better than the
worst:

$$w_i = \mathbb{1}\big[\,i = \arg\max_j R_j \text{ and } R_i > \min_j R_j\,\big] \tag{1}$$

With `keep = "passing"` it is every completion that is right as a whole instead. What is kept is imitated as in supervised
fine-tuning:

$$L(\theta) = -\frac{\sum_i w_i \sum_t \log \pi_\theta(y_{i,t} \mid x, y_{i,<t})}{\sum_i w_i\, |y_i|} \tag{2}$$

It is a policy gradient with weights that are never negative: the model learns what to do, and nothing of what to avoid. The best of
$n$ completions diverges from the model that wrote them by at most

$$\mathrm{KL} \le \log n - \frac{n - 1}{n} \tag{3}$$

What this file leaves out:

1. choosing at the time of answering, without training: the pass@k curve shows what that would give;
2. a stock of kept completions of earlier updates.

Sources: Stiennon et al. (2020), "Learning to summarize from human feedback", arXiv 2009.01325; Touvron et al. (2023), "Llama 2",
arXiv 2307.09288, for rejection sampling.
"""

import math

import numpy as np
from torch import Tensor

from app.core.config import Hyper
from app.core.contracts import Array
from app.core.report import Report
from app.core.scalars import Scalar
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


class BestOfNConfig(ReinforcedChoices):
    """Hyperparameters of best-of-n fine-tuning."""

    # fmt: off
    keep: str = Hyper("best", choices=("best", "passing"), live="update",
        help=_("What is imitated: the best completion of each prompt, or every one that the task finds right as a whole, whoever rewards."))
    # fmt: on


def best_of_each(rewards: Array) -> Array:
    """Return w (1) as (K, G): 1 for the first best completion of each group that does not earn all the same."""
    kept = np.zeros(rewards.shape, np.float32)
    kept[np.arange(len(rewards)), rewards.argmax(axis=1)] = is_telling(rewards)  # (1)
    return kept


def imitation_loss(log_probs: Tensor, weights: Tensor, mask: Tensor) -> Tensor:
    """Return L of log-probabilities (B, C), weights (B, 1) and a mask (B, C); 0 where nothing is kept."""
    return -(weights * mask * log_probs).sum() / (weights * mask).sum().clamp(min=1.0)  # (2)


def divergence_bound(n: int) -> float:
    """Return the most by which the best of n completions diverges from the model that wrote them, in nats."""
    return math.log(n) - (n - 1) / n  # (3)


class BestOfNAgent(ReinforcedLearner):
    """A model that imitates the best of what it writes."""

    config: BestOfNConfig

    def learn(self) -> Report:
        """Write completions, and take one step towards the best."""
        written = self.write()
        rewards = written.group_rewards
        is_best = self.config.keep == "best"
        passing = self.task.is_right(written.parts).reshape(rewards.shape)
        kept = best_of_each(rewards) if is_best else passing.astype(np.float32)
        weights, mask = kept.reshape(-1, 1), as_tensor(written.mask)
        judged = self.judge(written.rows)
        scalars = self.descend(imitation_loss(judged.log_probs, as_tensor(weights), mask))
        scalars |= {"train/entropy": mean_over(judged.entropies, mask), "train/kept_share": float(kept.mean())}
        self.noted.update(written, weights)
        return self.report(written, [scalars])


SPEC = AlgorithmSpec(
    id="best_of_n",
    name=_("Best of n"),
    summary=_("The model writes several completions and imitates the best of each prompt: rejection sampling."),
    family="language",
    version=1,
    config=BestOfNConfig,
    agent=BestOfNAgent,
    smoke=Smoke(
        "sort_digits", 60, {"d_model": 16, "n_layers": 1, "n_heads": 2, "n_prompts": 4, "group_size": 4},
        {"n_digits": 3},
    ),
    parent="sft",
    emits=(*REINFORCED_EMITS, "train/kept_share"),
    signals=REINFORCED_SIGNALS,
    scalars=(
        Scalar("train/kept_share", _("Share kept"), _("share"), "neither", _("Share of the completions that are imitated; at 0 nothing is learned.")),
    ),
    step_unit="update",
    default_steps=280,
    follows=("sft", "pretrain"),
    references=(
        "Stiennon et al. (2020), Learning to summarize from human feedback, arXiv 2009.01325",
        "Touvron et al. (2023), Llama 2: open foundation and fine-tuned chat models, arXiv 2307.09288",
    ),
    check=check_task,
)  # fmt: skip
