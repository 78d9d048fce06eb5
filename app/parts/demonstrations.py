"""Rows to imitate: prompts with right answers, or documents of all sorts, and the mask that says what counts.

B rows, P prompt columns, C completion columns.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.randomness import Stream
from app.parts.language_task import LanguageTask
from app.parts.tokens import END, left_aligned

Array = NDArray[Any]


class Examples(NamedTuple):
    """Rows (B, P + C) int64, and which columns of the completion count (B, C) float32."""

    tokens: Array
    mask: Array


def demonstrations(task: LanguageTask, prompts: list[str], *, wrong_share: float, random: Stream) -> Examples:
    """Return prompts (B) with right answers, of which about a share is shuffled."""
    assert task.answer is not None
    answers = [task.answer(prompt) for prompt in prompts]
    if wrong_share:
        is_wrong = random.uniforms(len(prompts)) < wrong_share
        for index in np.flatnonzero(is_wrong):
            order = random.permutation(len(answers[index]))
            answers[index] = "".join(answers[index][place] for place in order)
    return completed(task, prompts, answers)


def documents(task: LanguageTask, prompts: list[str], random: Stream) -> Examples:
    """Return prompts (B) continued by authors of all sorts."""
    draws = random.uniforms(len(prompts))
    return completed(task, prompts, [task.document(*pair) for pair in zip(prompts, draws.tolist(), strict=True)])


def completed(task: LanguageTask, prompts: list[str], texts: list[str]) -> Examples:
    """Return prompts with texts as their completions, each ended once."""
    rows = [[*task.alphabet.encode(text, "answer"), END] for text in texts]
    completions = left_aligned(rows, task.completion_columns)
    tokens = np.concatenate([task.encoded(prompts), completions], axis=1)
    return Examples(tokens, task.own(tokens).astype(np.float32))
