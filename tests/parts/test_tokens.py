"""Characters and tokens."""

import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.parts.tokens import END, Alphabet, left_aligned, right_aligned, starts_of, written_by_model

LETTERS = Alphabet("abc")


def test_text_comes_back() -> None:
    assert LETTERS.decode(LETTERS.encode("cab")) == "cab"
    assert LETTERS.size == 5
    assert len(LETTERS.signs()) == 5


def test_a_foreign_character_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InvalidInput, match=r"holds x, which.*abc"):
        LETTERS.encode("axb", "prompt")


def test_rows_are_padded() -> None:
    assert right_aligned([[2, 3], []], 3).tolist() == [[0, 2, 3], [0, 0, 0]]
    assert left_aligned([[2, 3], []], 3).tolist() == [[2, 3, 0], [0, 0, 0]]
    assert starts_of(right_aligned([[2, 3], [4, 4, 4]], 3)).tolist() == [1, 0]


def test_the_end_token_counts_once() -> None:
    rows = np.array([[2, END, END, 3], [END, 2, 2, 2], [2, 3, 4, 2]])
    assert written_by_model(rows).astype(int).tolist() == [[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]]
