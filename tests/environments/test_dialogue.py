"""The booking dialogue: the user's turns, and the exact optimum."""

import numpy as np
import pytest

from app.core.randomness import Stream
from app.environments.dialogue import (
    BOOK,
    DialogueConfig,
    best_success,
    booking,
    demonstration,
    make,
    optimum,
    reply,
    wish,
)
from app.parts.demonstrations import completed

CONFIG = DialogueConfig()


def test_the_user_answers_questions_and_nothing_else() -> None:
    prompt, clear = "#0007:", 0.0
    assert reply(prompt, "b", clear) == wish(prompt)[1]
    assert reply(prompt, "b2", clear) == ""
    assert reply(prompt, "", clear) == ""
    assert reply(prompt, "!1", clear) == ""
    assert reply(prompt, "7", clear) == ""


def test_questions_are_misheard_as_often_as_said() -> None:
    heard = [reply(f"#{number:04d}:", "a", 0.3) for number in range(4_000)]
    assert np.mean([letter == "?" for letter in heard]) == pytest.approx(0.3, abs=0.03)
    assert [np.mean([letter == value for letter in heard]) for value in "0123"] == pytest.approx([0.175] * 4, abs=0.03)


def test_what_the_user_says_is_in_no_loss() -> None:
    task = make(DialogueConfig(misheard=0.0))
    prompt = "#0007:"
    text = demonstration(prompt, DialogueConfig(misheard=0.0), 5)
    mask = completed(task, [prompt], [text]).mask[0].astype(int).tolist()
    assert mask[: len(text) + 1] == [1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1]


def test_the_best_dialogue_earns_the_optimum() -> None:
    task = make(CONFIG)
    prompts = task.prompts(Stream(1, "prompts").uniforms(4_000))
    rows = completed(task, prompts, [demonstration(prompt, CONFIG, CONFIG.n_questions) for prompt in prompts]).tokens
    rewards = task.rewards(prompts, rows[:, task.prompt_columns :])
    error = rewards.sum(axis=1).std() / np.sqrt(len(rewards))
    assert rewards.sum(axis=1).mean() == pytest.approx(optimum(CONFIG), abs=4 * error)
    assert (rewards[:, 1] > 0).mean() == pytest.approx(best_success(5, 0.2), abs=0.03)


def test_the_optimum_by_hand() -> None:
    one = DialogueConfig(n_questions=1, misheard=0.0, price=0.05)
    assert optimum(one) == pytest.approx(max(booking(3), booking(2) - 0.05))
    assert optimum(DialogueConfig(n_questions=3, misheard=0.0, price=0.02)) == pytest.approx(1 - 0.06)
    dear = DialogueConfig.model_construct(n_questions=5, misheard=0.2, price=0.5)  # beyond what may be chosen
    assert optimum(dear) == booking(3)
    assert best_success(3, 0.0) == 1.0
    assert best_success(3, 0.5) == pytest.approx(0.125 + 0.375 / 4 + 0.375 / 16 + 0.125 / 64)


def test_a_right_booking_passes_whatever_its_questions_cost_and_a_wrong_one_never() -> None:
    most = DialogueConfig(n_questions=8, price=0.06)
    task, prompt = make(most), make(most).prompt(7)
    right = "a?" * 8 + BOOK + wish(prompt)
    wrong = BOOK + wish(prompt)[:2] + str((int(wish(prompt)[2]) + 1) % 4)
    parts = np.array([task.judge(prompt, said, True) for said in (right, wrong)])
    assert task.is_right(parts).tolist() == [True, False]


def test_the_environment_speaks_as_the_user() -> None:
    task = make(DialogueConfig(misheard=0.0))
    batch = task.batch(1, 1, "environment", True)
    row = batch.reset()[0].astype(int)
    prompt, _text = task.texts(row)
    for letter in "abc":
        step = batch.step(np.array(task.alphabet.encode(letter)))
    _prompt, said = task.texts(step.observations[0].astype(int))
    assert said == "".join(slot + value for slot, value in zip("abc", wish(prompt), strict=True))
    for token in [*task.alphabet.encode("!" + wish(prompt)), 1]:
        step = batch.step(np.array([token]))
    assert step.terminated[0]
    assert step.rewards[0] == pytest.approx(1 - 3 * 0.02)
