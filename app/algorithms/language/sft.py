r"""Supervised fine-tuning (SFT): show the model right answers, and make them likely.

Of a prompt $x$ and a right answer $y$, every token of the answer is predicted from those before it. What is minimised is

$$L(\theta) = -\frac{1}{\sum_i m_i} \sum_i m_i \log \pi_\theta(y_i \mid x, y_{<i}) \tag{1}$$

where the mask $m_i$ is 1 for the tokens of the answer, its end token included once, and 0 for the prompt and for padding: the
model is not taught to write prompts. It is maximum likelihood, the same loss as of pre-training but for the mask.

Few steps suffice to make the model answer in the right form, with a right answer now and then: that is what reinforcement
needs, for it can only strengthen what is written at all. With `wrong_share` some of the answers are shuffled, and what SFT can
reach is then limited by its teacher, while what reinforcement can reach is not.

What this file leaves out:

1. packing several examples into a row; rows are short here;
2. examples read more than once: the task writes new ones without end.

Sources: Ouyang et al. (2022), "Training language models to follow instructions with human feedback", arXiv 2203.02155.
"""

from torch import Tensor

from app.core.config import Hyper
from app.core.contracts import Array
from app.core.report import Report
from app.core.specs import AlgorithmSpec, EnvironmentSpec, Smoke
from app.core.text import _
from app.parts.demonstrations import Examples, demonstrations
from app.parts.language_learner import LANGUAGE_SIGNALS, LanguageLearner, ModelChoices, check_task
from app.parts.sampling import completion_logits, log_probs_of, next_log_probs
from app.parts.transformer import as_tensor


class SFTConfig(ModelChoices):
    """Hyperparameters of supervised fine-tuning."""

    # fmt: off
    learning_rate: float = Hyper(2e-3, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of AdamW: raising it learns faster until the loss jumps."))
    batch_size: int = Hyper(256, low=1, high=4096, unit=_("examples"), symbol="B", live="update",
        help=_("Examples of an update: raising it gives steadier steps and costs time."))
    wrong_share: float = Hyper(0.0, low=0, high=1, live="update",
        help=_("Share of the answers whose characters are shuffled: raising it makes the teacher worse."))
    warmup_steps: int = Hyper(20, low=0, high=10_000, unit=_("updates"), advanced=True, live="update",
        help=_("Updates over which the learning rate rises from 0: raising it makes the start gentler."))
    # fmt: on


def masked_loss(log_probs: Tensor, mask: Tensor) -> Tensor:
    """Return L (1) of log-probabilities (B, C) of the tokens and a mask (B, C)."""
    return -(log_probs * mask).sum() / mask.sum()  # (1)


class SFTAgent(LanguageLearner):
    """A model that imitates right answers."""

    config: SFTConfig

    def learn(self) -> Report:
        """Take one step on new examples."""
        examples = self.examples()
        tokens = as_tensor(examples.tokens)
        logits, _hidden = completion_logits(self.model, tokens, self.task.prompt_columns)
        log_probs = log_probs_of(next_log_probs(logits), tokens[:, self.task.prompt_columns :])
        scalars = self.descend(masked_loss(log_probs, as_tensor(examples.mask)))
        guesses = logits.detach().argmax(-1).numpy()
        scalars["train/token_accuracy"] = right_share(guesses, examples)
        return Report(1, 1, scalars=scalars)

    def examples(self) -> Examples:
        """Return new prompts with right answers, some of them shuffled."""
        size = self.config.batch_size
        prompts = self.task.prompts(self.prompt_random.uniforms(size))
        return demonstrations(self.task, prompts, wrong_share=self.config.wrong_share, random=self.token_random)


def right_share(guesses: Array, examples: Examples) -> float:
    """Return the share of the masked tokens that are the likeliest ones (B, C)."""
    is_right = guesses == examples.tokens[:, -guesses.shape[1] :]
    return float((is_right * examples.mask).sum() / examples.mask.sum())


def fits(environment: EnvironmentSpec) -> str:
    """Return why a task cannot be imitated: nobody can write its answers."""
    if getattr(environment.make(environment.config()), "answer", None) is None:
        rule = _("{environment} has no right answers to show. Start reinforcement from a pre-trained model.")
        return rule.format(environment=environment.name)
    return ""


SPEC = AlgorithmSpec(
    id="sft",
    name=_("Supervised fine-tuning"),
    summary=_("The model imitates right answers: maximum likelihood of the answer's tokens, given the prompt."),
    family="language",
    version=1,
    config=SFTConfig,
    agent=SFTAgent,
    smoke=Smoke("sort_digits", 60, {"d_model": 16, "n_layers": 1, "n_heads": 2, "batch_size": 16}, {"n_digits": 3}),
    parent="pretrain",
    emits=("train/loss", "train/grad_norm", "train/learning_rate", "train/token_accuracy"),
    signals=LANGUAGE_SIGNALS,
    emits_episodes=False,
    step_unit="update",
    default_steps=200,
    follows=("pretrain",),
    references=(
        "Ouyang et al. (2022), Training language models to follow instructions with human feedback, arXiv 2203.02155",
    ),
    check=check_task,
    fits=fits,
)
