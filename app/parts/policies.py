"""Action choice from numbers: categorical policies over logits, and epsilon-greedy over action values.

A draw is a function of (stream, its counter, row), so one call uses up one counter whatever the number of rows.
B batch, A actions.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.jit import kernel
from app.core.randomness import Stream, below, philox, unit

Array = NDArray[Any]
I64 = NDArray[np.int64]


def log_prob_and_entropy(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Return log π(a|s) of the actions taken (B,) and the entropy −Σ π log π (B,), for logits (B, A) and actions (B,)."""
    if logits.ndim != 2 or actions.shape != logits.shape[:1]:
        raise ValueError(f"logits (B, A) and actions (B,), not {tuple(logits.shape)} and {tuple(actions.shape)}")
    log_pi = torch.log_softmax(logits, dim=1)
    entropy = -(log_pi.exp() * log_pi).sum(dim=1)
    return log_pi.gather(1, actions[:, None])[:, 0], entropy


def kl_divergence(logits: Tensor, other_logits: Tensor) -> Tensor:
    """Return KL(π ‖ π_other) = Σ π (log π − log π_other) of two categorical policies (B,)."""
    log_pi, log_other = torch.log_softmax(logits, dim=1), torch.log_softmax(other_logits, dim=1)
    return (log_pi.exp() * (log_pi - log_other)).sum(dim=1)


def probabilities(logits: Array) -> Array:
    """Return the softmax of logits (B, A)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def sample(logits: Array, random: Stream) -> I64:
    """Draw one action per row of logits (B, A)."""
    actions = sample_kernel(logits, random.key, random.counter)
    random.counter += 1
    return actions


def epsilon_greedy(q: Array, epsilon: float, random: Stream) -> I64:
    """Return for each row of q (B, A) a uniform action with probability epsilon, else a best one, ties at random."""
    actions = epsilon_greedy_kernel(q, epsilon, random.key, random.counter)
    random.counter += 1
    return actions


@kernel
def sample_kernel(logits: Array, key: Any, counter: int) -> I64:
    """The compiled loop of `sample`: inverts the cumulative softmax at one uniform draw per row."""
    rows, n_actions = logits.shape
    actions = np.empty(rows, np.int64)
    weights = np.empty(n_actions, np.float64)
    for row in range(rows):
        largest = logits[row].max()
        total = 0.0
        for action in range(n_actions):
            weights[action] = np.exp(np.float64(logits[row, action] - largest))
            total += weights[action]
        left = unit(philox(counter, row, key)[0]) * total
        action = 0
        while action < n_actions - 1 and left >= weights[action]:
            left -= weights[action]
            action += 1
        actions[row] = action
    return actions


@kernel
def epsilon_greedy_kernel(q: Array, epsilon: float, key: Any, counter: int) -> I64:
    """The compiled loop of `epsilon_greedy`; the three words of a row decide: explore or not, which action, which tie."""
    rows, n_actions = q.shape
    actions = np.empty(rows, np.int64)
    for row in range(rows):
        explores, action, tie, _ = philox(counter, row, key)
        if unit(explores) < epsilon:
            actions[row] = below(action, n_actions)
            continue
        best = q[row].max()
        count = 0
        for candidate in range(n_actions):
            count += q[row, candidate] == best
        chosen = below(tie, count)
        actions[row] = 0
        for candidate in range(n_actions):
            if q[row, candidate] == best:
                if chosen == 0:
                    actions[row] = candidate
                chosen -= 1
    return actions
