"""Every language task: what its prompts, answers, documents and rewards promise.

Also app/environments/reverse.py, app/environments/brackets.py, app/environments/addition.py, app/environments/vowels.py and
app/environments/countdown.py.
"""

import doctest
import sys

import numpy as np
import pytest

from app import catalog
from app.core.randomness import Stream
from app.parts.demonstrations import completed
from app.parts.language_task import LanguageTask

TASKS = sorted(name for name, spec in catalog.environments().items() if spec.kind == "language")
every_task = pytest.mark.parametrize("name", TASKS)


def task_of(name: str) -> LanguageTask:
    spec = catalog.environment(name)
    made = spec.make(spec.config())
    assert isinstance(made, LanguageTask)
    return made


@every_task
def test_its_examples_are_true(name: str) -> None:
    outcome = doctest.testmod(sys.modules[catalog.environment(name).make.__module__])
    assert outcome.failed == 0


@every_task
def test_prompts_fit_and_a_fifth_of_them_is_held_out(name: str) -> None:
    task, draws = task_of(name), Stream(1, "prompts").uniforms(500)
    trained, held_out = task.prompts(draws), task.prompts(draws, held_out=True)
    assert not set(trained) & set(held_out)
    assert task.encoded([*trained, *held_out]).shape == (1_000, task.prompt_columns)


@every_task
def test_an_answer_earns_a_pass_and_documents_fit(name: str) -> None:
    task, draws = task_of(name), Stream(2, "prompts").uniforms(200)
    prompts = task.prompts(draws)
    documents = [task.document(prompt, draw) for prompt, draw in zip(prompts, draws.tolist(), strict=True)]
    completed(task, prompts, documents)
    if task.answer is None or task.reply is not None:
        return
    examples = completed(task, prompts, [task.answer(prompt) for prompt in prompts])
    rewards = task.rewards(prompts, examples.tokens[:, task.prompt_columns :]).sum(axis=1)
    np.testing.assert_allclose(rewards, task.optimum)
    assert (rewards >= task.passes).all()


@every_task
def test_nothing_that_is_written_breaks_the_judge_or_beats_the_optimum(name: str) -> None:
    task = task_of(name)
    prompts = task.prompts(Stream(3, "prompts").uniforms(300))
    rows = Stream(4, "letters").integers(task.n_actions - 1, 300, task.completion_columns) + 1
    rewards = task.rewards(prompts, rows)
    assert rewards.shape == (300, len(task.reward_parts))
    assert np.isfinite(rewards).all()
    assert rewards.sum(axis=1).max() <= max(1.0, task.optimum)
