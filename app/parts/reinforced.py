"""What every stage has that lets the model write and learns from what it earned: prompts, groups, a reference, measures.

A reward model knows differences only: its zero and its unit mean nothing. Its scores are brought to mean 0 and deviation 1 over what
the reference writes, so that a price on the divergence means the same beside every reward model (Huang et al., 2024, arXiv 2403.17031).

K prompts, G completions of each, B = K · G rows, P prompt columns, C completion columns, V vocabulary.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.config import Hyper
from app.core.contracts import Problem, Tree
from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.core.report import Episodes, Report
from app.core.text import _
from app.parts.language_learner import LANGUAGE_SIGNALS, LanguageLearner, ModelChoices, model_tree
from app.parts.language_noted import Glimpses, LanguageNoted
from app.parts.pass_at_k import pass_at_k
from app.parts.sampling import Rows, complete, completion_logits, log_probs_of, next_log_probs, scores_of
from app.parts.tokens import END
from app.parts.transformer import Transformer, as_tensor

Array = NDArray[Any]
GAUGED_PROMPTS = 512  # that the reference answers to find the zero and the unit of a reward model
SAME = 1e-6  # rewards of a group nearer than this, of their size, are the same
REINFORCED_SIGNALS = (
    *LANGUAGE_SIGNALS, "shown_rows_before", "shown_rewards_before", "token_rows", "token_numbers", "group_rewards",
    "group_advantages",
)  # fmt: skip
REINFORCED_EMITS = (
    "train/loss", "train/grad_norm", "train/learning_rate", "train/reward", "train/reward_std",
    "train/frac_reward_zero_std", "train/entropy", "objective/true_reward", "objective/kl", "objective/kl_k3",
    "completions/mean_length", "completions/pass_at_1", "completions/pass_at_k",
)  # fmt: skip


class ReinforcedChoices(ModelChoices):
    """The hyperparameters of writing and of the step, the same for every stage that writes."""

    # fmt: off
    learning_rate: float = Hyper(5e-4, above=0, high=1, symbol=r"\alpha", scale="log", live="update",
        help=_("Step size of AdamW: raising it learns faster until the model forgets how to answer."))
    n_prompts: int = Hyper(32, low=1, high=512, unit=_("prompts"), symbol="K", live="update",
        help=_("Prompts of an update: raising it gives steadier steps and costs time."))
    group_size: int = Hyper(8, low=2, high=64, unit=_("completions"), symbol="G", live="update",
        help=_("Completions of each prompt: raising it says more surely what was to be expected, and costs time."))
    reward: str = Hyper("task", choices=("task", "reward_model"), settled=True,
        help=_("Who says what a completion earned: the task itself, or the reward model of the stage that this one starts from."))
    temperature: float = Hyper(1.0, above=0, high=10, live="update", advanced=True,
        help=_("Divides the scores of tokens: raising it makes what is written more varied."))
    warmup_steps: int = Hyper(10, low=0, high=10_000, unit=_("updates"), advanced=True, live="update",
        help=_("Updates over which the learning rate rises from 0: lowering it lets the first steps, of which the optimiser knows no size yet, undo what was there."))
    lr_end_share: float = Hyper(0.2, low=0, high=1, live="update", advanced=True,
        help=_("Share of the learning rate that is left at the end of the budget, to which it falls in a line."))
    # fmt: on


@dataclass(frozen=True)
class Written:
    """What the model wrote for an update.

    Attributes:
        prompts: as text (B).
        rows: prompts and completions as tokens.
        parts: of what the task says each earned (B, parts).
        rewards: what the stage learns from (B,): the sums of the parts, or the scores of a reward model.
        groups: K.
    """

    prompts: list[str]
    rows: Rows
    parts: Array
    rewards: Array
    groups: int

    @property
    def group_rewards(self) -> Array:
        """The rewards of each group (K, G)."""
        return np.array(self.rewards.reshape(self.groups, -1))

    @property
    def true_rewards(self) -> Array:
        """What the task says each earned (B,)."""
        return np.asarray(self.parts.sum(axis=1))

    @property
    def mask(self) -> Array:
        """Which tokens count (B, C) float32: those that the model wrote."""
        return self.rows.own.astype(np.float32)


class Judged(NamedTuple):
    """What the model says of rows: log-probabilities (B, C), entropies (B, C) detached, and the stream (B, C, D)."""

    log_probs: Tensor
    entropies: Tensor
    hidden: Tensor


class ReinforcedLearner(LanguageLearner):
    """A model that writes, a frozen copy of what it was at the start, and a reward model where one is asked for.

    Raises:
        InvalidInput: a reward model is asked for, and the stage to start from has none.
    """

    def __init__(self, config: Any, problem: Problem) -> None:
        super().__init__(config, problem)
        self.reference = self._model(0)
        self.reference.load(self.model.weights[: self.reference.weights.size])
        self.glimpses_before = Glimpses(self.reference, self.task)
        self.noted = LanguageNoted()
        self.scorer: Transformer | None = None
        self._gauge: tuple[float, float] | None = None
        if config.reward == "reward_model":
            self.scorer = self._model(1)
            if problem.origin is not None:
                self.scorer.load(_scorer_in(problem.origin))

    def write(self, model: Transformer | None = None) -> Written:
        """Write `group_size` completions to each of `n_prompts` new prompts, and have them rewarded."""
        config, task = self.config, self.task
        prompts = task.prompts(self.prompt_random.uniforms(config.n_prompts))
        rows = complete(
            model or self.model, task.encoded(prompts), turns=task.turns, group=config.group_size,
            random=self.token_random, temperature=config.temperature,
        )  # fmt: skip
        each = [prompt for prompt in prompts for _copy in range(config.group_size)]
        parts = task.rewards(each, rows.completions)
        rewards = parts.sum(axis=1) if self.scorer is None else self.scored(rows)
        return Written(each, rows, parts, rewards, config.n_prompts)

    @torch.inference_mode()
    def scored(self, rows: Rows) -> Array:
        """Return what the reward model says of completions (B,), in its deviations above its mean."""
        assert self.scorer is not None
        if not self.scorer.weights.any():
            raise _no_scorer()
        mean, deviation = self._gauge = self._gauge or self.gauge()
        return (scores_of(self.scorer, rows).numpy().astype(np.float64) - mean) / deviation

    def gauge(self) -> tuple[float, float]:
        """Return mean and deviation of the reward model's scores of what the reference writes, with draws of their own."""
        task, scorer = self.task, self.scorer
        assert scorer is not None
        prompts = task.prompts(Stream(0, "gauged prompts").uniforms(GAUGED_PROMPTS))
        rows = complete(self.reference, task.encoded(prompts), turns=task.turns, random=Stream(0, "gauged tokens"))
        scores = scores_of(scorer, rows).numpy().astype(np.float64)
        return float(scores.mean()), float(scores.std()) or 1.0

    def judge(self, rows: Rows) -> Judged:
        """Return what the model says of rows now, with its gradient."""
        tokens = as_tensor(rows.tokens)
        logits, hidden = completion_logits(self.model, tokens, rows.prompt_columns, rows.group)
        logs = next_log_probs(logits, self.config.temperature)
        with torch.no_grad():
            entropies = -(logs.exp() * logs).sum(-1)
        own = log_probs_of(logs, tokens[:, rows.prompt_columns :]) * as_tensor(rows.own)
        return Judged(own, entropies, hidden)

    @torch.inference_mode()
    def now(self, rows: Rows) -> tuple[Array, Array]:
        """Return log-probabilities and entropies (B, C) of rows as the model is now."""
        judged = self.judge(rows)
        return judged.log_probs.numpy(), judged.entropies.numpy()

    @torch.inference_mode()
    def reference_log_probs(self, rows: Rows) -> Array:
        """Return what the reference says of the tokens that were written (B, C), 0 elsewhere."""
        tokens = as_tensor(rows.tokens)
        logits, _hidden = completion_logits(self.reference, tokens, rows.prompt_columns, rows.group)
        logs = next_log_probs(logits, self.config.temperature)
        return np.asarray(log_probs_of(logs, tokens[:, rows.prompt_columns :]).numpy() * rows.own)

    def divergence(self, written: Written) -> dict[str, float]:
        """Return the mean of log π/π_ref of a completion, and of k3 of a token, over the first completion of each group."""
        size, rows = len(written.rewards) // written.groups, written.rows
        first = Rows(rows.tokens[::size], rows.prompt_columns, rows.own[::size], rows.log_probs[::size])
        gaps = first.log_probs - self.reference_log_probs(first)
        k3 = (np.exp(-gaps) - 1 + gaps)[first.own]
        return {"objective/kl": float(gaps.sum(axis=1).mean()), "objective/kl_k3": float(k3.mean())}

    def report(self, written: Written, measured: list[dict[str, float]]) -> Report:
        """Return an update's report from what its steps measured."""
        rewards, size = written.group_rewards, len(written.rewards) // written.groups
        passes = self.task.is_right(written.parts).reshape(rewards.shape).sum(axis=1)
        scalars = {name: float(np.mean([numbers[name] for numbers in measured])) for name in measured[0]}
        scalars |= {
            "train/reward": float(rewards.mean()),
            "train/reward_std": float(rewards.std(axis=1).mean()),
            "train/frac_reward_zero_std": float((~is_telling(rewards)).mean()),
            "objective/true_reward": float(written.true_rewards.mean()),
            **self.divergence(written),
            "completions/mean_length": float(written.rows.lengths.mean()),
            "completions/pass_at_1": float(pass_at_k(size, passes, 1).mean()),
            "completions/pass_at_k": float(pass_at_k(size, passes, size).mean()),
        }
        return Report(1, 1, self.episodes(written), scalars)

    def episodes(self, written: Written) -> Episodes:
        """Return the completions as episodes that ended with this update, with what the task says they earned."""
        rows = written.rows
        ended = (rows.completions == END).any(axis=1)
        ends = np.full(len(written.rewards), self.updates, np.int64)
        return Episodes(ends, written.true_rewards.astype(np.float64), rows.lengths.astype(np.int64), ended)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for."""
        return {
            **super().signals(),
            "shown_rows_before": self.glimpses_before.rows,
            "shown_rewards_before": self.glimpses_before.rewards,
            "token_rows": self.noted.tokens,
            "token_numbers": lambda: self.noted.numbers(self.now, self.reference_log_probs),
            "group_rewards": self.noted.group_rewards,
            "group_advantages": self.noted.group_advantages,
        }

    def state(self) -> Tree:
        """Return everything that decides the future; `model` and `judge` are what a later stage starts from."""
        judge = {} if self.scorer is None else {"judge": model_tree(self.scorer, self.task)}
        return {**super().state(), "reference": model_tree(self.reference, self.task), **judge}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        super().load(tree)
        self.reference.load(tree["reference"]["weights"])
        self._gauge = None
        if self.scorer is not None:
            self.scorer.load(tree["judge"]["weights"])


def _scorer_in(origin: Tree) -> Array:
    if "judge" not in origin:
        raise _no_scorer()
    return np.asarray(origin["judge"]["weights"])


def _no_scorer() -> InvalidInput:
    return InvalidInput.one(
        "config.reward", "reward_model", _("there is no stage to start from that has a reward model"),
        _("Train a reward model first, and start from that run; or let the task reward."),
    )  # fmt: skip


def is_telling(rewards: Array) -> Array:
    """Return which groups of rewards (K, G) hold different ones (K,); the last digits of a reward model's scores do not count."""
    return np.asarray(np.ptp(rewards, axis=1) > SAME * (1 + np.abs(rewards.mean(axis=1))))


def mean_over(values: Tensor, mask: Tensor) -> float:
    """Return the mean of values (B, C) where a mask (B, C) is 1."""
    return float((values * mask).sum() / mask.sum())
