"""A task as an environment, and which prompts training never sees."""

import numpy as np
import pytest

from app.core.codecs import trees_equal
from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.parts.language_task import is_held_out
from app.parts.tokens import END, PAD
from tests.algorithms.language.stages import small_task


def test_held_out_prompts_are_never_trained_on() -> None:
    task = small_task()
    draws = Stream(1, "prompts").uniforms(5_000)
    trained, held_out = set(task.prompts(draws)), set(task.prompts(draws, True))
    assert not trained & held_out
    assert len(trained) + len(held_out) > 950  # of a thousand
    assert 150 < len(held_out) < 250


def test_an_evaluation_sees_held_out_prompts_only() -> None:
    task = small_task()

    def prompts(stream: str) -> list[str]:
        return [task.texts(row)[0] for row in task.batch(64, 1, stream, True).reset().astype(int)]

    assert all(is_held_out(prompt) for prompt in prompts("evaluation 1"))
    assert not any(is_held_out(prompt) for prompt in prompts("environment"))


def test_writing_the_answer_token_by_token_earns_the_whole_reward() -> None:
    task = small_task()
    batch = task.batch(2, 1, "environment", True)
    rows = batch.reset().astype(int)
    answers = [[*task.alphabet.encode(task.answer(task.alphabet.decode(row[:4]))), END] for row in rows]  # type: ignore[misc]
    for column in range(4):
        step = batch.step(np.array([answers[0][column], 5]))
        assert bool(step.terminated[0]) == (column == 3)
        assert bool(step.truncated[1]) == (column == 3)
    assert step.rewards[0] == 1.0
    assert step.rewards[1] <= 0.5 / 3 * 3
    assert step.final_observations[0, 4:].tolist() == answers[0]
    assert (step.observations[:, 4:] == PAD).all()


def test_a_loaded_batch_goes_on_alike() -> None:
    task = small_task()
    one, other = task.batch(3, 1, "environment", True), task.batch(3, 1, "environment", True)
    one.reset()
    one.step(np.array([2, 3, 1]))
    other.load(one.state())
    for tokens in ([4, 1, 2], [1, 1, 1], [5, 5, 5]):
        assert np.array_equal(one.step(np.array(tokens)).observations, other.step(np.array(tokens)).observations)
    assert not trees_equal(one.state(), other.state())


def test_neighbours_of_a_group_start_alike() -> None:
    rows = small_task().batch(6, 1, "environment", True).restart(4, 3)
    assert (rows[0] == rows[1]).all()
    assert (rows[3] == rows[5]).all()
    assert (rows[0] != rows[3]).any()


@pytest.mark.parametrize(("prompt", "rule"), [("12345=", "more than 4 characters"), ("1a2=", "holds a")])
def test_a_prompt_that_does_not_fit_is_refused(prompt: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        small_task().encoded([prompt])
