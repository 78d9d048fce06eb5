r"""Direct preference optimization (DPO): learn from pairs without a reward model, for the model itself is one.

Of all models that earn as much as they can at a price of β per nat of divergence from the reference, the best is
$\pi^*(y \mid x) \propto \pi_{ref}(y \mid x)\, e^{r(x, y)/\beta}$. Read backwards, every model says what reward it would be best for, up
to a number that depends on the prompt alone: its implicit reward

$$\hat r_\theta(x, y) = \beta \log \frac{\pi_\theta(y \mid x)}{\pi_{ref}(y \mid x)} \tag{1}$$

Where a rater prefers $y_w$ to $y_l$ as Bradley and Terry say, with probability $\sigma(r_w - r_l)$, maximum likelihood is

$$L(\theta) = -\,\mathbb{E}\big[\log \sigma\big(\hat r_\theta(x, y_w) - \hat r_\theta(x, y_l)\big)\big] \tag{2}$$

and its slope pushes hardest where the pair is ranked wrongly:

$$\frac{\partial L}{\partial \hat r_w} = -\frac{\partial L}{\partial \hat r_l} = -\sigma(\hat r_l - \hat r_w) \tag{3}$$

Why does the log-probability of the preferred completion fall? The loss asks for a margin only, and is content where both fall and the
other one falls further. Up to where the two part, nothing is asked for: there the same tokens stand after the same text, and their
slopes cancel. Beyond it the two are written by the same weights after similar text, so that pushing one down drags its neighbour
along, and what both lose goes to completions that are in no pair (Razin et al., 2024).

With `pairs = "offline"` the reference writes the completions, as in a data set that was collected before; with `"online"` the model
itself does, and the best is compared with the worst of what it writes now. Then only a prompt at which the model still errs gives a
pair, and what it errs by is what has become likelier than it was: margins of new pairs may stay below 0 while the reward rises.

What this file leaves out:

1. a fixed data set that is read again: the reference writes new pairs for every update;
2. label smoothing.

Sources: Rafailov et al. (2023), "Direct preference optimization", arXiv 2305.18290; Guo et al. (2024), "Direct language model
alignment from online AI feedback", arXiv 2402.04792, for online pairs; Razin et al. (2024), "Unintentional unalignment: likelihood
displacement in direct preference optimization", arXiv 2410.08847.
"""

import numpy as np
from torch import Tensor
from torch.nn.functional import logsigmoid

from app.core.config import Hyper
from app.core.contracts import Array
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.language_learner import check_task
from app.parts.preference_learner import PREFERENCE_EMITS, PREFERENCE_SIGNALS, PreferenceLearner
from app.parts.preferences import PairChoices, apart
from app.parts.transformer import as_tensor


class DPOConfig(PairChoices):
    """Hyperparameters of DPO."""

    # fmt: off
    beta: float = Hyper(0.1, above=0, high=100, symbol=r"\beta", scale="log", live="update",
        help=_("Price of a nat of divergence from the reference: raising it keeps the model nearer to what it was."))
    pairs: str = Hyper("online", choices=("online", "offline"), live="update",
        help=_("Who writes the completions that are compared: the model as it is now, or the reference."))
    # fmt: on


def implicit_reward(log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return the implicit reward (1) of completions (…) from their log-probabilities (…)."""
    return beta * (log_probs - reference)  # (1)


def dpo_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return L (2) of the implicit rewards of the preferred and the other completions (N,); 0 without pairs."""
    return -logsigmoid(chosen - rejected).sum() / max(len(chosen), 1)  # (2)


def dpo_slope(chosen: Array, rejected: Array) -> Array:
    """Return how hard each pair pushes (N,): ∂L/∂r of the other completion, before the mean."""
    return np.asarray(1 / (1 + np.exp(chosen - rejected)))  # (3)


class DPOAgent(PreferenceLearner):
    """A model trained by DPO."""

    config: DPOConfig

    def learn(self) -> Report:
        """Write pairs, and take one step on them."""
        written, pairs, rows = self.write_pairs(self.config.pairs == "online")
        log_probs = self.judge(rows).log_probs.sum(1)
        reference = as_tensor(self.reference_log_probs(rows)).sum(1)
        rewards = implicit_reward(log_probs, reference, self.config.beta)
        scalars = self.descend(dpo_loss(*apart(rewards)))
        found = rewards.detach().numpy()
        scalars["train/push"] = float(dpo_slope(*apart(found)).mean()) if len(pairs) else 0.0
        return self.report_pairs(written, pairs, scalars, scores=found, log_probs=log_probs.detach().numpy())


SPEC = AlgorithmSpec(
    id="dpo",
    name=_("DPO"),
    summary=_("Preferred completions are made likelier than others of the same prompt, against a reference; no reward model."),
    family="language",
    version=1,
    config=DPOConfig,
    agent=DPOAgent,
    smoke=Smoke(
        "sort_digits", 60, {"d_model": 16, "n_layers": 1, "n_heads": 2, "n_prompts": 4, "group_size": 4},
        {"n_digits": 3},
    ),
    parent="sft",
    emits=PREFERENCE_EMITS,
    signals=PREFERENCE_SIGNALS,
    step_unit="update",
    default_steps=280,
    follows=("sft", "pretrain"),
    references=(
        "Rafailov et al. (2023), Direct preference optimization: your language model is secretly a reward model, arXiv 2305.18290",
        "Guo et al. (2024), Direct language model alignment from online AI feedback, arXiv 2402.04792",
        "Razin et al. (2024), Unintentional unalignment: likelihood displacement in direct preference optimization, arXiv 2410.08847",
    ),
    check=check_task,
)  # fmt: skip
