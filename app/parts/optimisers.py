r"""Adam and RMSprop over one flat parameter vector, with one norm over the whole gradient.

$$m \leftarrow \beta_1 m + (1-\beta_1) g, \qquad v \leftarrow \beta_2 v + (1-\beta_2) g^2, \qquad
\theta \leftarrow \theta - \frac{\alpha}{1-\beta_1^k}\,\frac{m}{\sqrt{v / (1-\beta_2^k)} + \epsilon}$$

They are compiled loops instead of `torch.optim`, which takes a second to import and 100 µs a step for small networks.
P parameters.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Tree
from app.core.jit import kernel
from app.parts.networks import Networks, Parameters

Array = NDArray[Any]


class Adam:
    """Adam (Kingma and Ba, 2015): updates the parameters of `networks` in place from their gradient."""

    def __init__(
        self, networks: Networks | Parameters, *, epsilon: float = 1e-8, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self.parameters, self.gradient = networks.weights, networks.gradient
        self.epsilon, self.betas = epsilon, betas
        self.first, self.second = np.zeros_like(self.parameters), np.zeros_like(self.parameters)
        self.steps = 0

    def step(self, learning_rate: float) -> None:
        """Take one step along the gradient that `networks` holds."""
        self.steps += 1
        beta1, beta2 = self.betas
        kind = self.parameters.dtype.type
        step_size = kind(learning_rate / (1.0 - beta1**self.steps))
        root = kind(math.sqrt(1.0 - beta2**self.steps))
        adam(
            self.parameters, self.gradient, self.first, self.second,
            kind(beta1), kind(1 - beta1), kind(beta2), kind(1 - beta2), kind(self.epsilon), step_size, root,
        )  # fmt: skip

    def state(self) -> Tree:
        """Return the moments and the count of steps."""
        return {"first": self.first.copy(), "second": self.second.copy(), "steps": self.steps}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.first[:], self.second[:], self.steps = tree["first"], tree["second"], int(tree["steps"])


@kernel
def adam(
    parameters: Array, gradient: Array, first: Array, second: Array,
    keep1: Any, new1: Any, keep2: Any, new2: Any, epsilon: Any, step_size: Any, root: Any,
) -> None:  # fmt: skip
    """One step of Adam in place: keep = β, new = 1 − β; `step_size` and `root` hold the two bias corrections."""
    for i in range(parameters.shape[0]):
        first[i] = keep1 * first[i] + new1 * gradient[i]
        second[i] = keep2 * second[i] + new2 * gradient[i] * gradient[i]
        parameters[i] -= step_size * first[i] / (np.sqrt(second[i]) / root + epsilon)


def clip_norm(gradient: Array, max_norm: float) -> float:
    """Scale `gradient` (P,) in place to a norm of at most `max_norm`; return the norm it had."""
    norm = math.sqrt(float(np.dot(gradient, gradient)))
    if norm > max_norm:
        gradient *= max_norm / (norm + 1e-6)
    return norm


class RMSprop:
    r"""RMSprop with ε inside the root and the mean square starting at 1: that of TensorFlow, which A2C was tuned with.

    $$v \leftarrow \beta v + (1-\beta) g^2, \qquad \theta \leftarrow \theta - \alpha\, g / \sqrt{v + \epsilon}$$
    """

    def __init__(self, networks: Networks | Parameters, *, epsilon: float = 1e-5, beta: float = 0.99) -> None:
        self.parameters, self.gradient = networks.weights, networks.gradient
        self.epsilon, self.beta = epsilon, beta
        self.second = np.ones_like(self.parameters)

    def step(self, learning_rate: float) -> None:
        """Take one step along the gradient that `networks` holds."""
        kind = self.parameters.dtype.type
        numbers = (kind(x) for x in (self.beta, 1 - self.beta, self.epsilon, learning_rate))
        rmsprop(self.parameters, self.gradient, self.second, *numbers)

    def state(self) -> Tree:
        """Return the mean square."""
        return {"second": self.second.copy()}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.second[:] = tree["second"]


@kernel
def rmsprop(
    parameters: Array, gradient: Array, second: Array, keep: Any, new: Any, epsilon: Any, step_size: Any
) -> None:
    """One step of RMSprop in place: keep = β, new = 1 − β."""
    for i in range(parameters.shape[0]):
        second[i] = keep * second[i] + new * gradient[i] * gradient[i]
        parameters[i] -= step_size * gradient[i] / np.sqrt(second[i] + epsilon)
