"""Collecting experience: the rollout of an on-policy algorithm, the count of episodes, and the places seen of late.

T steps, N environments, D observation size. A rollout lives in preallocated arrays and may be cut anywhere: what is
collected so far is part of the state.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from app.core.contracts import Step, Tree
from app.core.report import Episodes

Array = NDArray[Any]
VISITED = 2000


class Rollout:
    """T steps of N environments, oldest first; `length` of them are collected.

    Attributes:
        observations: what the agent saw before each action (T, N, D) float32.
        actions: (T, N) int64, or (T, N, A) float32.
        rewards: (T, N) float64.
        terminated, truncated: how the step ended (T, N) bool.
        final_values: the value of the final observation where the step truncated, else 0 (T, N) float32.
    """

    def __init__(
        self, n_steps: int, n_envs: int, observation_size: int,
        *, action_shape: tuple[int, ...] = (), dtype: torch.dtype = torch.int64,
    ) -> None:  # fmt: skip
        self.observations: Array = torch.zeros((n_steps, n_envs, observation_size)).numpy()
        self.actions: Array = torch.zeros((n_steps, n_envs, *action_shape), dtype=dtype).numpy()
        self.rewards = np.zeros((n_steps, n_envs))
        self.terminated = np.zeros((n_steps, n_envs), np.bool_)
        self.truncated = np.zeros((n_steps, n_envs), np.bool_)
        self.final_values = np.zeros((n_steps, n_envs), np.float32)
        self.length = 0

    @property
    def is_full(self) -> bool:
        """Whether all T steps are collected."""
        return self.length == len(self.actions)

    def add(self, actions: Array, step: Step, *, rewards: Array, final_values: Array | float) -> None:
        """Store what followed the observations that the caller has written to `observations[length]`."""
        t = self.length
        self.actions[t] = actions
        self.rewards[t] = rewards
        self.terminated[t] = step.terminated
        self.truncated[t] = step.truncated
        self.final_values[t] = final_values
        self.length = t + 1

    def clear(self) -> None:
        """Forget the collected steps."""
        self.length = 0

    def state(self) -> Tree:
        """Return the collected steps."""
        return {name: getattr(self, name)[: self.length].copy() for name in _ARRAYS}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.length = len(tree["actions"])
        for name in _ARRAYS:
            getattr(self, name)[: self.length] = tree[name]


_ARRAYS = ("observations", "actions", "rewards", "terminated", "truncated", "final_values")


class EpisodeCounter:
    """Sums rewards and steps of the running episodes of N environments, and hands over the episodes that ended."""

    def __init__(self, n_envs: int) -> None:
        self.returns = np.zeros(n_envs)
        self.lengths = np.zeros(n_envs, np.int64)
        self._ended: list[Episodes] = []

    def add(self, step: Step, env_step: int) -> None:
        """Count one step of all environments; `env_step` is the total number of steps after it."""
        self.returns += step.rewards
        self.lengths += 1
        ended = step.terminated | step.truncated
        if ended.any():
            which = np.flatnonzero(ended)
            ends = np.full(len(which), env_step, np.int64)
            self._ended.append(Episodes(ends, self.returns[which], self.lengths[which], step.terminated[which].copy()))
            self.returns[which] = 0.0
            self.lengths[which] = 0

    def keep(self, ended: Episodes) -> None:
        """Hand over episodes, too, that were counted elsewhere."""
        self._ended.append(ended)

    def take(self) -> Episodes:
        """Return the episodes that ended since the last call."""
        episodes = Episodes.join(self._ended)
        self._ended = []
        return episodes

    def state(self) -> Tree:
        """Return the sums of the running episodes."""
        return {"returns": self.returns.copy(), "lengths": self.lengths.copy()}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned; episodes not yet taken are forgotten."""
        self.returns[:], self.lengths[:] = tree["returns"], tree["lengths"]
        self._ended = []


class Visited:
    """A ring of the last observations, for pictures only: training never reads it."""

    def __init__(self, observation_size: int, capacity: int = VISITED) -> None:
        self._ring = np.zeros((capacity, observation_size), np.float32)
        self._count = 0

    def add(self, observations: Array) -> None:
        """Remember observations (N, D)."""
        start, n = self._count % len(self._ring), len(observations)
        if start + n <= len(self._ring):
            self._ring[start : start + n] = observations
        else:
            self._ring[np.arange(start, start + n) % len(self._ring)] = observations
        self._count += n

    def recent(self) -> Array:
        """Return the remembered observations, oldest first (K, D)."""
        if self._count <= len(self._ring):
            return self._ring[: self._count].copy()
        return np.roll(self._ring, -(self._count % len(self._ring)), axis=0)

    def state(self) -> Tree:
        """Return the ring."""
        return {"ring": self._ring[: self._count].copy(), "count": self._count}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self._count = int(tree["count"])
        self._ring[: len(tree["ring"])] = tree["ring"]
