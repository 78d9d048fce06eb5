"""Multilayer perceptrons declared by their sizes, all parameters in one flat float32 vector.

Every weight and bias is a view of the vector, and every gradient a view of a second one, so the optimiser, the gradient
norm, the checkpoint and the map of a past moment each touch one array. Training runs through torch; acting on a few
observations runs through numpy over the same memory, because torch's overhead per call is longer than such a product takes.
B batch, D inputs, P parameters.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.errors import InvalidInput
from app.core.randomness import Stream
from app.core.text import _, filled

Array = NDArray[Any]


@dataclass(frozen=True)
class Activation:
    """A nonlinearity: for tensors, in place for arrays, and its slope as a function of its own output."""

    tensor: Callable[[Tensor], Tensor]
    in_place: Callable[[Array], Array]
    slope: Callable[[Array], Array]


ACTIVATIONS = {
    "tanh": Activation(torch.tanh, lambda x: np.tanh(x, out=x), lambda h: 1 - h * h),
    "relu": Activation(torch.relu, lambda x: np.maximum(x, 0, out=x), lambda h: h > 0),
}
MAX_WIDTH = 1024
NET_ARCH_PATTERN = r"^\d{1,4}(,\d{1,4}){0,3}$"


def hidden_sizes(net_arch: str) -> tuple[int, ...]:
    """Return the hidden sizes of a text such as "64,64".

    Raises:
        ValueError: a size outside 1 … MAX_WIDTH.
    """
    sizes = tuple(int(part) for part in net_arch.split(","))
    if not all(1 <= size <= MAX_WIDTH for size in sizes):
        raise ValueError(filled(_("every hidden size must be between 1 and {limit}"), limit=MAX_WIDTH))
    return sizes


@dataclass(frozen=True)
class Shape:
    """One perceptron: `sizes` from input to output, and how its weights start.

    Attributes:
        last_gain: with orthogonal weights, the gain of the last layer (the others have √2); None for the uniform
            start of torch's Linear, U(−1/√inputs, 1/√inputs) for weights and biases.
    """

    sizes: tuple[int, ...]
    activation: str = "tanh"
    last_gain: float | None = None

    def layers(self) -> list[tuple[int, int]]:
        """Return (outputs, inputs) of every layer."""
        return [(after, before) for before, after in zip(self.sizes[:-1], self.sizes[1:], strict=True)]

    def count(self) -> int:
        """Return the number of parameters."""
        return sum(rows * columns + rows for rows, columns in self.layers())


class MLP:
    """One perceptron over a slice of the flat vectors.

    As a function of tensors it is differentiable by torch. `activations` and `backward` do the same in numpy, several
    times faster on small networks, for a loss whose gradient is known in closed form.
    """

    def __init__(self, shape: Shape, flat: Tensor, gradient: Tensor) -> None:
        self.shape = shape
        self.parameters: list[tuple[Tensor, Tensor]] = []
        self._activation = ACTIVATIONS[shape.activation]
        start = 0
        for rows, columns in shape.layers():
            weight = _leaf(flat, gradient, start, (rows, columns))
            bias = _leaf(flat, gradient, start + rows * columns, (rows,))
            start += rows * columns + rows
            self.parameters.append((weight, bias))
        self._layers = [tuple(tensor.detach().numpy() for tensor in layer) for layer in self.parameters]
        self._gradients = [tuple(_gradient(tensor) for tensor in layer) for layer in self.parameters]

    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs (B, O) for inputs (B, D)."""
        for weight, bias in self.parameters[:-1]:
            x = self._activation.tensor(torch.nn.functional.linear(x, weight, bias))
        return torch.nn.functional.linear(x, *self.parameters[-1])

    def forward(self, x: Array) -> Array:
        """Return the outputs (B, O) for an array of inputs (B, D), equal to the tensor version up to rounding."""
        return self.activations(x)[-1]

    def activations(self, x: Array) -> list[Array]:
        """Return the input (B, D) and the output of every layer."""
        outputs = [x]
        for index, (weight, bias) in enumerate(self._layers):
            x = x @ weight.T
            x += bias
            if index < len(self._layers) - 1:
                self._activation.in_place(x)
            outputs.append(x)
        return outputs

    def backward(self, activations: list[Array], output_gradient: Array) -> None:
        """Write the gradient of all parameters, given ∂L/∂output (B, O) and what `activations` returned.

        Going down a layer, δ ← (δ W) ⊙ slope; a weight's gradient is δᵀ times the layer's input.
        """
        delta = output_gradient
        for index in reversed(range(len(self._layers))):
            weight_gradient, bias_gradient = self._gradients[index]
            np.matmul(delta.T, activations[index], out=weight_gradient)
            np.sum(delta, axis=0, out=bias_gradient)
            if index > 0:
                delta = (delta @ self._layers[index][0]) * self._activation.slope(activations[index])

    def input_gradient(self, activations: list[Array], output_gradient: Array) -> Array:
        """Return ∂L/∂input (B, D) as `backward` would find it further down, without the parameters' share of the work."""
        delta = output_gradient
        for index in reversed(range(len(self._layers))):
            delta = delta @ self._layers[index][0]
            if index > 0:
                delta *= self._activation.slope(activations[index])
        return delta

    def tangent(self, activations: list[Array], direction: Array) -> Array:
        """Return how the outputs change (B, O) when the parameters move along `direction` (P,): the Jacobian times it.

        Going up a layer, the change is x Ẇᵀ + ḃ + ẋ Wᵀ, and each nonlinearity multiplies it by its slope.
        """
        start, change = 0, np.zeros(0)
        for index, (weight, bias) in enumerate(self._layers):
            stop = start + weight.size
            moved = direction[start:stop].reshape(weight.shape)
            rise = activations[index] @ moved.T + direction[stop : stop + bias.size]
            change = rise + change @ weight.T if index else rise
            if index < len(self._layers) - 1:
                change *= self._activation.slope(activations[index + 1])
            start = stop + bias.size
        return change


@dataclass(frozen=True, eq=False)
class Parameters:
    """A stretch of a flat parameter vector and of its gradient, both (P,) views."""

    weights: Array
    gradient: Array


class Networks:
    """Several perceptrons in one flat parameter vector, the free parameters first.

    Attributes:
        flat: the parameters (P,); `weights` is the same memory as an array.
        gradient: what `backward` computed (P,).
        mlps: the perceptrons, in the order of their shapes.
        free: parameters that belong to no perceptron, 0 at the start; a policy's, so that they and the first
            perceptron's are one stretch of the vector.
    """

    def __init__(self, *shapes: Shape, free: int = 0, dtype: torch.dtype = torch.float32) -> None:
        use_one_thread()
        count = free + sum(shape.count() for shape in shapes)
        self.flat = torch.zeros(count, dtype=dtype)
        gradient = torch.zeros(count, dtype=dtype)
        self.weights: Array = self.flat.numpy()
        self.gradient: Array = gradient.numpy()
        self.mlps: list[MLP] = []
        self.free = _leaf(self.flat, gradient, 0, (free,))
        start = free
        for shape in shapes:
            stop = start + shape.count()
            self.mlps.append(MLP(shape, self.flat[start:stop], gradient[start:stop]))
            start = stop

    def initialise(self, random: Stream) -> None:
        """Draw all parameters from `random`."""
        with torch.no_grad():
            for mlp in self.mlps:
                for index, (weight, bias) in enumerate(mlp.parameters):
                    is_last = index == len(mlp.parameters) - 1
                    _draw_layer(weight, bias, mlp.shape.last_gain, is_last=is_last, random=random)

    def stretch(self, index: int) -> "Parameters":
        """Return the parameters of one perceptron, with the free ones those of the first."""
        ends = np.cumsum([len(self.free), *(mlp.shape.count() for mlp in self.mlps)])
        start, stop = (0 if index == 0 else int(ends[index])), int(ends[index + 1])
        return Parameters(self.weights[start:stop], self.gradient[start:stop])

    def leaves(self, index: int) -> list[Tensor]:
        """Return the tensors of that stretch, in the order of the vector."""
        layers = [tensor for layer in self.mlps[index].parameters for tensor in layer]
        return [self.free, *layers] if index == 0 and len(self.free) else layers

    def backward(self, loss: Tensor) -> None:
        """Put the gradient of `loss` into `gradient`."""
        self.gradient.fill(0.0)
        loss.backward()  # type: ignore[no-untyped-call]

    def load(self, flat: Array) -> None:
        """Overwrite all parameters.

        Raises:
            InvalidInput: the number of parameters differs.
        """
        if flat.shape != self.weights.shape:
            rule = filled(_("this network has {count} parameters"), count=self.weights.size)
            raise InvalidInput.one("weights", f"{flat.size} numbers", rule, _("Use weights of the same net_arch."))
        self.weights[:] = flat


def orthogonal(rows: int, columns: int, gain: float, random: Stream) -> Array:
    """Return a (rows, columns) matrix whose shorter side is orthonormal, times `gain` (Saxe et al., 2014)."""
    normals = random.normals(max(rows, columns), min(rows, columns))
    q, r = np.linalg.qr(normals)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return gain * (q if rows >= columns else q.T)


def use_one_thread() -> None:
    """Keep torch to one thread: a second one makes small networks slower, and would make results depend on the machine."""
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)


def _draw_layer(weight: Tensor, bias: Tensor, last_gain: float | None, *, is_last: bool, random: Stream) -> None:
    rows, columns = weight.shape
    if last_gain is None:
        bound = 1.0 / math.sqrt(columns)
        weight.copy_(torch.from_numpy((2 * random.uniforms(rows, columns) - 1) * bound))
        bias.copy_(torch.from_numpy((2 * random.uniforms(rows) - 1) * bound))
    else:
        gain = last_gain if is_last else math.sqrt(2.0)
        weight.copy_(torch.from_numpy(np.ascontiguousarray(orthogonal(rows, columns, gain, random))))
        bias.zero_()


def _leaf(flat: Tensor, gradient: Tensor, start: int, size: tuple[int, ...]) -> Tensor:
    stop = start + math.prod(size)
    leaf = flat[start:stop].view(size).detach().requires_grad_()
    leaf.grad = gradient[start:stop].view(size)
    return leaf


def _gradient(leaf: Tensor) -> Array:
    assert leaf.grad is not None
    return leaf.grad.numpy()
