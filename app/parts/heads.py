r"""What the outputs of a policy network mean: the logits of a choice, or the means of a Gaussian.

A head turns outputs (B, O) into actions, log-probabilities, entropies and divergences. Parameters of a policy that do not
depend on the observation (a Gaussian's log deviations) are `free`: they live beside the network's, see `Networks`.
B batch, A actions, or numbers of an action.

$$\log \mathcal N(a \mid \mu, \sigma) = -\sum_k \Big[\tfrac12 \Big(\frac{a_k - \mu_k}{\sigma_k}\Big)^2 + \log \sigma_k + \tfrac12 \log 2\pi\Big]$$
"""

import math
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.contracts import Environment
from app.core.randomness import Stream
from app.parts.policies import kl_divergence, log_prob_and_entropy, sample

Array = NDArray[Any]
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class Head(Protocol):
    """A family of distributions over actions.

    Attributes:
        outputs: O, columns that the network must have.
        free: parameters of the policy beside the network's.
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

    def log_prob_and_entropy(self, outputs: Tensor, free: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probability (or log-density) of actions (B,) and the entropy (B,)."""

    def divergence(self, one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
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

    def log_prob_and_entropy(self, outputs: Tensor, free: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return log π(a|s) (B,) and −Σ π log π (B,)."""
        return log_prob_and_entropy(outputs, actions)

    def divergence(self, one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
        """Return Σ π (log π − log π_other) (B,)."""
        return kl_divergence(one[0], other[0])


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

    def log_prob_and_entropy(self, outputs: Tensor, free: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-density of actions (B, A), summed over its numbers (B,), and Σ log σ + ½ + ½ log 2π (B,)."""
        if outputs.shape != actions.shape:
            raise ValueError(f"outputs and actions (B, A), not {tuple(outputs.shape)} and {tuple(actions.shape)}")
        scaled = (actions - outputs) * torch.exp(-free)
        log_density = -(0.5 * scaled.square() + free + HALF_LOG_TWO_PI).sum(dim=1)
        return log_density, (free + 0.5 + HALF_LOG_TWO_PI).sum().expand(len(outputs))

    def divergence(self, one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
        """Return Σ log σ'/σ + (σ² + (μ − μ')²) / 2σ'² − ½ (B,)."""
        (mean, log_std), (other_mean, other_log_std) = one, other
        spread = (torch.exp(2 * log_std) + (mean - other_mean).square()) / (2 * torch.exp(2 * other_log_std))
        return (other_log_std - log_std + spread - 0.5).sum(dim=1)


def head_of(environment: Environment) -> Head:
    """Return the head that fits the environment's actions."""
    bounds = environment.action_bounds
    return Categorical(environment.n_actions) if bounds is None else Gaussian(bounds)
