"""Tiny environments of continuous actions, with episodes that end both ways, for tests of agents that choose numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from app.core.contracts import Array, Batch, Environment, Step, Tree

EDGE, LIMIT = 3.0, 5
BOUNDS = np.array([[-1.0, 3.0], [-0.5, 0.5]])


class SlideBatch:
    """N points on a line: the sum of an action's two numbers moves one, its reward is the move; beyond an edge it terminates."""

    def __init__(self, n_envs: int) -> None:
        self.n_envs = n_envs
        self.positions, self.times = np.zeros(n_envs), np.zeros(n_envs, np.int64)
        self.actions: list[np.ndarray] = []

    def observations(self) -> np.ndarray:
        return np.stack([self.positions / EDGE, self.times / LIMIT], axis=1).astype(np.float32)

    def reset(self) -> np.ndarray:
        self.positions[:], self.times[:] = 0.0, 0
        return self.observations()

    def restart(self, episode: int, group: int = 1) -> np.ndarray:
        return self.reset()

    def step(self, actions: np.ndarray) -> Step:
        self.actions.append(actions.copy())
        moves = actions.sum(axis=1)
        self.positions += moves
        self.times += 1
        terminated = np.abs(self.positions) >= EDGE
        truncated = (self.times >= LIMIT) & ~terminated
        reached = self.observations()
        self.positions[terminated | truncated] = 0.0
        self.times[terminated | truncated] = 0
        return Step(self.observations(), moves, terminated, truncated, reached)

    def states(self) -> np.ndarray:
        return self.positions[:, None].copy()

    def state(self) -> Tree:
        return {"positions": self.positions.copy(), "times": self.times.copy()}

    def load(self, tree: Tree) -> None:
        self.positions[:], self.times[:] = tree["positions"], tree["times"]


class Slide:
    """The environment of `SlideBatch`."""

    id, n_actions, observation_size, max_episode_steps, is_replayable = "slide", 2, 2, LIMIT, True
    mdp: Any = None
    changes: tuple[tuple[int, Environment], ...] = ()

    def __init__(self, bounds: Array | None = BOUNDS) -> None:
        self.action_bounds = bounds

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> Batch:
        return SlideBatch(n_envs)


class OneState:
    """A place where nothing changes: an action's reward is given, and an episode ends after `length` steps in a given way."""

    id, n_actions, observation_size, is_replayable = "one_state", 1, 1, True
    action_bounds: Array | None = np.array([[-1.0, 1.0]])
    mdp: Any = None
    changes: tuple[tuple[int, Environment], ...] = ()

    def __init__(self, reward: Callable[[np.ndarray], np.ndarray], length: int, end: str) -> None:
        self.reward, self.max_episode_steps, self.end = reward, length, end

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> Batch:
        return OneStateBatch(self, n_envs)


class OneStateBatch:
    """N copies of a `OneState`."""

    def __init__(self, world: OneState, n_envs: int) -> None:
        self.n_envs, self._world = n_envs, world
        self.times = np.zeros(n_envs, np.int64)

    def reset(self) -> np.ndarray:
        self.times[:] = 0
        return np.ones((self.n_envs, 1), np.float32)

    def restart(self, episode: int, group: int = 1) -> np.ndarray:
        return self.reset()

    def step(self, actions: np.ndarray) -> Step:
        self.times += 1
        is_over = self.times >= self._world.max_episode_steps
        self.times[is_over] = 0
        never, seen = np.zeros(self.n_envs, np.bool_), np.ones((self.n_envs, 1), np.float32)
        terminated, truncated = (is_over, never) if self._world.end == "terminated" else (never, is_over)
        return Step(seen, self._world.reward(actions[:, 0]), terminated, truncated, seen)

    def states(self) -> np.ndarray:
        return self.times[:, None].astype(np.float64)

    def state(self) -> Tree:
        return {"times": self.times.copy()}

    def load(self, tree: Tree) -> None:
        self.times[:] = tree["times"]
