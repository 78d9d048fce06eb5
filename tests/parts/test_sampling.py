"""Writing with a cache is writing without; what is drawn follows the probabilities."""

import numpy as np
import torch

from app.core.randomness import Stream
from app.parts.sampling import complete, completion_logits, drawn_from, log_probs_of, next_log_probs, padding_of
from app.parts.tokens import END, PAD, Turns
from app.parts.transformer import TransformerShape, as_tensor
from tests.algorithms.language.stages import exact_model

SHAPE = TransformerShape(vocabulary=7, context=10, d_model=8, n_layers=2, n_heads=2)
PROMPTS = np.array([[0, 2, 3, 4], [5, 5, 2, 6], [0, 0, 0, 3]])


def without_cache(columns: int, group: int, random: Stream | None) -> np.ndarray:
    """Write as `complete` does, reading the whole row for every token."""
    model = exact_model(SHAPE)
    rows = PROMPTS.repeat(group, axis=0)
    going = np.ones(len(rows), bool)
    for _column in range(columns):
        with torch.no_grad():
            hidden = model.hidden(as_tensor(rows), padding_of(PROMPTS.repeat(group, axis=0)))[:, -1]
            logs = next_log_probs(model.logits(hidden))
        drawn = np.where(going, drawn_from(logs, random), PAD)
        rows = np.concatenate([rows, drawn[:, None]], axis=1)
        going &= drawn != END
        if not going.any():
            break
    return np.pad(rows, ((0, 0), (0, 4 + columns - rows.shape[1])))


def test_writing_with_a_cache_is_writing_without() -> None:
    for random in (lambda: None, lambda: Stream(3, "tokens")):
        rows = complete(exact_model(SHAPE), PROMPTS, turns=Turns(6), group=3, random=random())
        assert np.array_equal(rows.tokens, without_cache(6, 3, random()))


def test_what_is_said_of_a_token_when_drawn_is_what_is_said_of_it_afterwards() -> None:
    model = exact_model(SHAPE)
    rows = complete(model, PROMPTS, turns=Turns(6), group=4, random=Stream(3, "tokens"), temperature=0.7)
    tokens = as_tensor(rows.tokens)
    logits, _hidden = completion_logits(model, tokens, 4)
    after = log_probs_of(next_log_probs(logits, 0.7), tokens[:, 4:]).detach().numpy()
    np.testing.assert_allclose(rows.log_probs[rows.own], after[rows.own], rtol=0, atol=1e-6)
    assert (rows.log_probs[~rows.own] == 0).all()
    assert (rows.completions[~rows.own] == PAD).all()
    assert (rows.completions[rows.own] != PAD).all()


def test_tokens_are_drawn_as_often_as_they_are_probable_and_padding_never() -> None:
    logits = torch.tensor([3.0, 0.0, 1.0, -1.0]).expand(20_000, 4)
    logs = next_log_probs(logits)
    drawn = drawn_from(logs, Stream(5, "tokens"))
    share = np.bincount(drawn, minlength=4) / len(drawn)
    np.testing.assert_allclose(share, logs[0].exp().numpy(), atol=4 * np.sqrt(0.25 / len(drawn)))
    assert share[PAD] == 0
    assert (drawn_from(logs, None) == 2).all()


def test_reading_a_prompt_once_for_its_group_gives_the_same_numbers_and_gradient() -> None:
    model = exact_model(SHAPE)
    tokens = as_tensor(complete(model, PROMPTS, turns=Turns(6), group=3, random=Stream(3, "tokens")).tokens)
    found = []
    for group in (1, 3):
        logits, hidden = completion_logits(model, tokens, 4, group)
        model.backward(next_log_probs(logits)[..., 1:].sin().sum() + hidden.cos().sum())
        found.append((logits.detach().numpy(), hidden.detach().numpy(), model.gradient.copy()))
    for alone, shared in zip(*found, strict=True):
        np.testing.assert_allclose(alone, shared, rtol=0, atol=1e-10)
