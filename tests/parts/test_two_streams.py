"""A network of two streams: its shapes, and its closed-form gradient against automatic differentiation."""

import numpy as np
import pytest
import torch

from app.core.randomness import Stream
from app.parts.networks import Networks, Shape
from app.parts.two_streams import TwoStreams, streams


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        ((8,), ((3, 8), (8, 1), (8, 4))),
        ((8, 6), ((3, 8), (8, 6, 1), (8, 6, 4))),
        ((8, 6, 5), ((3, 8, 6), (6, 5, 1), (6, 5, 4))),
    ],
)
def test_the_last_hidden_layer_exists_once_in_each_stream(
    hidden: tuple[int, ...], expected: tuple[tuple[int, ...], ...]
) -> None:
    shapes = streams(Shape((3, *hidden, 4), "relu"), 1, 4)
    assert tuple(shape.sizes for shape in shapes) == expected
    assert {shape.activation for shape in shapes} == {"relu"}


@pytest.mark.parametrize("hidden", [(8,), (8, 6), (8, 6, 5)])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_gradient_equals_automatic_differentiation(hidden: tuple[int, ...], activation: str) -> None:
    networks = Networks(*streams(Shape((3, *hidden, 4), activation), 2, 4), dtype=torch.float64)
    networks.initialise(Stream(0, "initialisation"))
    network, random = TwoStreams(networks.mlps), np.random.default_rng(0)
    x, first, second = random.normal(size=(5, 3)), random.normal(size=(5, 2)), random.normal(size=(5, 4))
    network.backward(network.activations(x), first, second)
    own = networks.gradient.copy()

    trunk, left, right = networks.mlps
    shared = {"relu": torch.relu, "tanh": torch.tanh}[activation](trunk(torch.from_numpy(x)))
    loss = (left(shared) * torch.from_numpy(first)).sum() + (right(shared) * torch.from_numpy(second)).sum()
    networks.backward(loss)
    np.testing.assert_allclose(own, networks.gradient, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(network.forward(x)[1], right(shared).detach().numpy(), rtol=1e-12)
