"""What no stage of a language model's training accepts: each refusal names the value, the rule and the way out."""

from typing import Any

import pytest

from app import catalog
from app.core.errors import InvalidInput, Violation
from tests.algorithms.language.stages import small_task, stage

WRITERS = ("grpo_language", "rloo", "ppo_language", "dpo", "ipo", "best_of_n", "reward_model")
PRICED = {"dpo": 0.0, "ipo": 0.0, "grpo_language": -0.1, "ppo_language": -0.1, "rloo": -0.1}


def refusal(function: Any, *arguments: Any, **named: Any) -> Violation:
    """Return the one violation that a call is refused with, whole."""
    with pytest.raises(InvalidInput) as refused:
        function(*arguments, **named)
    (violation,) = refused.value.violations
    assert violation.rule
    assert violation.way_out
    return violation


@pytest.mark.parametrize("name", WRITERS)
def test_a_group_of_one(name: str) -> None:
    found = refusal(catalog.resolve, name, "sort_digits", config={"group_size": 1})
    assert (found.where, found.value, found.rule) == ("config.group_size", "1", "must be ≥ 2")


@pytest.mark.parametrize("name", PRICED)
def test_a_price_of_divergence_of_nothing_or_below(name: str) -> None:
    found = refusal(catalog.resolve, name, "sort_digits", config={"beta": PRICED[name]})
    assert (found.where, found.rule) == ("config.beta", "must be > 0" if PRICED[name] == 0 else "must be ≥ 0")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "much", True])
def test_a_price_that_is_no_number(value: Any) -> None:
    assert refusal(catalog.resolve, "dpo", "sort_digits", config={"beta": value}).where == "config.beta"


def test_minibatches_that_do_not_divide_the_completions() -> None:
    sizes = {"n_prompts": 4, "group_size": 6, "batch_size": 10}
    found = refusal(catalog.resolve, "ppo_language", "sort_digits", config=sizes)
    assert (found.where, found.value) == ("config.batch_size", "10")
    assert "n_prompts × group_size = 4 × 6 = 24" in found.rule
    assert "8 divides it" in found.rule
    for size in (8, 24, 256):  # all at once where there are no more
        catalog.resolve("ppo_language", "sort_digits", config={**sizes, "batch_size": size})


@pytest.mark.parametrize("prompt", ["1a2=", "12 =", "１２３=", "12\n="])
def test_a_prompt_with_characters_that_the_model_has_no_token_for(prompt: str) -> None:
    found = refusal(small_task().encoded, ["123=", prompt])
    assert (found.where, found.way_out) == ("prompt", "Its characters are 0123456789=")
    assert found.rule.startswith("holds ")


@pytest.mark.parametrize("change", [{"d_model": 32}, {"n_layers": 2}, {"n_heads": 4}, {"is_tied": True}])
def test_a_checkpoint_of_another_shape(change: dict[str, Any]) -> None:
    ((name, ours),) = change.items()
    found = refusal(stage, "grpo_language", origin=stage("sft").state(), **change)
    assert (found.where, found.value) == ("origin", name)
    assert found.rule.endswith(f"this run {ours}")


def test_a_checkpoint_of_a_model_that_knows_other_characters() -> None:
    origin = stage("sft").state()
    origin["model"]["letters"] = "abcdefghij="
    found = refusal(stage, "dpo", origin=origin)
    assert found.rule == "the model to start from has letters=abcdefghij=, this run 0123456789="


@pytest.mark.parametrize("broken", [{}, {"model": {"weights": 1}}, {"model": None}])
def test_a_checkpoint_that_holds_no_language_model(broken: dict[str, Any]) -> None:
    assert refusal(stage, "dpo", origin=broken).where == "origin"


def test_weights_that_are_fewer_than_their_sizes_say() -> None:
    origin = stage("sft").state()
    origin["model"]["weights"] = origin["model"]["weights"][:-3]
    assert "parameters" in refusal(stage, "dpo", origin=origin).rule
