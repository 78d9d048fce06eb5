"""Pairs of clips, stretches of an agent's experience, and what a rater said of them; how clips are cut and made into numbers.

What a rater sees of a step is the state as it is drawn and the action; that is what stands in a clip.
M pairs, T steps of a clip, N environments, B samples, D observation size, X numbers of a drawn state, F features, A actions.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Environment, Tree
from app.core.randomness import Stream

Array = NDArray[Any]
MOST_BYTES = 256 << 20
BOUND = 10.0  # features beyond it are cut: a rater sees that far, too


class Seen:
    """What a rater sees of steps in an environment, as numbers: F features of each."""

    def __init__(self, environment: Environment, state_size: int) -> None:
        self.is_discrete = environment.mdp is not None
        self.n_actions = 0 if environment.action_bounds is not None else environment.n_actions
        self.state_size = environment.observation_size if self.is_discrete else state_size
        self.size = self.state_size + environment.n_actions

    def of(self, observations: Array, actions: Array) -> Array:
        """Return features (B, F) of observations (B, D) and actions (B,) or (B, A)."""
        states = np.clip(observations[:, : self.state_size], -BOUND, BOUND)
        done = np.eye(self.n_actions, dtype=np.float32)[actions] if self.n_actions else actions
        return np.concatenate([states, done], axis=1, dtype=np.float32)

    def of_drawn(self, states: Array, actions: Array) -> Array:
        """Return the same features (…, F) of drawn states (…, X), of a discrete world their numbers (…, 1)."""
        flat = states.reshape(-1, states.shape[-1])
        rows = np.eye(self.state_size, dtype=np.float32)[flat[:, 0].astype(np.int64)] if self.is_discrete else flat
        done = actions.reshape(len(flat), *actions.shape[states.ndim - 1 :])
        return self.of(rows, done).reshape(*states.shape[:-1], self.size)


class ClipPairs:
    """M pairs of clips at most: features (M, 2, T, F), lengths (M, 2), shares that the first is preferred (M,)."""

    def __init__(self, capacity: int, clip_steps: int, size: int) -> None:
        self._make_room(capacity, clip_steps, size)

    def _make_room(self, capacity: int, clip_steps: int, size: int) -> None:
        self.features = np.zeros((capacity, 2, clip_steps, size), np.float32)
        self.lengths = np.zeros((capacity, 2), np.int64)
        self.shares = np.zeros(capacity)
        self.count = 0

    def add(self, features: Array, lengths: Array, shares: Array) -> None:
        """Remember pairs that fit."""
        places = slice(self.count, self.count + len(shares))
        self.features[places], self.lengths[places], self.shares[places] = features, lengths, shares
        self.count += len(shares)

    @property
    def within(self) -> Array:
        """Which steps of the known clips belong to them (count, 2, T)."""
        return np.asarray(np.arange(self.features.shape[2]) < self.lengths[: self.count, :, None])

    def state(self) -> Tree:
        """Return the known pairs."""
        return {name: getattr(self, name)[: self.count].copy() for name in ("features", "lengths", "shares")}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned, whatever room there was."""
        count = len(tree["shares"])
        if count > len(self.shares) or tree["features"].shape[2] != self.features.shape[2]:
            room = max(count, len(self.shares))
            self._make_room(room, *tree["features"].shape[2:])
        self.count = 0
        self.add(tree["features"], tree["lengths"], tree["shares"])


def steps_left(ended: Array) -> Array:
    """Return how many steps there are from each one on (T, N), up to the end of its episode or of the rollout."""
    left = np.empty(ended.shape, np.int64)
    after = np.zeros(ended.shape[1], np.int64)
    for t in reversed(range(len(ended))):
        after = np.where(ended[t], 1, after + 1)
        left[t] = after
    return left


def cut(features: Array, rewards: Array, ended: Array, *, count: int, clip_steps: int, random: Stream) -> Any:
    """Cut pairs of clips out of a rollout at random.

    Args:
        features: of each step (T, N, F); rewards and ended are (T, N).

    Returns:
        features (count, 2, clip_steps, F), lengths (count, 2), true returns (count, 2).
    """
    steps, lanes = ended.shape
    latest = max(1, steps - clip_steps + 1)
    starts, which = random.integers(latest, count, 2), random.integers(lanes, count, 2)
    lengths = np.minimum(steps_left(ended)[starts, which], clip_steps)
    places = starts[..., None] + np.arange(clip_steps)
    is_within = np.arange(clip_steps) < lengths[..., None]
    places = np.minimum(places, steps - 1)
    clips = features[places, which[..., None]] * is_within[..., None]
    returns = (rewards[places, which[..., None]] * is_within).sum(axis=2)
    return clips, lengths, returns


def answers(returns: Array, *, label_noise: float, random: Stream) -> Array:
    """Return how much a simulated rater prefers the first of two clips (M,): 1, 0, or ½ where both earned the same (M, 2)."""
    shares = (1 + np.sign(returns[:, 0] - returns[:, 1])) / 2
    return np.asarray(np.where(random.uniforms(len(shares)) < label_noise, 1 - shares, shares))


def handed(labels: Mapping[str, Any], seen: Seen) -> ClipPairs:
    """Return the pairs of stored labels: states (M, 2, T, X), actions (M, 2, T, …), lengths (M, 2), shares (M,)."""
    features = seen.of_drawn(np.asarray(labels["states"]), np.asarray(labels["actions"]))
    pairs = ClipPairs(len(features), features.shape[2], features.shape[3])
    pairs.add(features, labels["lengths"], labels["shares"])
    return pairs
