"""Text as numbers: one token a character, with one token that fills and one that ends.

B rows, L columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.errors import InvalidInput
from app.core.text import _

I64 = NDArray[np.int64]
PAD, END = 0, 1
SPECIAL = 2
END_SIGN, PAD_SIGN = "⏎", "·"


@dataclass(frozen=True)
class Alphabet:
    """The characters a model knows; token 0 fills, token 1 ends, character i is token i + 2.

    >>> Alphabet("0123").encode("301")
    [5, 2, 3]
    >>> Alphabet("0123").decode([5, 2, 3, 1, 0])
    '301'
    """

    letters: str

    @property
    def size(self) -> int:
        """V."""
        return len(self.letters) + SPECIAL

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {letter: number + SPECIAL for number, letter in enumerate(self.letters)}

    def encode(self, text: str, where: str = "text") -> list[int]:
        """Return the tokens of a text.

        Raises:
            InvalidInput: a character is not in the alphabet.
        """
        unknown = sorted(set(text) - self._numbers.keys())
        if unknown:
            rule = _("holds {letters}, which the model has no token for").format(letters=" ".join(unknown[:8]))
            way_out = _("Its characters are {letters}").format(letters=self.letters)
            raise InvalidInput.one(where, text, rule, way_out)
        return [self._numbers[letter] for letter in text]

    def decode(self, tokens: Sequence[int] | I64) -> str:
        """Return the text of tokens up to the first end; padding is left out."""
        letters = []
        for token in tokens:
            if token == END:
                break
            if token >= SPECIAL:
                letters.append(self.letters[int(token) - SPECIAL])
        return "".join(letters)

    def signs(self) -> list[str]:
        """Return how each token is shown (V)."""
        return [PAD_SIGN, END_SIGN, *self.letters]


class Turns(NamedTuple):
    """Who writes when.

    Attributes:
        columns: C, the most tokens of a completion.
        reply: `rows so far (B, L) → what somebody else says next (B,)`, a token, or −1 where it is the model's turn; None where
            the model speaks alone.
    """

    columns: int
    reply: Callable[[I64], I64] | None = None


def right_aligned(rows: Sequence[Sequence[int]], width: int) -> I64:
    """Return rows of tokens (B, width), padded on the left."""
    tokens = np.full((len(rows), width), PAD, np.int64)
    for index, row in enumerate(rows):
        if row:
            tokens[index, width - len(row) :] = row
    return tokens


def left_aligned(rows: Sequence[Sequence[int]], width: int) -> I64:
    """Return rows of tokens (B, width), padded on the right."""
    tokens = np.full((len(rows), width), PAD, np.int64)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = row
    return tokens


def starts_of(prompts: I64) -> I64:
    """Return how many columns of padding each prompt has on its left (B,).

    >>> starts_of(np.array([[0, 0, 5], [4, 0, 0], [0, 0, 0]])).tolist()
    [2, 0, 3]
    """
    is_real = prompts != PAD
    return np.asarray(np.where(is_real.any(axis=1), is_real.argmax(axis=1), prompts.shape[1]), np.int64)


def written_by_model(completions: I64) -> NDArray[np.bool_]:
    """Return which columns (B, C) count of completions: all up to and with the first end, none after it.

    >>> written_by_model(np.array([[5, 1, 0, 0], [5, 6, 7, 8]])).tolist()
    [[True, True, False, False], [True, True, True, True]]
    """
    ended_before = np.cumsum(completions == END, axis=1) - (completions == END)
    return np.asarray((ended_before == 0) & (completions != PAD))
