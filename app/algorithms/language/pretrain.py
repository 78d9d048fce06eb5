r"""Pre-training: predict the next token of everything that was written.

Documents come from several authors, who continue the same prompts each in a way of their own; few of them do what a task asks
for. Every token of a document but its first is predicted from those before it, the prompt's as well as the continuation's:

$$L(\theta) = -\frac{1}{N} \sum_{d} \sum_{i \ge 2} \log \pi_\theta(x_{d,i} \mid x_{d,<i}) \tag{1}$$

with $N$ the number of tokens predicted. Its smallest value is the entropy of the documents; a model at it writes like the authors,
each as often as they write. So a pre-trained model can do what is asked, but does it only now and then: later stages do not teach
it something new so much as choose between its authors.

What this file leaves out:

1. several documents in one row;
2. documents read more than once, and a held-out set of them: they are written anew for every update.

Sources: Radford et al. (2018), "Improving language understanding by generative pre-training".
"""

import torch
from torch import Tensor

from app.core.config import Hyper
from app.core.report import Report
from app.core.specs import AlgorithmSpec, Smoke
from app.core.text import _
from app.parts.demonstrations import documents
from app.parts.language_learner import LANGUAGE_SIGNALS, LanguageLearner, ModelChoices, check_task
from app.parts.sampling import log_probs_of, next_log_probs, padding_of
from app.parts.tokens import PAD
from app.parts.transformer import as_tensor


class PretrainConfig(ModelChoices):
    """Hyperparameters of pre-training."""

    # fmt: off
    learning_rate: float = Hyper(2e-3, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of AdamW: raising it learns faster until the loss jumps."))
    batch_size: int = Hyper(256, low=1, high=4096, unit=_("documents"), symbol="B", live="update",
        help=_("Documents of an update: raising it gives steadier steps and costs time."))
    warmup_steps: int = Hyper(20, low=0, high=10_000, unit=_("updates"), advanced=True, live="update",
        help=_("Updates over which the learning rate rises from 0: raising it makes the start gentler."))
    # fmt: on


def next_token_loss(log_probs: Tensor, mask: Tensor) -> Tensor:
    """Return L (1) of log-probabilities (B, L − 1) of the tokens from the second on, and a mask (B, L − 1)."""
    return -(log_probs * mask).sum() / mask.sum()  # (1)


def predicted(tokens: Tensor) -> Tensor:
    """Return which tokens from the second column on count (B, L − 1): real ones after a real one."""
    return ((tokens[:, 1:] != PAD) & (tokens[:, :-1] != PAD)).float()


class PretrainAgent(LanguageLearner):
    """A model that learns to write like its authors."""

    config: PretrainConfig

    def learn(self) -> Report:
        """Take one step on new documents."""
        prompts = self.task.prompts(self.prompt_random.uniforms(self.config.batch_size))
        tokens = as_tensor(documents(self.task, prompts, self.token_random).tokens)
        hidden = self.model.hidden(tokens[:, :-1], padding_of(tokens[:, : self.task.prompt_columns].numpy()))
        logits, mask = self.model.logits(hidden), predicted(tokens)
        scalars = self.descend(next_token_loss(log_probs_of(next_log_probs(logits), tokens[:, 1:]), mask))
        with torch.no_grad():
            is_right = (logits.argmax(-1) == tokens[:, 1:]) * mask
        return Report(1, 1, scalars=scalars | {"train/token_accuracy": float(is_right.sum() / mask.sum())})


SPEC = AlgorithmSpec(
    id="pretrain",
    name=_("Pre-training"),
    summary=_("The model predicts the next token of documents by many authors, few of whom do what will be asked."),
    family="language",
    version=1,
    config=PretrainConfig,
    agent=PretrainAgent,
    smoke=Smoke("sort_digits", 60, {"d_model": 16, "n_layers": 1, "n_heads": 2, "batch_size": 16}, {"n_digits": 3}),
    emits=("train/loss", "train/grad_norm", "train/learning_rate", "train/token_accuracy"),
    signals=LANGUAGE_SIGNALS,
    emits_episodes=False,
    step_unit="update",
    default_steps=300,
    references=("Radford et al. (2018), Improving language understanding by generative pre-training",),
    check=check_task,
)
