"""A tiny environment of continuous actions whose episodes end both ways, for tests of agents that choose numbers."""

import numpy as np

from app.core.contracts import Step, Tree

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

    id, n_actions, observation_size, max_episode_steps, mdp = "slide", 2, 2, LIMIT, None
    changes, is_replayable = (), True

    def __init__(self, bounds: np.ndarray = BOUNDS) -> None:
        self.action_bounds = bounds

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> SlideBatch:
        return SlideBatch(n_envs)
