"""What is seen of a language model: the tokens of the last update, groups, attention."""

from itertools import count

import numpy as np
import pytest

from app.parts.language_noted import TOKEN_COLUMNS, KeptGlimpse, drafts, fixed_prompts, looks, shown_rows
from app.parts.language_task import is_held_out
from tests.algorithms.language.stages import small_task, stage


def test_the_numbers_of_tokens_are_those_of_the_update() -> None:
    agent = stage("ppo_language", n_prompts=3, group_size=4)
    signals = agent.signals()
    assert signals["token_numbers"]().shape == (0, 1, len(TOKEN_COLUMNS))
    agent.update(1)
    table = dict(zip(TOKEN_COLUMNS, np.moveaxis(signals["token_numbers"](), -1, 0), strict=True))
    rows = signals["token_rows"]()
    own = table["own"] == 1
    assert rows.shape == (12, 8)
    assert own.any(axis=1).all()
    np.testing.assert_allclose(table["reference_log_prob"][own], table["old_log_prob"][own], atol=1e-5)
    np.testing.assert_allclose(table["ratio"], np.exp(table["log_prob"] - table["old_log_prob"]) * own, atol=1e-6)
    assert (table["entropy"][own] > 0).all()
    assert (table["divergence"] >= -1e-9).all()
    advantages = (table["advantage"] * own).sum(axis=1) / own.sum(axis=1)
    np.testing.assert_allclose(signals["group_advantages"]().ravel(), advantages, atol=1e-6)


def test_attention_looks_back_only_and_is_a_share() -> None:
    signals = stage("sft", n_layers=2).signals()
    attention, stream = signals["attention"](), signals["stream"]()
    assert attention.shape == (2, 2, 8, 8)
    assert stream.shape == (2, 8, 16)
    assert (np.triu(attention[0, 0], 1) == 0).all()
    np.testing.assert_allclose(attention.sum(-1), 1, atol=1e-6)


def test_fixed_prompts_are_held_out_and_always_the_same() -> None:
    task = small_task()
    assert all(is_held_out(prompt) for prompt in fixed_prompts(task))
    signals = stage("sft").signals()
    assert np.array_equal(signals["shown_rows"](), signals["shown_rows"]())
    assert signals["shown_rewards"]().shape == (8, 2)


def test_a_look_is_taken_anew_when_the_weights_have_changed_and_only_then() -> None:
    agent = stage("sft")
    looks_taken = count(1)
    glimpse = KeptGlimpse(agent.model, lambda: next(looks_taken))
    assert [glimpse(), glimpse()] == [1, 1]
    agent.update(1)
    assert [glimpse(), glimpse()] == [2, 2]


@pytest.mark.parametrize("name", ["sft", "grpo_language", "reward_model"])
def test_what_is_kept_of_a_model_equals_a_fresh_look(name: str) -> None:
    agent = stage(name, n_prompts=4) if name != "sft" else stage(name)
    for _update in range(3):
        for signal in ("shown_rows", "attention"):
            agent.signals()[signal]()
        agent.update(1)
        writer = getattr(agent, "writer", agent.model)
        assert np.array_equal(agent.signals()["shown_rows"](), shown_rows(writer, agent.task).tokens)
        assert np.array_equal(agent.signals()["shown_drafts"](), drafts(writer, agent.task))
        assert np.array_equal(agent.signals()["attention"](), looks(agent.model, agent.task, writer)[0])


def test_tries_beside_a_reward_model_are_those_of_the_model_that_writes() -> None:
    agent = stage("reward_model", n_prompts=4)
    before = agent.signals()["right_counts"]()
    agent.update(1)
    assert np.array_equal(agent.signals()["right_counts"](), before)
