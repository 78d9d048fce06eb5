"""The replay buffer: the last transitions in a ring, drawn uniformly with replacement.

A transition holds what the step really reached (the final observation where an episode ended), never the first observation
of the next episode. Of the two ends only `terminated` decides what follows: after a truncation the value of what follows is
bootstrapped. `truncated` is kept because an episode's steps can be followed through the ring, lane by lane: the step after
transition j of the same environment is transition j + N. n-step returns and returns of whole episodes are read off that way.
C capacity, N environments, B batch, D observation size, A numbers of an action.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Step, Tree
from app.core.jit import kernel
from app.core.randomness import Stream

Array = NDArray[Any]
REPLAY_SIGNALS = ("replay_observations", "replay_ages")
PICTURED = 1_000  # transitions in a picture


class Transitions(NamedTuple):
    """B transitions: observations (B, D), actions (B,) or (B, A), rewards (B,), next_observations (B, D), terminated (B,)."""

    observations: Array
    actions: Array
    rewards: Array
    next_observations: Array
    terminated: Array


class Outlook(NamedTuple):
    """What came after transitions, each (B,).

    Attributes:
        rewards: the discounted sum of the rewards that were followed.
        discounts: γ to the number of steps followed: what the value after the last of them counts.
        last: row of the last step followed.
        is_whole: whether the episode ended there.
    """

    rewards: Array
    discounts: Array
    last: Array
    is_whole: Array


class Replay:
    """A ring of at most C transitions, of N environments in turn."""

    def __init__(
        self, capacity: int, observation_size: int,
        *, n_envs: int = 1, action_shape: tuple[int, ...] = (), dtype: Any = np.int64,
    ) -> None:  # fmt: skip
        self.n_envs = n_envs
        self.observations = np.zeros((capacity, observation_size), np.float32)
        self.next_observations = np.zeros((capacity, observation_size), np.float32)
        self.actions: Array = np.zeros((capacity, *action_shape), dtype)
        self.rewards = np.zeros(capacity, np.float32)
        self.terminated = np.zeros(capacity, np.float32)
        self.truncated = np.zeros(capacity, np.bool_)
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
        self.truncated[where] = step.truncated
        self.added += n

    def draw(self, batch_size: int, random: Stream) -> Array:
        """Return rows drawn uniformly with replacement (B,)."""
        return random.integers(self.size, batch_size)

    def newest(self, count: int) -> Array:
        """Return the rows of the last `count` transitions, oldest first (B,), fewer where fewer are held."""
        return np.arange(self.added - min(count, self.size), self.added) % len(self.actions)

    def take(self, rows: Array) -> Transitions:
        """Return the transitions of rows (B,)."""
        return Transitions(*(getattr(self, name)[rows] for name in Transitions._fields))

    def sample(self, batch_size: int, random: Stream) -> Transitions:
        """Return a minibatch drawn uniformly with replacement."""
        return self.take(self.draw(batch_size, random))

    def follow(self, rows: Array, n_steps: int, gamma: float) -> Outlook:
        """Return what came after the transitions of rows (B,), at most `n_steps` steps on, the first one included.

        An episode's end, of either kind, stops it sooner, and so does the newest transition.
        """
        outlook = Outlook(
            np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows), np.int64), np.empty(len(rows), np.bool_)
        )
        follow(rows, self.rewards, self.terminated, self.truncated, self.added, self.n_envs, n_steps, gamma, *outlook)
        return outlook

    def recent(self, count: int) -> Array:
        """Return the observations of the last `count` transitions, oldest first (K, D)."""
        return self.observations[self.newest(count)]

    def signals(self) -> dict[str, Callable[[], Array]]:
        """Return signals of transitions spread evenly over the buffer, oldest first: observations (K, D), ages (K,) in steps."""

        def numbers() -> Array:
            return np.linspace(self.added - self.size, self.added - 1, min(self.size, PICTURED)).astype(np.int64)

        return {
            "replay_observations": lambda: self.observations[numbers() % len(self.actions)],
            "replay_ages": lambda: self.added - 1 - numbers(),
        }

    def state(self) -> Tree:
        """Return the held transitions."""
        return {**{name: getattr(self, name)[: self.size].copy() for name in _ARRAYS}, "added": self.added}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.added = int(tree["added"])
        for name in _ARRAYS:
            getattr(self, name)[: self.size] = tree[name]


_ARRAYS = (*Transitions._fields, "truncated")


def spread(rows: Array, count: int) -> Array:
    """Return at most `count` of the rows, evenly spread, the last one among them."""
    return rows[:: -max(1, -(-len(rows) // count))]


@kernel
def follow(
    rows: Any, rewards: Any, terminated: Any, truncated: Any, added: Any, n_envs: Any, n_steps: Any, gamma: Any,
    sums: Any, discounts: Any, last: Any, is_whole: Any,
) -> None:  # fmt: skip
    """The compiled loop of `Replay.follow`; transition j lies in row j modulo C, and `added` were made in all."""
    capacity = len(rewards)
    for index in range(len(rows)):
        row = rows[index]
        number = row if added <= capacity else added - 1 - (added - 1 - row) % capacity
        total, discount = 0.0, 1.0
        for _step in range(n_steps):
            total += discount * np.float64(rewards[row])
            discount *= gamma
            last[index], is_whole[index] = row, terminated[row] > 0 or truncated[row]
            number += n_envs
            if is_whole[index] or number >= added:
                break
            row = number % capacity
        sums[index], discounts[index] = total, discount
