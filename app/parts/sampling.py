"""Writing completions: token by token, with what was read kept, so that each step reads only the newest token.

K prompts, G completions of each, B = K · G rows, P prompt columns, C completion columns, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.randomness import Stream
from app.parts.tokens import END, PAD, starts_of, written_by_model
from app.parts.transformer import Cache, Transformer, as_tensor

Array = NDArray[Any]
NEVER = -1e9  # a score that leaves no probability; infinity would make its product with 0 no number


@dataclass(frozen=True)
class Rows:
    """Prompts with their completions.

    Attributes:
        tokens: (B, P + C) int64.
        prompt_columns: P.
        own: which columns of the completion the model wrote (B, C): up to and with the end token.
        log_probs: of these tokens when they were drawn (B, C) float32, 0 elsewhere.
    """

    tokens: Array
    prompt_columns: int
    own: Array
    log_probs: Array

    @property
    def completions(self) -> Array:
        """What was written (B, C)."""
        return np.asarray(self.tokens[:, self.prompt_columns :])

    @property
    def lengths(self) -> Array:
        """How many tokens the model wrote (B,), the end token included."""
        return np.asarray(self.own.sum(axis=1))


def padding_of(prompts: Array) -> Tensor | None:
    """Return the columns of padding on the left of each prompt, or None where there is none."""
    starts = starts_of(prompts)
    return as_tensor(starts) if starts.any() else None


@torch.inference_mode()
def complete(
    model: Transformer, prompts: Array, *, columns: int, group: int = 1, random: Stream | None = None,
    temperature: float = 1.0,
) -> Rows:  # fmt: skip
    """Write `group` completions of up to `columns` tokens to each prompt (K, P); the likeliest ones without `random`."""
    count, cache = len(prompts) * group, Cache()
    starts = padding_of(prompts)
    hidden = model.hidden(as_tensor(prompts), starts, cache)[:, -1].repeat_interleave(group, 0)
    cache = cache.repeated(group)
    starts = None if starts is None else starts.repeat_interleave(group, 0)
    written = np.full((count, columns), PAD, np.int64)
    log_probs = np.zeros((count, columns), np.float32)
    going = np.ones(count, np.bool_)
    for column in range(columns):
        logs = next_log_probs(model.logits(hidden), temperature)
        drawn = drawn_from(logs, random)
        written[:, column] = np.where(going, drawn, PAD)
        log_probs[:, column] = np.where(going, logs.numpy()[np.arange(count), drawn], 0.0)
        going &= drawn != END
        if not going.any() or column == columns - 1:
            break
        hidden = model.hidden(as_tensor(written[:, column : column + 1]), starts, cache)[:, 0]
    tokens = np.concatenate([prompts.repeat(group, axis=0), written], axis=1)
    return Rows(tokens, prompts.shape[1], written_by_model(written), log_probs)


def next_log_probs(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Return log-probabilities (…, V) of the next token; padding is never one."""
    never = torch.zeros(logits.shape[-1], dtype=logits.dtype)
    never[PAD] = NEVER
    return torch.log_softmax(logits / temperature + never, -1)


def drawn_from(log_probs: Tensor, random: Stream | None) -> Array:
    """Return a token (B,) of each row of log-probabilities (B, V): drawn, or the likeliest without `random`."""
    if random is None:
        return np.asarray(log_probs.argmax(-1).numpy())
    heap = log_probs.exp().double().cumsum(-1).numpy()
    thresholds = random.uniforms(len(heap))[:, None] * heap[:, -1:]
    return np.asarray((heap <= thresholds).sum(axis=1)).clip(END, heap.shape[1] - 1)


def completion_logits(model: Transformer, tokens: Tensor, prompt_columns: int) -> tuple[Tensor, Tensor]:
    """Return what the model says before each column of the completion: logits (B, C, V) and the stream (B, C, D)."""
    starts = padding_of(tokens[:, :prompt_columns].numpy())
    hidden = model.hidden(tokens[:, :-1], starts)[:, prompt_columns - 1 :]
    return model.logits(hidden), hidden


def log_probs_of(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Return those of the tokens (B, C) among log-probabilities (B, C, V)."""
    return log_probs.gather(-1, tokens[..., None])[..., 0]
