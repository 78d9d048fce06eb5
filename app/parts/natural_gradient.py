r"""The natural gradient of a policy network, without ever writing its Fisher matrix down.

The Fisher matrix is $F = \mathbb{E}[J^\top M J]$: $J$ is the Jacobian of the network's outputs with respect to its P
parameters, $M$ the small Fisher matrix of the distribution that the outputs stand for. So $F v$ costs one sweep up the
network (how the outputs change along $v$), one product with $M$, and one sweep down. At the parameters themselves it is the
Hessian of the divergence from the policy as it is: what double differentiation gives at several times the cost.
Conjugate gradients solve $(F + \mu I)\, x = g$ with such products alone. B samples, P parameters.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.parts.heads import Head
from app.parts.networks import Networks

Array = NDArray[Any]


class FisherProduct:
    """Multiplies directions (P,) with the damped Fisher matrix of the first network of `networks`.

    Args:
        layers: what the policy's `activations` returned for the B samples over which the matrix is a mean.
        damping: μ, added to the diagonal.
    """

    def __init__(self, networks: Networks, head: Head, layers: list[Array], *, damping: float) -> None:
        self._networks, self._head, self._layers, self._damping = networks, head, layers, damping
        self._free = networks.weights[: head.free].copy()

    def __call__(self, direction: Array) -> Array:
        """Return (F + λI) v (P,); the networks' gradient is overwritten."""
        count, policy, outputs = self._head.free, self._networks.mlps[0], self._layers[-1]
        direction = direction.astype(outputs.dtype)
        change = policy.tangent(self._layers, direction[count:])
        on_outputs, on_free = self._head.fisher(outputs, self._free, (change, direction[:count]))
        policy.backward(self._layers, on_outputs)
        product = self._networks.stretch(0).gradient.astype(np.float64)
        product[:count] = on_free
        return np.asarray(product / len(outputs) + self._damping * direction)


class Solution(NamedTuple):
    """What conjugate gradients found: x (P,), and the length of what is left, ‖g − A x‖ / ‖g‖."""

    x: Array
    residual: float


def conjugate_gradient(product: Callable[[Array], Array], goal: Array, *, steps: int) -> Solution:
    """Solve A x = g for a symmetric positive definite A that is known only by its product with a direction.

    After k steps x minimises the quadratic form over the span of g, A g, … A^{k−1} g; after P steps it is exact.

    Args:
        product: v (P,) → A v (P,).
        goal: g (P,).
        steps: at most this many products.

    Source: Hestenes and Stiefel (1952), "Methods of conjugate gradients for solving linear systems".
    """
    goal = goal.astype(np.float64)
    x, left = np.zeros_like(goal), goal.copy()
    direction, size = left.copy(), float(left @ left)
    start = size
    for _ in range(steps):
        if size <= 1e-10 * max(start, 1e-300) or not np.isfinite(size):
            break
        image = product(direction)
        length = size / float(direction @ image)
        x += length * direction
        left -= length * image
        size, before = float(left @ left), size
        direction = left + (size / before) * direction
    return Solution(x, float(np.sqrt(size / start)) if start > 0 else 0.0)
