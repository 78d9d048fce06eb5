"""Writing completions: token by token, with what was read kept, so that each step reads only the newest token.

K prompts, G completions of each, B = K · G rows, P prompt columns, C completion columns, V vocabulary. Where somebody else has a say,
what they say stands in the row, and is not the model's own.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.randomness import Stream
from app.parts.tokens import END, PAD, Turns, starts_of
from app.parts.transformer import Cache, Transformer, as_tensor

Array = NDArray[Any]
NEVER = -1e9  # a score that leaves no probability; infinity would make its product with 0 no number


@dataclass(frozen=True)
class Rows:
    """Prompts with their completions.

    Attributes:
        tokens: (B, P + C) int64.
        prompt_columns: P.
        own: which columns of the completion the model wrote (B, C), its end token included.
        log_probs: of these tokens when they were drawn (B, C) float32, 0 elsewhere.
        group: G, how many neighbours have the same prompt, so that it need be read once only.
    """

    tokens: Array
    prompt_columns: int
    own: Array
    log_probs: Array
    group: int = 1

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
    model: Transformer, prompts: Array, *, turns: Turns, group: int = 1, random: Stream | None = None,
    temperature: float = 1.0,
) -> Rows:  # fmt: skip
    """Write `group` completions to each prompt (K, P); the likeliest ones without `random`."""
    count, cache = len(prompts) * group, Cache()
    starts = padding_of(prompts)
    width = prompts.shape[1]
    hidden = model.hidden(as_tensor(prompts), starts, cache, since=width - 1)[:, 0].repeat_interleave(group, 0)
    cache = cache.repeated(group)
    starts = None if starts is None else starts.repeat_interleave(group, 0)
    tokens = np.concatenate([prompts.repeat(group, axis=0), np.full((count, turns.columns), PAD, np.int64)], axis=1)
    own, log_probs = np.zeros((count, turns.columns), np.bool_), np.zeros((count, turns.columns), np.float32)
    going = np.ones(count, np.bool_)
    for column in range(turns.columns):
        logs = next_log_probs(model.logits(hidden), temperature)
        drawn = drawn_from(logs, random)
        said = turns.reply(tokens[:, : width + column]) if turns.reply and column else np.full(count, -1)
        is_own = going & (said < 0)
        tokens[:, width + column] = np.where(going, np.where(said < 0, drawn, said), PAD)
        own[:, column] = is_own
        log_probs[:, column] = np.where(is_own, logs.numpy()[np.arange(count), drawn], 0.0)
        going &= ~(is_own & (drawn == END))
        if not going.any() or column == turns.columns - 1:
            break
        newest = as_tensor(tokens[:, width + column : width + column + 1])
        hidden = model.hidden(newest, starts, cache)[:, 0]
    return Rows(tokens, width, own, log_probs, group)


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


def completion_logits(
    model: Transformer, tokens: Tensor, prompt_columns: int, group: int = 1
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return what the model says before each column of the completion: logits (B, C, V) and the stream (B, C, D).

    Where neighbours have the same prompt, it is read once and what was read is repeated, which halves the work of a group.
    """
    prompts = tokens[::group, :prompt_columns]
    starts = padding_of(prompts.numpy())
    if group == 1:
        hidden = model.hidden(tokens[:, :-1], starts, since=prompt_columns - 1)
        return model.logits(hidden), hidden
    cache = Cache()
    last = model.hidden(prompts, starts, cache, since=prompt_columns - 1).repeat_interleave(group, 0)
    starts = None if starts is None else starts.repeat_interleave(group, 0)
    rest = model.hidden(tokens[:, prompt_columns:-1], starts, cache.repeated(group))
    hidden = torch.cat([last, rest], 1)
    return model.logits(hidden), hidden


def log_probs_of(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Return those of the tokens (B, C) among log-probabilities (B, C, V)."""
    return log_probs.gather(-1, tokens[..., None])[..., 0]


def scores_of(model: Transformer, rows: Rows) -> Tensor:
    """Return what the scalar head says (B,) at the last token that was written, the end token where there is one."""
    starts = padding_of(rows.tokens[:, : rows.prompt_columns])
    hidden = model.hidden(as_tensor(rows.tokens), starts, since=rows.prompt_columns)
    last = (rows.own * np.arange(rows.own.shape[1])).max(axis=1)
    return model.scores(hidden[torch.arange(len(last)), as_tensor(last)])
