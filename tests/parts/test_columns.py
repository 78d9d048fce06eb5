"""A perceptron over columns says what the one over rows says, compiled and plain."""

from typing import Any

import numpy as np
import pytest

from app.core.jit import plain
from app.core.randomness import Stream
from app.parts.columns import add_row, perceptron
from app.parts.networks import Networks, Shape


@pytest.mark.parametrize("sizes", [(3, 5, 2), (4, 8, 7, 1), (6, 3)])
def test_the_outputs_are_those_of_the_network(sizes: tuple[int, ...]) -> None:
    networks = Networks(Shape(sizes, "relu"))
    networks.initialise(Stream(3, "test"))
    x = Stream(4, "test").normals(11, sizes[0]).astype(np.float32)
    outputs = run(perceptron, networks.weights, sizes, x)
    np.testing.assert_allclose(outputs, networks.mlps[0].forward(x), rtol=1e-5, atol=1e-6)


def test_the_compiled_loops_are_their_plain_twins() -> None:
    row, inputs = Stream(1, "row").normals(7).astype(np.float32), Stream(2, "x").normals(7, 4).astype(np.float32)
    one, other = np.empty(4, np.float32), np.empty(4, np.float32)
    add_row(row, np.float32(0.5), inputs, one)
    plain(add_row)(row, np.float32(0.5), inputs, other)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one, row @ inputs + 0.5, rtol=1e-5)
    networks = Networks(Shape((3, 5, 2), "relu"))
    networks.initialise(Stream(3, "test"))
    x = Stream(4, "test").normals(2, 3).astype(np.float32)
    compiled, twin = (run(f, networks.weights, (3, 5, 2), x) for f in (perceptron, plain(perceptron)))
    np.testing.assert_array_equal(compiled, twin)


def run(function: Any, weights: np.ndarray, sizes: tuple[int, ...], x: np.ndarray) -> np.ndarray:
    """Return the outputs (B, O) for rows of inputs (B, D)."""
    scratch = np.zeros((2, max(sizes), len(x)), np.float32)
    scratch[0, : sizes[0]] = x.T
    outputs: np.ndarray = function(weights, np.array(sizes), scratch[0], scratch[1])
    return outputs[: sizes[-1]].T
