"""Pairs: the best against the worst of each prompt, and a rater who errs."""

import numpy as np
import pytest

from app.core.randomness import Stream
from app.parts.preferences import best_and_worst, pair_measures, rows_of
from app.parts.sampling import Rows


def test_the_best_and_the_worst_of_each_prompt_that_tells_them_apart() -> None:
    rewards = np.array([[0.1, 0.9, 0.5], [0.3, 0.3, 0.3], [1.0, 0.0, 0.5]])
    pairs = best_and_worst(rewards, label_noise=0.0, random=Stream(1, "labels"))
    assert (pairs.chosen.tolist(), pairs.rejected.tolist()) == ([1, 6], [0, 7])
    tokens = np.arange(9)[:, None]
    rows = rows_of(Rows(tokens, 0, tokens > 0, tokens.astype(np.float32)), pairs)
    assert rows.tokens[:, 0].tolist() == [1, 0, 6, 7]


def test_a_rater_errs_as_often_as_said() -> None:
    rewards = np.tile([0.0, 1.0], (4_000, 1))
    pairs = best_and_worst(rewards, label_noise=0.25, random=Stream(1, "labels"))
    assert (pairs.chosen % 2 == 0).mean() == pytest.approx(0.25, abs=0.03)
    assert ((pairs.chosen % 2) != (pairs.rejected % 2)).all()


def test_measures_of_pairs() -> None:
    found = pair_measures(np.array([1.0, 0.5, 0.0, 0.5]))
    assert found == {
        "rewards/chosen": 0.5, "rewards/rejected": 0.5, "rewards/margins": 0.0, "rewards/accuracies": 0.5,
    }  # fmt: skip
    assert pair_measures(np.zeros(0)) == {}
