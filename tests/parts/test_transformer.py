"""The transformer against differences, and itself with a cache."""

import numpy as np
import pytest
import torch

from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.parts.transformer import Cache, Transformer, TransformerShape
from tests.algorithms.language.stages import exact_model, slope_by_differences

SHAPE = TransformerShape(vocabulary=7, context=9, d_model=8, n_layers=2, n_heads=2)


def tokens(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(1, SHAPE.vocabulary, (rows, columns)))


def test_what_comes_later_changes_nothing_before() -> None:
    model = exact_model(SHAPE)
    one = tokens(2, 6)
    other = one.clone()
    other[:, 4:] = (other[:, 4:] % 6) + 1
    assert not torch.equal(one, other)
    with torch.no_grad():
        before, after = model.hidden(one), model.hidden(other)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_padding_on_the_left_changes_nothing() -> None:
    model = exact_model(SHAPE)
    row = tokens(1, 5)
    padded = torch.cat([torch.zeros(1, 3, dtype=torch.int64), row], 1)
    with torch.no_grad():
        plain, shifted = model.hidden(row), model.hidden(padded, torch.tensor([3]))
    torch.testing.assert_close(shifted[:, 3:], plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", [None, [0, 2, 1]])
def test_reading_with_a_cache_is_reading_without(padding: list[int] | None) -> None:
    model = exact_model(SHAPE)
    rows = tokens(3, 8)
    starts = None if padding is None else torch.tensor(padding)
    if starts is not None:
        rows[torch.arange(8)[None, :] < starts[:, None]] = 0
    cache = Cache()
    with torch.no_grad():
        whole = model.hidden(rows, starts)
        parts = [model.hidden(rows[:, :4], starts, cache)]
        parts += [model.hidden(rows[:, column : column + 1], starts, cache) for column in range(4, 8)]
    is_real = torch.ones(3, 8, dtype=torch.bool) if starts is None else torch.arange(8)[None, :] >= starts[:, None]
    torch.testing.assert_close(torch.cat(parts, 1)[is_real], whole[is_real], rtol=0, atol=1e-12)


def test_the_gradient_is_that_of_differences() -> None:
    shape = TransformerShape(vocabulary=4, context=4, d_model=4, n_layers=1, n_heads=2, n_scores=1)
    model = exact_model(shape)
    row = torch.tensor([[1, 3, 2, 1]])

    def loss() -> torch.Tensor:
        hidden = model.hidden(row)
        return model.logits(hidden).tanh().sum() + model.scores(hidden).square().sum()

    def at(_weights: np.ndarray) -> float:
        with torch.no_grad():
            return float(loss())

    model.backward(loss())
    found = model.gradient.copy()
    np.testing.assert_allclose(found, slope_by_differences(at, model.weights), rtol=1e-6, atol=1e-7)


def test_a_tied_head_is_the_embedding_and_saves_its_parameters() -> None:
    tied = TransformerShape(**{**SHAPE.facts(), "is_tied": True})
    assert SHAPE.count() - tied.count() == SHAPE.vocabulary * SHAPE.d_model
    model = exact_model(tied)
    hidden = torch.zeros(1, 8, dtype=torch.float64)
    hidden[0, 2] = 1.0
    torch.testing.assert_close(model.logits(hidden)[0], model.parameters["embedding"][:, 2])


def test_the_weights_of_a_model_without_a_scalar_head_leave_it_as_it_is() -> None:
    plain = Transformer(SHAPE)
    plain.initialise(Stream(1, "start"))
    scored = Transformer(TransformerShape(**{**SHAPE.facts(), "n_scores": 1}))
    scored.weights[-8:] = 5.0
    scored.load(plain.weights)
    assert np.array_equal(scored.weights[:-8], plain.weights)
    assert (scored.weights[-8:] == 5.0).all()
    with pytest.raises(InvalidInput, match="parameters"):
        plain.load(np.zeros(3, np.float32))


def test_what_is_kept_are_attention_and_stream_of_each_layer() -> None:
    model = exact_model(SHAPE)
    model.kept = []
    with torch.no_grad():
        model.hidden(tokens(2, 5))
    assert [(tuple(weights.shape), tuple(stream.shape)) for weights, stream in model.kept] == [
        ((2, 2, 5, 5), (2, 5, 8))
    ] * 2


@pytest.mark.parametrize("padding", [None, [0, 2, 1]])
def test_what_is_not_asked_for_is_not_computed_and_changes_nothing(padding: list[int] | None) -> None:
    model = exact_model(SHAPE)
    starts = None if padding is None else torch.tensor(padding)
    found = []
    for since in (0, 4):
        stream = model.hidden(tokens(3, 8), starts, since=since)[:, 4 - since :]
        model.backward(stream.sin().sum())
        found.append((stream.detach().numpy(), model.gradient.copy()))
    for whole, part in zip(*found, strict=True):
        np.testing.assert_allclose(whole, part, rtol=0, atol=1e-12)


def test_the_layers_inside_are_gated_by_the_distribution_function_of_the_normal() -> None:
    shape = TransformerShape(vocabulary=4, context=1, d_model=8, n_layers=1, n_heads=2)
    model = exact_model(shape)
    p = {name: leaf.detach() for name, leaf in model.parameters.items()}
    with torch.no_grad():
        model.kept = []
        model.hidden(torch.tensor([[2]]))
        x = p["embedding"][2] + p["positions"][0]
        norm = torch.nn.functional.layer_norm
        x = x + p["0.out"] @ (p["0.qkv"][16:] @ norm(x, (8,), p["0.gain_1"], p["0.bias_1"]))  # one place to look at
        inner = p["0.up"] @ norm(x, (8,), p["0.gain_2"], p["0.bias_2"])
        expected = x + p["0.down"] @ (inner * (1 + torch.erf(inner / 2**0.5)) / 2)
    torch.testing.assert_close(model.kept[0][1][0, 0], expected, rtol=0, atol=1e-12)
