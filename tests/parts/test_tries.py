"""Tries at held-out prompts: counted as the task judges them, and intervals that hold."""

import math

import numpy as np
import pytest

from app.core.randomness import Stream
from app.parts.pass_at_k import pass_curve, share_of
from app.parts.tries import right_counts
from tests.algorithms.language.stages import small_task, stage


def test_tries_are_the_same_every_time_and_counted_by_the_task() -> None:
    agent, task = stage("sft"), small_task()
    first = right_counts(agent.model, task, prompts=8, tries=4)
    assert first.shape == (8,)
    assert (right_counts(agent.model, task, prompts=8, tries=4) == first).all()
    assert ((first >= 0) & (first <= 4)).all()


def test_wilsons_interval_by_hand() -> None:
    share = share_of(np.array([1.0, 0.0, 0.0, 0.0]))
    z = 1.96
    centre, half = (0.25 + z**2 / 8) / (1 + z**2 / 4), z * math.sqrt(0.25 * 0.75 / 4 + z**2 / 64) / (1 + z**2 / 4)
    assert (share.mean, share.low, share.high) == pytest.approx((0.25, centre - half, centre + half))


def test_the_interval_covers_the_truth_nineteen_times_in_twenty() -> None:
    draws = Stream(0, "coins").uniforms(1000 * 64).reshape(1000, 64)
    for truth in (0.02, 0.5, 0.9):
        covered = [share.low <= truth <= share.high for share in map(share_of, (draws < truth).astype(float))]
        assert np.mean(covered) > 0.92


def test_more_tries_are_never_worse() -> None:
    means = [share.mean for share in pass_curve(np.array([0, 1, 8, 64])).values()]
    assert means == sorted(means)
    assert means[-1] == 0.75
