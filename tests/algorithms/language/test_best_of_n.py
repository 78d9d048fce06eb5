"""Best of n: what is kept, and how far it is from what was written."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from app.algorithms.language.best_of_n import best_of_each, divergence_bound, imitation_loss
from tests.algorithms.language.stages import check_step, moved, small_task, stage, token_log_probs


def test_the_best_of_each_prompt_is_kept_unless_all_are_alike() -> None:
    rewards = np.array([[0.1, 0.9, 0.9], [0.5, 0.5, 0.5]])
    assert best_of_each(rewards).tolist() == [[0, 1, 0], [0, 0, 0]]


def test_only_what_is_kept_is_in_the_loss() -> None:
    log_probs = torch.tensor([[-1.0, -3.0], [-50.0, -60.0]])
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    assert imitation_loss(log_probs, torch.tensor([[1.0], [0.0]]), mask).item() == 2.0
    assert imitation_loss(log_probs, torch.zeros(2, 1), mask).item() == 0.0


def test_the_divergence_of_the_best_of_n_is_within_its_bound() -> None:
    chances = np.array([0.5, 0.3, 0.2])  # of completions in the order of their rewards, worst first
    n = 4
    below = np.cumsum(chances)
    best = below**n - np.concatenate([[0.0], below[:-1]]) ** n
    divergence = float((best * np.log(best / chances)).sum())
    assert 0 < divergence <= divergence_bound(n)
    assert divergence_bound(1) == 0.0
    assert divergence_bound(n) == math.log(4) - 0.75


def test_with_passing_only_what_is_right_as_a_whole_is_kept() -> None:
    scalars = stage("best_of_n", keep="passing", n_prompts=4).update(1).scalars
    assert scalars["train/kept_share"] == scalars["completions/pass_at_1"]


@pytest.mark.parametrize("keep", ["best", "passing"])
def test_an_update_imitates_what_is_kept_and_nothing_else(keep: str) -> None:
    task = replace(small_task(), passes=0.1)  # one digit of three in place is enough
    agent, twin = moved("best_of_n", task=task, keep=keep), moved("best_of_n", task=task, keep=keep)
    report, written = agent.update(1), twin.write()
    assert np.array_equal(agent.signals()["token_rows"](), written.rows.tokens)
    rewards, kept = written.rewards, []
    for i in range(24):
        group = range(i // 4 * 4, i // 4 * 4 + 4)
        is_best = all(rewards[i] > rewards[j] + 1e-6 or (abs(rewards[i] - rewards[j]) < 1e-6 and i <= j) for j in group)
        is_telling = max(rewards[j] for j in group) > min(rewards[j] for j in group) + 1e-6
        if (is_best and is_telling) if keep == "best" else rewards[i] > 0.1:
            kept.append(i)
    assert 1 < len(kept) < 12
    now = token_log_probs(twin, twin.model, written.rows)
    assert report.scalars["train/kept_share"] == pytest.approx(len(kept) / 24)
    check_step(agent, report, twin, -now[kept].sum() / int(written.rows.own[kept].sum()))
