"""The replay buffer: the last transitions in a ring, drawn uniformly with replacement.

A transition holds what the step really reached (the final observation where an episode ended), never the first observation
of the next episode, and of the two ends only `terminated`: after a truncation the value of what follows is bootstrapped.
C capacity, B batch, D observation size.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Step, Tree
from app.core.randomness import Stream

Array = NDArray[Any]


class Transitions(NamedTuple):
    """B transitions: observations (B, D), actions (B,), rewards (B,), next_observations (B, D), terminated (B,)."""

    observations: Array
    actions: Array
    rewards: Array
    next_observations: Array
    terminated: Array


class Replay:
    """A ring of at most C transitions."""

    def __init__(self, capacity: int, observation_size: int) -> None:
        self.observations = np.zeros((capacity, observation_size), np.float32)
        self.next_observations = np.zeros((capacity, observation_size), np.float32)
        self.actions = np.zeros(capacity, np.int64)
        self.rewards = np.zeros(capacity, np.float32)
        self.terminated = np.zeros(capacity, np.float32)
        self.added = 0

    @property
    def size(self) -> int:
        """How many transitions are held."""
        return min(self.added, len(self.actions))

    @property
    def mean_age(self) -> float:
        """Mean age of the held transitions, counted in transitions added since."""
        return (self.size - 1) / 2 if self.size else 0.0

    def add(self, observations: Array, actions: Array, step: Step) -> None:
        """Store one step of N environments, overwriting the oldest transitions when full."""
        start, n = self.added % len(self.actions), len(actions)
        where: Any = slice(start, start + n)
        if start + n > len(self.actions):
            where = np.arange(start, start + n) % len(self.actions)
        self.observations[where] = observations
        self.next_observations[where] = step.final_observations
        self.actions[where] = actions
        self.rewards[where] = step.rewards
        self.terminated[where] = step.terminated
        self.added += n

    def sample(self, batch_size: int, random: Stream) -> Transitions:
        """Return a minibatch drawn uniformly with replacement."""
        rows = random.integers(self.size, batch_size)
        return Transitions(*(getattr(self, name)[rows] for name in Transitions._fields))

    def recent(self, count: int) -> Array:
        """Return the observations of the last `count` transitions, oldest first (K, D)."""
        last = np.arange(self.added - min(count, self.size), self.added)
        return self.observations[last % len(self.actions)]

    def state(self) -> Tree:
        """Return the held transitions."""
        tree: Tree = {name: getattr(self, name)[: self.size].copy() for name in Transitions._fields}
        return {**tree, "added": self.added}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.added = int(tree["added"])
        for name in Transitions._fields:
            getattr(self, name)[: self.size] = tree[name]
