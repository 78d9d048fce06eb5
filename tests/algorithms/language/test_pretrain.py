"""Pre-training: which tokens count, and what the loss comes down to."""

import numpy as np
import pytest
import torch

from app.algorithms.language.pretrain import next_token_loss, predicted
from app.parts.demonstrations import documents
from tests.algorithms.language.stages import small_task, stage


def test_every_token_after_the_first_counts_and_padding_never() -> None:
    rows = torch.tensor([[0, 0, 5, 6, 1, 0], [3, 4, 5, 6, 7, 1]])
    assert predicted(rows).tolist() == [[0, 0, 1, 1, 0], [1, 1, 1, 1, 1]]
    log_probs = torch.tensor([[-9.0, -9.0, -1.0, -2.0, -9.0], [-3.0] * 5])
    assert next_token_loss(log_probs, predicted(rows)).item() == pytest.approx((1 + 2 + 15) / 7)


def test_documents_are_by_all_authors() -> None:
    task = small_task()
    agent = stage("pretrain")
    rows = documents(task, ["312="] * 400, agent.token_random).tokens
    texts, counts = np.unique([task.alphabet.decode(row[4:]) for row in rows], return_counts=True)
    assert set(texts) == {"123", "321", "312", "213"}
    assert counts.min() > 60


def test_it_comes_down_to_the_entropy_of_what_is_written() -> None:
    """Of the five tokens after `a` in `ab=cd` and the end, b is one of ten digits, and c one of two where b is not a.

    Two of the four authors write ab and two ba, whichever is larger; everything else follows from what stands before.
    """
    agent = stage("pretrain", steps=150, d_model=32, batch_size=64, task=small_task(2), learning_rate=5e-3)
    losses = [agent.update(1).scalars["train/loss"] for _ in range(150)]
    entropy = (np.log(10) + 0.9 * np.log(2)) / 5
    assert losses[0] > 2.0
    assert np.mean(losses[-10:]) == pytest.approx(entropy, abs=0.02)
