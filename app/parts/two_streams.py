"""A perceptron that parts in two: shared first layers, then two streams of their own layers and outputs.

The last hidden layer exists once in each stream, the ones before it are shared; with a single hidden layer the streams are
linear. B batch, D inputs.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.parts.networks import ACTIVATIONS, MLP, Shape

Array = NDArray[Any]


def streams(shape: Shape, first: int, second: int) -> tuple[Shape, Shape, Shape]:
    """Return the shapes of the shared layers and of two streams with `first` and `second` outputs."""
    inputs, *hidden = shape.sizes[:-1]
    shared, own = (hidden[:-1], hidden[-1:]) if len(hidden) > 1 else (hidden, [])
    ends = ((inputs, *shared), *((shared[-1], *own, outputs) for outputs in (first, second)))
    trunk, left, right = (replace(shape, sizes=sizes) for sizes in ends)
    return trunk, left, right


class Pass(NamedTuple):
    """What one pass upwards leaves for the way down: the activations of the shared layers and of both streams."""

    shared: list[Array]
    first: list[Array]
    second: list[Array]

    @property
    def outputs(self) -> tuple[Array, Array]:
        """The outputs of both streams."""
        return self.first[-1], self.second[-1]


class TwoStreams:
    """Three perceptrons as one network with two outputs."""

    def __init__(self, mlps: Sequence[MLP]) -> None:
        self.trunk, self.first, self.second = mlps
        self._activation = ACTIVATIONS[self.trunk.shape.activation]

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return the outputs of both streams for inputs (B, D)."""
        return self.activations(x).outputs

    def activations(self, x: Array) -> Pass:
        """Return what every layer gives for inputs (B, D)."""
        shared = self.trunk.activations(x)
        self._activation.in_place(shared[-1])
        return Pass(shared, self.first.activations(shared[-1]), self.second.activations(shared[-1]))

    def backward(self, passed: Pass, first_gradient: Array, second_gradient: Array) -> None:
        """Write the gradient of all parameters, given that of both outputs and what `activations` returned."""
        self.first.backward(passed.first, first_gradient)
        self.second.backward(passed.second, second_gradient)
        delta = self._down(self.first, passed.first, first_gradient)
        delta += self._down(self.second, passed.second, second_gradient)
        self.trunk.backward(passed.shared, delta * self._activation.slope(passed.shared[-1]))

    def _down(self, stream: MLP, activations: list[Array], delta: Array) -> Array:
        """Return the gradient of a stream's input, given that of its output."""
        for index in reversed(range(len(stream.parameters))):
            delta = delta @ stream.parameters[index][0].detach().numpy()
            if index > 0:
                delta *= self._activation.slope(activations[index])
        return np.asarray(delta)
