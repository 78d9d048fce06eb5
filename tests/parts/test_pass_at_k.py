"""The estimator of pass@k against counting every choice of k tries."""

from itertools import combinations

import numpy as np
import pytest

from app.parts.pass_at_k import pass_at_k


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_it_is_the_share_of_choices_that_hold_a_right_one(k: int) -> None:
    for right in range(6):
        tries = [True] * right + [False] * (5 - right)
        exact = np.mean([any(choice) for choice in combinations(tries, k)])
        assert pass_at_k(5, np.array(right), k) == pytest.approx(exact, abs=1e-12)


def test_it_has_no_bias_where_the_plain_formula_has() -> None:
    share, tries, k = 0.3, 4, 2
    counts = np.arange(tries + 1)
    chances = np.array([1, 4, 6, 4, 1]) * share**counts * (1 - share) ** (tries - counts)
    assert chances @ pass_at_k(tries, counts, k) == pytest.approx(1 - (1 - share) ** k, abs=1e-12)
    assert chances @ (1 - (1 - counts / tries) ** k) < 1 - (1 - share) ** k - 0.02


def test_more_tries_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to 4"):
        pass_at_k(4, np.array(2), 5)
