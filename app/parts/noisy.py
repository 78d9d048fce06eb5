r"""Networks whose weights are random: each is a mean plus a learned deviation times noise, drawn anew for every use.

$$w = \mu + \sigma \odot \xi, \qquad \xi_{ij} = f(\xi_i)\, f(\xi_j) \text{ for a weight}, \quad \xi_j = f(\xi_j) \text{ for a bias}, \qquad f(x) = \mathrm{sgn}(x)\sqrt{|x|}$$

The noise of a layer is factorised: one normal number per input and one per output instead of one per weight. All parameters,
means first and then deviations, are one flat vector; the network that is used is a plain one, whose weights are written anew.
P weights and biases of the network.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.jit import kernel
from app.core.randomness import Stream
from app.parts.networks import MLP, Networks, Shape

Array = NDArray[Any]


class NoisyNetworks:
    """Perceptrons with noise: their parameters, and the plain perceptrons that a draw makes of them.

    Attributes:
        weights, gradient: means and deviations in one vector, and what `collect` wrote (2P,).
        means, deviations: the two halves of `weights` (P,).
        mlps: the perceptrons with the weights that were last written, by `draw` or `calm`.
    """

    def __init__(self, *shapes: Shape, start: float = 0.5) -> None:
        self._start = start
        self._drawn = Networks(*shapes)
        self._layers = [layer for shape in shapes for layer in shape.layers()]
        count, kind = len(self._drawn.weights), self._drawn.weights.dtype
        self.weights, self.gradient = np.zeros(2 * count, kind), np.zeros(2 * count, kind)
        self.means, self.deviations = self.weights[:count], self.weights[count:]
        self._noise = np.zeros(count, kind)

    @property
    def mlps(self) -> list[MLP]:
        """The perceptrons."""
        return self._drawn.mlps

    def initialise(self, random: Stream) -> None:
        """Draw the means as those of a plain network, and set every deviation to its start / √inputs."""
        self._drawn.initialise(random)
        self.means[:] = self._drawn.weights
        place = 0
        for rows, columns in self._layers:
            self.deviations[place : place + rows * columns + rows] = self._start / math.sqrt(columns)
            place += rows * columns + rows

    def draw(self, random: Stream) -> None:
        """Write weights with fresh noise into the perceptrons."""
        factors = random.normals(sum(rows + columns for rows, columns in self._layers))
        factors = np.sign(factors) * np.sqrt(np.abs(factors))
        place = first = 0
        for rows, columns in self._layers:
            stop = place + rows * columns + rows
            spread(
                factors[first : first + rows], factors[first + rows : first + rows + columns], self._noise[place:stop]
            )
            place, first = stop, first + rows + columns
        np.multiply(self.deviations, self._noise, out=self._drawn.weights)
        self._drawn.weights += self.means

    def calm(self) -> None:
        """Write the means into the perceptrons: the network without noise."""
        self._noise[:] = 0.0
        self._drawn.weights[:] = self.means

    def collect(self) -> None:
        """Make of the gradient of the perceptrons' weights that of means and deviations."""
        count = len(self.means)
        self.gradient[:count] = self._drawn.gradient
        np.multiply(self._drawn.gradient, self._noise, out=self.gradient[count:])

    def load(self, flat: Array) -> None:
        """Overwrite all parameters."""
        self._drawn.load(flat[: len(self.means)])
        self.weights[:] = flat

    @property
    def share(self) -> float:
        """The mean size of the deviations against that of the means."""
        return float(np.abs(self.deviations).mean() / np.abs(self.means).mean())


@kernel
def spread(outputs: Any, inputs: Any, noise: Any) -> None:
    """Write a layer's noise, weights (rows of inputs) and then biases, from its factors (outputs,) and (inputs,)."""
    place = 0
    for row in range(len(outputs)):
        for column in range(len(inputs)):
            noise[place] = outputs[row] * inputs[column]
            place += 1
    for row in range(len(outputs)):
        noise[place] = outputs[row]
        place += 1
