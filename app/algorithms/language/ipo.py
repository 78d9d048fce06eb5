r"""Identity preference optimization (IPO): preferences that are certain should not pull without end.

As in DPO, every model has an implicit reward against its reference,

$$\hat r_\theta(x, y) = \beta \log \frac{\pi_\theta(y \mid x)}{\pi_{ref}(y \mid x)} \tag{1}$$

DPO's loss falls for ever as the margin of a pair grows, so where one completion is always preferred nothing keeps the model near the
reference, whatever β is. IPO asks for a margin of one half instead, and for no more:

$$L(\theta) = \mathbb{E}\Big[\Big(\frac{\hat r_\theta(x, y_w) - \hat r_\theta(x, y_l)}{\beta} - \frac{1}{2\beta}\Big)^2\Big] \tag{2}$$

whose slope changes its sign once the margin is there:

$$\frac{\partial L}{\partial \hat r_w} = -\frac{\partial L}{\partial \hat r_l} = \frac{2}{\beta^2}\Big(\hat r_w - \hat r_l - \frac12\Big) \tag{3}$$

What this file leaves out:

1. a fixed data set that is read again: the reference writes new pairs for every update;
2. the mean over a completion's tokens that some implementations take.

Sources: Azar et al. (2023), "A general theoretical paradigm to understand learning from human preferences", arXiv 2310.12036.
"""

import numpy as np
from torch import Tensor

from app.core.config import Hyper
from app.core.contracts import Array
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.language_learner import check_task
from app.parts.preference_learner import PREFERENCE_EMITS, PREFERENCE_SIGNALS, PreferenceLearner
from app.parts.preferences import PairChoices, apart
from app.parts.transformer import as_tensor


class IPOConfig(PairChoices):
    """Hyperparameters of IPO."""

    # fmt: off
    beta: float = Hyper(0.1, above=0, high=100, symbol=r"\beta", scale="log", live="update",
        help=_("Price of a nat of divergence from the reference: raising it asks for a smaller margin."))
    pairs: str = Hyper("online", choices=("online", "offline"), live="update",
        help=_("Who writes the completions that are compared: the model as it is now, or the reference."))
    # fmt: on


def implicit_reward(log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return the implicit reward (1) of completions (…) from their log-probabilities (…)."""
    return beta * (log_probs - reference)  # (1)


def ipo_loss(chosen: Tensor, rejected: Tensor, *, beta: float) -> Tensor:
    """Return L (2) of the implicit rewards of the preferred and the other completions (N,); 0 without pairs."""
    return ((chosen - rejected) / beta - 1 / (2 * beta)).square().sum() / max(len(chosen), 1)  # (2)


def ipo_slope(chosen: Array, rejected: Array, *, beta: float) -> Array:
    """Return how hard each pair pushes (N,): ∂L/∂r of the other completion, before the mean."""
    return np.asarray(-2 / beta**2 * (chosen - rejected - 0.5))  # (3)


class IPOAgent(PreferenceLearner):
    """A model trained by IPO."""

    config: IPOConfig

    def learn(self) -> Report:
        """Write pairs, and take one step on them."""
        beta = self.config.beta
        written, pairs, rows = self.write_pairs(self.config.pairs == "online")
        log_probs = self.judge(rows).log_probs.sum(1)
        reference = as_tensor(self.reference_log_probs(rows)).sum(1)
        rewards = implicit_reward(log_probs, reference, beta)
        scalars = self.descend(ipo_loss(*apart(rewards), beta=beta))
        found = rewards.detach().numpy()
        scalars["train/push"] = float(ipo_slope(*apart(found), beta=beta).mean()) if len(pairs) else 0.0
        return self.report_pairs(written, pairs, scalars, scores=found, log_probs=log_probs.detach().numpy())


SPEC = AlgorithmSpec(
    id="ipo",
    name=_("IPO"),
    summary=_("DPO with a margin to reach instead of one to widen for ever."),
    family="language",
    version=1,
    config=IPOConfig,
    agent=IPOAgent,
    smoke=Smoke(
        "sort_digits", 60, {"d_model": 16, "n_layers": 1, "n_heads": 2, "n_prompts": 4, "group_size": 4},
        {"n_digits": 3},
    ),
    emits=PREFERENCE_EMITS,
    signals=PREFERENCE_SIGNALS,
    parent="dpo",
    step_unit="update",
    default_steps=280,
    follows=("sft", "pretrain"),
    references=(
        "Azar et al. (2023), A general theoretical paradigm to understand learning from human preferences, arXiv 2310.12036",
    ),
    check=check_task,
)  # fmt: skip
