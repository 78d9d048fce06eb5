"""What is shown of a language model: texts, tokens, groups, pairs and one forward pass are those of the last update.

Covers app/panels/completions.py, app/panels/writing.py, app/panels/token_numbers.py, app/panels/groups.py, app/panels/preference_pairs.py,
app/panels/drafts.py, app/panels/pass_at_k.py, app/panels/frontier.py and app/panels/attention.py.
"""

from functools import cache
from typing import Any, cast

import numpy as np
import pytest

from app import catalog
from app.core.errors import InvalidInput
from app.core.specs import Frame, Subject
from app.panels.groups import rule_of
from app.parts.language_task import is_held_out
from app.parts.tokens import END_SIGN

SMALL = {"d_model": 16, "n_layers": 2, "n_heads": 2, "n_prompts": 4, "group_size": 4}


@cache
def taught(name: str) -> Subject:
    """An agent after three updates."""
    known = catalog.algorithm(name).config.model_fields
    config = {key: value for key, value in SMALL.items() if key in known}
    recipe = catalog.resolve(name, "sort_digits", config=config, environment_config={"n_digits": 3}, total_steps=3)
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    for _update in range(3):
        agent.update(1)
    return Subject(agent, algorithm, environment_spec, environment)


def drawn(name: str, panel: str) -> Frame:
    spec = catalog.panel(panel)
    assert spec in catalog.panels_for(taught(name).algorithm, taught(name).environment_spec)
    return spec.compute(taught(name), spec.options())


def test_completions_are_judged_as_the_task_judges_them() -> None:
    frame = drawn("grpo_language", "completions")
    labels = [column["label"] for column in frame.meta["columns"]]
    task: Any = taught("grpo_language").environment
    for row in frame.meta["rows"]:
        said = dict(zip(labels, row, strict=True))
        text = said["Now"]
        parts = task.judge(said["Prompt"], text.removesuffix(END_SIGN), text.endswith(END_SIGN))
        assert said["earns"] == pytest.approx(sum(parts))
        assert [said[part] for part in task.reward_parts] == pytest.approx(list(parts))
    assert tuple(labels[3:5]) == task.reward_parts, "beside what they add up to, before what was written before"


@pytest.mark.parametrize("name", ["sft", "grpo_language", "reward_model"])
def test_every_token_is_the_one_on_whose_stretch_of_the_odds_its_number_falls(name: str) -> None:
    frame = drawn(name, "writing")
    odds, draws, own = (frame.arrays[part].astype(float) for part in ("odds", "draws", "own"))
    np.testing.assert_allclose(odds.sum(axis=-1), 1, atol=1e-5)
    assert not odds[..., 0].any(), "padding is never written"
    task: Any = taught(name).environment
    signs, drawn_tokens = frame.meta["signs"], 0
    for row, tokens in enumerate(frame.meta["tokens"]):
        assert own[row].sum() == len(tokens)
        for place, sign in enumerate(tokens):
            ends = odds[row, place].cumsum()
            number, token = draws[row, place] * ends[-1], signs.index(sign)
            assert ends[token] - odds[row, place, token] - 1e-6 <= number <= ends[token] + 1e-6
            drawn_tokens += 1
        text = "".join(tokens)
        earned = task.judge(frame.meta["prompts"][row], text.removesuffix(END_SIGN), text.endswith(END_SIGN))
        assert frame.meta["rewards"][row] == pytest.approx(list(earned))
    assert drawn_tokens > 8


def test_a_prompt_of_ones_own_is_written_to_and_a_foreign_one_refused_with_the_reason() -> None:
    spec, subject = catalog.panel("writing"), taught("grpo_language")
    frame = spec.compute(subject, spec.options(prompt="712="))
    assert frame.meta["prompts"] == ["712="]
    assert frame.meta["rewards"] == []
    assert frame.arrays["odds"].shape[0] == 1
    np.testing.assert_allclose(frame.arrays["odds"].sum(axis=-1), 1, atol=1e-5)
    for prompt, rule in (("71a=", "holds a, which the model has no token for"), ("7" * 30, "more than 4 characters")):
        with pytest.raises(InvalidInput, match=rule) as refused:
            spec.compute(subject, spec.options(prompt=prompt))
        assert refused.value.violations[0].way_out


def test_what_the_other_side_says_is_not_the_models_own() -> None:
    recipe = catalog.resolve("sft", "dialogue", config={"d_model": 16, "n_layers": 1, "n_heads": 2}, total_steps=3)
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    subject = Subject(agent, algorithm, environment_spec, environment)
    spec = catalog.panel("writing")
    frame = spec.compute(subject, spec.options())
    lengths = [len(tokens) for tokens in frame.meta["tokens"]]
    assert (frame.arrays["own"].sum(axis=1) < lengths).any()
    with pytest.raises(InvalidInput, match="could not answer"):
        spec.compute(subject, spec.options(prompt="#1"))


def test_the_advantages_of_a_group_follow_from_its_rewards() -> None:
    frame = drawn("grpo_language", "groups")
    rewards, advantages = frame.arrays["rewards"], frame.arrays["advantages"]
    assert frame.meta["rule"] == "scaled"
    for earned, shown in zip(rewards.astype(float), advantages, strict=True):
        above = earned - earned.mean()
        expected = above / earned.std() if np.ptp(earned) else np.zeros_like(earned)
        np.testing.assert_allclose(shown, expected, atol=1e-5)


@pytest.mark.parametrize(("name", "rule"), [("rloo", "others"), ("ppo_language", ""), ("best_of_n", "")])
def test_how_advantages_follow_from_a_group_is_found(name: str, rule: str) -> None:
    assert drawn(name, "groups").meta["rule"] == rule


def test_groups_that_are_centred_only_are_told_from_scaled_ones() -> None:
    rewards = np.array([[0.0, 1.0, 1.0, 0.5], [0.2, 0.2, 0.2, 0.2]])
    above = rewards - rewards.mean(axis=1, keepdims=True)
    assert rule_of(rewards, above) == "centred"
    assert rule_of(rewards, above * 4 / 3) == "others"
    assert rule_of(rewards, np.full((2, 4), 0.3)) == ""


def test_tokens_say_what_their_loss_was_made_of() -> None:
    frame = drawn("grpo_language", "token_numbers")
    labels = [column["label"] for column in frame.meta["columns"]]
    numbers, own = frame.arrays["numbers"], frame.arrays["own"].astype(bool)
    now, then, ratio = (
        numbers[..., labels.index(label)]
        for label in ("log-probability now", "log-probability when written", "ratio after the step / when written")
    )
    np.testing.assert_allclose(ratio[own], np.exp(now - then)[own], rtol=1e-4)
    advantage, clipped = (
        numbers[..., labels.index(label)] for label in ("advantage", "outside the clip interval after the step")
    )
    expected = np.where(advantage > 0, ratio > 1.2, (advantage < 0) & (ratio < 0.8)) & own
    assert (clipped.astype(bool) == expected).all()
    assert (numbers[~own] == 0).all(), "what the model did not write has no numbers"
    advantage = numbers[..., frame.meta["advantage"]]
    groups = drawn("grpo_language", "groups").arrays["advantages"].reshape(-1)[: len(advantage)]
    for row, mask, expected in zip(advantage, own, groups, strict=True):
        np.testing.assert_allclose(row[mask], expected, atol=1e-5)


def test_pairs_put_the_better_first_and_their_margin_is_the_difference() -> None:
    frame = drawn("dpo", "preference_pairs")
    assert frame.meta["rows"]
    for row in frame.meta["rows"]:
        earned, less, (chosen, rejected, margin) = row[2], row[4], row[5:]
        assert earned >= less
        assert margin == pytest.approx(chosen - rejected)


def test_attention_gathers_from_before_and_sums_to_one() -> None:
    frame = drawn("sft", "attention")
    looks, size = frame.arrays["attention"], len(frame.meta["tokens"])
    assert looks.shape == (frame.meta["layers"] * frame.meta["heads"], size, size)
    assert np.triu(looks, 1).max() == 0
    np.testing.assert_allclose(looks.sum(axis=2), 1.0, atol=1e-5)
    assert frame.arrays["stream"].shape[:2] == (frame.meta["layers"], size)


@pytest.mark.parametrize("name", ["sft", "grpo_language", "reward_model"])
def test_drafts_are_two_tries_at_each_of_the_same_training_prompts(name: str) -> None:
    frame, task = drawn(name, "drafts"), cast(Any, taught(name).environment)
    rows = frame.meta["rows"]
    assert len(rows) == 32
    assert not any(is_held_out(row[0]) for row in rows)
    assert [row[0] for row in rows] == [row[0] for row in drawn("sft", "drafts").meta["rows"]]
    for prompt, one, earned, other, less in rows:
        for text, value in ((one, earned), (other, less)):
            parts = task.judge(prompt, text.removesuffix(END_SIGN), text.endswith(END_SIGN))
            assert value == pytest.approx(sum(parts))
    assert any(row[1] != row[3] for row in rows), "the two are drawn apart"


def test_pass_at_k_counts_tries_and_is_kept_at_the_end_alone() -> None:
    spec = catalog.panel("pass_at_k")
    assert (spec.history, spec.on_request, spec.at_end) == (False, True, True)
    frame = drawn("sft", "pass_at_k")
    right, means = frame.arrays["right"], frame.arrays["mean"]
    assert means[0] == pytest.approx(right.mean() / frame.meta["tries"]), "pass@1 is the share of right tries"
    assert means[-1] == pytest.approx((right > 0).mean()), "with all tries one of them has to be right"
    assert (np.diff(means) >= 0).all()
    assert (frame.arrays["low"] <= means).all()
    assert (means <= frame.arrays["high"]).all()


def test_the_frontier_belongs_to_stages_with_a_reference_and_says_who_rewards() -> None:
    assert drawn("grpo_language", "frontier").meta == {"reward": "task"}
    panel = catalog.panel("frontier")
    assert panel not in catalog.panels_for(taught("sft").algorithm, taught("sft").environment_spec)
