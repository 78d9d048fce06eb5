r"""What the outputs of a policy network mean: the logits of a choice, or the means of a Gaussian.

A head turns outputs (B, O) into actions, log-probabilities, entropies and divergences, and their gradients back into
gradients of the outputs; everything is in closed form, so no step of learning needs automatic differentiation. Parameters
of a policy that do not depend on the observation (a Gaussian's log deviations) are `free`: they live beside the network's,
see `Networks`. B batch, A actions, or numbers of an action, F free parameters.

A choice has the softmax of its logits $z$ as $\pi$:

$$\frac{\partial \log \pi_a}{\partial z_b} = [a = b] - \pi_b, \qquad \frac{\partial H}{\partial z_b} = -\pi_b (\log \pi_b + H), \qquad F = \operatorname{diag}(\pi) - \pi\pi^\top$$

A Gaussian has a mean $\mu$ and a deviation $\sigma$ for each number of an action:

$$\log \mathcal N(a \mid \mu, \sigma) = -\sum_k \Big[\tfrac12 \Big(\frac{a_k - \mu_k}{\sigma_k}\Big)^2 + \log \sigma_k + \tfrac12 \log 2\pi\Big]$$

$$\frac{\partial \log \mathcal N}{\partial \mu_k} = \frac{a_k - \mu_k}{\sigma_k^2}, \qquad \frac{\partial \log \mathcal N}{\partial \log \sigma_k} = \Big(\frac{a_k - \mu_k}{\sigma_k}\Big)^2 - 1, \qquad F = \operatorname{diag}(1/\sigma^2,\, 2)$$
"""

import math
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from app.core.contracts import Environment
from app.core.jit import kernel
from app.core.randomness import Stream
from app.parts.policies import sample

Array = NDArray[Any]
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class Head(Protocol):
    """A family of distributions over actions.

    Attributes:
        outputs: O, columns that the network must have.
        free: F, parameters of the policy beside the network's.
        action_shape: () where an action is one number, (A,) where it is A numbers.
        dtype: of stored actions.
    """

    outputs: int
    free: int
    action_shape: tuple[int, ...]
    dtype: torch.dtype

    def draw(self, outputs: Array, free: Array, random: Stream) -> Array:
        """Return one action per row of outputs (B, O)."""

    def mode(self, outputs: Array) -> Array:
        """Return the likeliest action of each row."""

    def bounded(self, actions: Array) -> Array:
        """Return actions as the environment takes them."""

    def log_probs_and_entropies(self, outputs: Array, free: Array, actions: Array) -> tuple[Array, Array]:
        """Return the log-probability (or log-density) of actions (B,) and the entropy (B,)."""

    def gradient(
        self, outputs: Array, free: Array, actions: Array, *, log_probs: Array, entropy: float
    ) -> tuple[Array, Array]:
        """Return the gradient with respect to outputs (B, O) and free (F,) of a loss with these slopes.

        Args:
            log_probs: ∂L/∂log π(a|s) of each row (B,).
            entropy: ∂L/∂H, the same for every row.
        """

    def fisher(self, outputs: Array, free: Array, tangents: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return the Fisher matrix of each row's distribution times a change of (outputs (B, O), free (F,)).

        The second result is the sum over the rows.
        """

    def divergences(self, one: tuple[Array, Array], other: tuple[Array, Array]) -> Array:
        """Return KL(one ‖ other) (B,) of two policies, each as (outputs, free)."""


class Categorical:
    """A choice among A actions; the outputs are logits."""

    free = 0
    action_shape: tuple[int, ...] = ()
    dtype = torch.int64

    def __init__(self, n_actions: int) -> None:
        self.outputs = n_actions

    def draw(self, outputs: Array, free: Array, random: Stream) -> Array:
        """Return one action per row, by the softmax of its logits (B,)."""
        return sample(outputs, random)

    def mode(self, outputs: Array) -> Array:
        """Return the action of the largest logit (B,)."""
        return np.asarray(outputs.argmax(axis=1))

    def bounded(self, actions: Array) -> Array:
        """Return the actions."""
        return actions

    def log_probs_and_entropies(self, outputs: Array, free: Array, actions: Array) -> tuple[Array, Array]:
        """Return log π(a|s) (B,) and −Σ π log π (B,)."""
        _check(actions.shape == outputs.shape[:1], outputs, actions)
        log_probs, entropies = np.empty((2, len(outputs)), outputs.dtype)
        judge_choices(outputs, actions, log_probs, entropies)
        return log_probs, entropies

    def gradient(
        self, outputs: Array, free: Array, actions: Array, *, log_probs: Array, entropy: float
    ) -> tuple[Array, Array]:
        """Return slope ([a = b] − π_b) − ∂L/∂H π_b (log π_b + H) (B, A), and nothing."""
        _check(actions.shape == outputs.shape[:1], outputs, actions)
        gradient = np.empty_like(outputs)
        differentiate_choices(outputs, actions, log_probs.astype(outputs.dtype), outputs.dtype.type(entropy), gradient)
        return gradient, free

    def fisher(self, outputs: Array, free: Array, tangents: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return π ⊙ (x − π·x) (B, A), and nothing."""
        pi = np.exp(log_softmax(outputs))
        change = tangents[0]
        return pi * (change - (pi * change).sum(axis=1, keepdims=True)), free

    def divergences(self, one: tuple[Array, Array], other: tuple[Array, Array]) -> Array:
        """Return Σ π (log π − log π_other) (B,)."""
        log_pi, log_other = log_softmax(one[0]), log_softmax(other[0])
        return np.asarray((np.exp(log_pi) * (log_pi - log_other)).sum(axis=1))


class Gaussian:
    """A numbers within bounds (A, 2), drawn around the outputs with deviations that are the same everywhere.

    The free parameters are the log deviations. What is drawn beyond a bound is put on it for the environment alone: the
    density is that of the number drawn, as in Stable-Baselines3.
    """

    dtype = torch.float32

    def __init__(self, bounds: Array) -> None:
        self.outputs = self.free = len(bounds)
        self.action_shape: tuple[int, ...] = (len(bounds),)
        self._low, self._high = bounds[:, 0], bounds[:, 1]

    def draw(self, outputs: Array, free: Array, random: Stream) -> Array:
        """Return a draw from the Gaussian of each row (B, A) float32."""
        return np.asarray(outputs + np.exp(free) * random.normals(*outputs.shape), np.float32)

    def mode(self, outputs: Array) -> Array:
        """Return the means (B, A)."""
        return outputs

    def bounded(self, actions: Array) -> Array:
        """Return actions with what lies beyond a bound put on it."""
        return np.clip(actions, self._low, self._high)

    def log_probs_and_entropies(self, outputs: Array, free: Array, actions: Array) -> tuple[Array, Array]:
        """Return the log-density of actions (B, A), summed over its numbers (B,), and Σ log σ + ½ + ½ log 2π (B,)."""
        scaled = self._scaled(outputs, free, actions)
        log_densities = -(0.5 * scaled * scaled + free + HALF_LOG_TWO_PI).sum(axis=1)
        return log_densities, np.full(len(outputs), (free + 0.5 + HALF_LOG_TWO_PI).sum(), outputs.dtype)

    def gradient(
        self, outputs: Array, free: Array, actions: Array, *, log_probs: Array, entropy: float
    ) -> tuple[Array, Array]:
        """Return slope (a − μ) / σ² (B, A), and the sum of slope (((a − μ) / σ)² − 1) with ∂L/∂H for each row (A,)."""
        scaled = self._scaled(outputs, free, actions)
        slopes = log_probs.astype(outputs.dtype)[:, None]
        on_free = (slopes * (scaled * scaled - 1)).sum(axis=0) + entropy * len(outputs)
        return slopes * scaled * np.exp(-free), on_free

    def fisher(self, outputs: Array, free: Array, tangents: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return x / σ² (B, A), and twice the change of the log deviations for each row (A,)."""
        return tangents[0] * np.exp(-2 * free), 2 * len(outputs) * tangents[1]

    def divergences(self, one: tuple[Array, Array], other: tuple[Array, Array]) -> Array:
        """Return Σ log σ'/σ + (σ² + (μ − μ')²) / 2σ'² − ½ (B,)."""
        (mean, log_std), (other_mean, other_log_std) = one, other
        spread = (np.exp(2 * log_std) + (mean - other_mean) ** 2) / (2 * np.exp(2 * other_log_std))
        return np.asarray((other_log_std - log_std + spread - 0.5).sum(axis=1))

    def _scaled(self, outputs: Array, free: Array, actions: Array) -> Array:
        _check(actions.shape == outputs.shape, outputs, actions)
        return np.asarray((actions - outputs) * np.exp(-free))


def head_of(environment: Environment) -> Head:
    """Return the head that fits the environment's actions."""
    bounds = environment.action_bounds
    return Categorical(environment.n_actions) if bounds is None else Gaussian(bounds)


def log_softmax(logits: Array) -> Array:
    """Return the logarithm of the softmax of logits (B, A)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


@kernel
def judge_choices(logits: Any, actions: Any, log_probs: Any, entropies: Any) -> None:
    """Write log π(a|s) (B,) and −Σ π log π (B,) for logits (B, A) and actions (B,)."""
    rows, n_actions = logits.shape
    for row in range(rows):
        largest = logits[row].max()
        total = np.exp(logits[row, 0] - largest)
        for b in range(1, n_actions):
            total += np.exp(logits[row, b] - largest)
        log_total = np.log(total)
        entropy = total - total
        for b in range(n_actions):
            log_pi = logits[row, b] - largest - log_total
            entropy -= np.exp(log_pi) * log_pi
        log_probs[row] = logits[row, actions[row]] - largest - log_total
        entropies[row] = entropy


@kernel
def differentiate_choices(logits: Any, actions: Any, slopes: Any, entropy_slope: Any, gradient: Any) -> None:
    """Write the gradient of the logits (B, A) for ∂L/∂log π(a|s) (B,) and ∂L/∂H of every row."""
    rows, n_actions = logits.shape
    for row in range(rows):
        largest = logits[row].max()
        total = np.exp(logits[row, 0] - largest)
        for b in range(1, n_actions):
            total += np.exp(logits[row, b] - largest)
        log_total = np.log(total)
        entropy = total - total
        if entropy_slope != 0:
            for b in range(n_actions):
                log_pi = logits[row, b] - largest - log_total
                entropy -= np.exp(log_pi) * log_pi
        for b in range(n_actions):
            log_pi = logits[row, b] - largest - log_total
            pi = np.exp(log_pi)
            gradient[row, b] = -slopes[row] * pi - entropy_slope * pi * (log_pi + entropy)
        gradient[row, actions[row]] += slopes[row]


def _check(holds: bool, outputs: Array, actions: Array) -> None:
    if not holds:
        raise ValueError(f"outputs and actions do not belong together: {outputs.shape} and {actions.shape}")
