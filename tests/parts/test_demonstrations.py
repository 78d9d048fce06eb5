"""Rows to imitate, and the exact mask of what counts in them."""

from app.core.randomness import Stream
from app.parts.demonstrations import completed, demonstrations
from tests.algorithms.language.stages import small_task


def test_the_mask_covers_the_answer_and_one_end_token() -> None:
    examples = completed(small_task(), ["312=", "900="], ["123", "9"])
    assert examples.tokens.tolist() == [[5, 3, 4, 12, 3, 4, 5, 1], [11, 2, 2, 12, 11, 1, 0, 0]]
    assert examples.mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]


def test_some_answers_are_shuffled() -> None:
    task = small_task(6)
    prompts = task.prompts(Stream(1, "prompts").uniforms(400))
    right = demonstrations(task, prompts, wrong_share=0.0, random=Stream(1, "shuffles"))
    mixed = demonstrations(task, prompts, wrong_share=0.5, random=Stream(1, "shuffles"))
    differing = (right.tokens != mixed.tokens).any(axis=1).mean()
    assert 0.4 < differing < 0.56
    assert (right.mask == mixed.mask).all()
