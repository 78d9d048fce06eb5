"""What the last update of a language model saw, and what the model writes now: for pictures alone, no checkpoint holds it.

R rows shown, F fixed prompts, K prompts, G completions, P prompt columns, C completion columns, L = P + C, D model size.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.randomness import Stream
from app.parts.language_task import LanguageTask
from app.parts.sampling import Rows, complete, completion_logits, next_log_probs, padding_of
from app.parts.transformer import Transformer, as_tensor
from app.parts.tries import right_counts

Array = NDArray[Any]
T = TypeVar("T")
SHOWN_ROWS, FIXED_PROMPTS, DRAFT_PROMPTS = 64, 8, 32
TOKEN_COLUMNS = (
    "own", "log_prob", "old_log_prob", "reference_log_prob", "divergence", "entropy", "advantage", "value", "ratio",
)  # fmt: skip


class HasRows(Protocol):
    """What was written for an update."""

    @property
    def rows(self) -> Rows: ...
    @property
    def group_rewards(self) -> Array: ...


class LanguageNoted:
    """The rows of the last update, and how their tokens were judged."""

    def __init__(self) -> None:
        self._written: HasRows | None = None
        self._advantages = self._values = np.zeros((0, 1))

    def update(self, written: HasRows, advantages: Array, values: Array | None = None) -> None:
        """Keep what an update was made of: advantages (B, C) or (B, 1), values (B, C) where there is a critic."""
        shape = written.rows.own.shape
        self._written = written
        self._advantages = np.broadcast_to(advantages, shape)
        self._values = np.zeros(shape) if values is None else values

    def first_rows(self) -> Rows | None:
        """Return the rows that are shown, or None before the first update."""
        if self._written is None:
            return None
        rows, kept = self._written.rows, slice(SHOWN_ROWS)
        return Rows(rows.tokens[kept], rows.prompt_columns, rows.own[kept], rows.log_probs[kept])

    def tokens(self) -> Array:
        """Return the shown rows (R, L)."""
        rows = self.first_rows()
        return np.zeros((0, 1), np.int64) if rows is None else rows.tokens

    def numbers(self, now: Callable[[Rows], tuple[Array, Array]], reference: Callable[[Rows], Array]) -> Array:
        """Return the numbers of every token of the shown rows (R, C, columns), 0 where the model did not write.

        Args:
            now: `rows → log-probabilities and entropies (R, C)` of the model as it is.
            reference: `rows → log-probabilities (R, C)` of the reference.
        """
        rows = self.first_rows()
        if rows is None:
            return np.zeros((0, 1, len(TOKEN_COLUMNS)))
        log_probs, entropies = now(rows)
        of_reference = reference(rows)
        gap = of_reference - log_probs
        columns = (
            rows.own, log_probs, rows.log_probs, of_reference, np.exp(gap) - 1 - gap, entropies,
            self._advantages[:SHOWN_ROWS], self._values[:SHOWN_ROWS], np.exp(log_probs - rows.log_probs),
        )  # fmt: skip
        return np.asarray(np.stack([np.asarray(column, np.float64) for column in columns], -1) * rows.own[..., None])

    def group_rewards(self) -> Array:
        """Return what each completion of each group earned (K, G)."""
        return np.zeros((0, 1)) if self._written is None else self._written.group_rewards

    def group_advantages(self) -> Array:
        """Return the mean advantage of each completion of each group (K, G)."""
        if self._written is None:
            return np.zeros((0, 1))
        own = self._written.rows.own
        means = (self._advantages * own).sum(axis=1) / np.maximum(own.sum(axis=1), 1)
        return np.asarray(means.reshape(self._written.group_rewards.shape))


def shown_rows(model: Transformer, task: LanguageTask) -> Rows:
    """Return what a model writes to the fixed prompts (F rows), always with the same draws."""
    prompts = task.encoded(fixed_prompts(task))
    return complete(model, prompts, turns=task.turns, random=Stream(0, "shown"))


@torch.inference_mode()
def taken_apart(model: Transformer, rows: Rows) -> Array:
    """Return what led to each token of rows that were written with the draws of the shown ones (B, C, V + 3).

    The odds of all tokens before it; the token; 1 where the model wrote it; the number in [0, 1) that drew it.
    """
    logits, _hidden = completion_logits(model, as_tensor(rows.tokens), rows.prompt_columns)
    count, columns = rows.own.shape
    draws = Stream(0, "shown").uniforms(columns, count).T
    beside = np.stack([rows.completions, rows.own, draws], axis=-1)
    return np.concatenate([next_log_probs(logits).exp().numpy(), beside], axis=-1)


def fixed_prompts(task: LanguageTask) -> list[str]:
    """Return the held-out prompts that are always shown (F)."""
    return task.prompts((np.arange(FIXED_PROMPTS) + 0.5) / FIXED_PROMPTS, held_out=True)


def shown_rewards(task: LanguageTask, rows: Array) -> Array:
    """Return the parts of the rewards (F, parts) of rows for the fixed prompts (F, L)."""
    return task.rewards(fixed_prompts(task), rows[:, task.prompt_columns :])


def drafts(model: Transformer, task: LanguageTask) -> Array:
    """Return two completions of each of some training prompts (2 · DRAFT_PROMPTS, L), neighbours of the same prompt."""
    prompts = task.prompts((np.arange(DRAFT_PROMPTS) + 0.5) / DRAFT_PROMPTS)
    return complete(model, task.encoded(prompts), turns=task.turns, group=2, random=Stream(0, "drafts")).tokens


@torch.inference_mode()
def looks(model: Transformer, task: LanguageTask, writer: Transformer | None = None) -> tuple[Array, Array, Array]:
    """Return one forward pass over the first fixed prompt with its likeliest completion.

    Args:
        writer: writes the completion; None is the model itself.

    Returns:
        attention of each layer and head (layers, H, L, L), the stream after each layer (layers, L, D), the row (L,).
    """
    prompts = task.encoded(fixed_prompts(task)[:1])
    rows = complete(writer or model, prompts, turns=task.turns).tokens
    kept: list[tuple[Tensor, Tensor]] = []
    model.kept = kept
    model.hidden(as_tensor(rows), padding_of(prompts))
    model.kept = None
    attention, stream = ([one[place][0].numpy() for one in kept] for place in (0, 1))
    return np.stack(attention), np.stack(stream), rows[0]


class KeptGlimpse(Generic[T]):
    """What a look at a model gave, kept until its weights change: several pictures of one moment ask for the same."""

    def __init__(self, model: Transformer, look: Callable[[], T]) -> None:
        self._model, self._look = model, look
        self._weights: Array | None = None
        self._seen: T

    def __call__(self) -> T:
        """Look, where the weights are not those of the last look."""
        if self._weights is None or not np.array_equal(self._weights, self._model.weights):
            self._seen = self._look()
            self._weights = self._model.weights.copy()
        return self._seen


class Glimpses:
    """What pictures ask of a model: rows (F, L) and their rewards, drafts, tries, one forward pass.

    Beside a reward model another, frozen, `writer` writes, and the pass is the reward model's over what that wrote.
    """

    def __init__(self, model: Transformer, task: LanguageTask, writer: Transformer | None = None) -> None:
        self._task = task
        by = writer or model
        self.written = KeptGlimpse(by, lambda: shown_rows(by, task))
        self._writer = by
        self.looks = KeptGlimpse(model, lambda: looks(model, task, by))
        self.drafts = KeptGlimpse(by, lambda: drafts(by, task))
        self.right_counts = KeptGlimpse(by, lambda: right_counts(by, task))

    def rows(self) -> Array:
        """Return what is written to the fixed prompts (F, L)."""
        return self.written().tokens

    def writing(self, prompts: Array | None = None) -> Array:
        """Return how the completions of the fixed prompts, or of others (K, P), are written, token by token (K, C, V + 3)."""
        if prompts is None:
            return taken_apart(self._writer, self.written())
        rows = complete(self._writer, prompts, turns=self._task.turns, random=Stream(0, "shown"))
        return taken_apart(self._writer, rows)

    def rewards(self) -> Array:
        """Return what the rows for the fixed prompts earn, part by part (F, parts)."""
        return shown_rewards(self._task, self.rows())

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return the signals of a model itself."""
        return {
            "shown_rows": self.rows,
            "shown_rewards": self.rewards,
            "writing": self.writing,
            "shown_drafts": self.drafts,
            "right_counts": self.right_counts,
            "attention": lambda: self.looks()[0],
            "stream": lambda: self.looks()[1],
            "attention_row": lambda: self.looks()[2],
        }
