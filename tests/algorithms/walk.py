"""A tiny environment whose episodes end both ways, for tests of neural agents."""

import numpy as np

from app.core.contracts import Step, Tree

EDGE, LIMIT = 3, 5


class WalkBatch:
    """N walkers on a line: action 1 steps right for reward 1, action 0 left for −0.5; both edges terminate."""

    def __init__(self, n_envs: int) -> None:
        self.n_envs = n_envs
        self.positions, self.times = np.zeros(n_envs, np.int64), np.zeros(n_envs, np.int64)

    def observations(self) -> np.ndarray:
        return np.stack([self.positions / EDGE, self.times / LIMIT], axis=1).astype(np.float32)

    def reset(self) -> np.ndarray:
        self.positions[:] = np.arange(self.n_envs) % 3 - 1
        self.times[:] = 0
        return self.observations()

    def restart(self, episode: int, group: int = 1) -> np.ndarray:
        self.positions[:] = (np.arange(self.n_envs) // group + episode) % 3 - 1
        self.times[:] = 0
        return self.observations()

    def step(self, actions: np.ndarray) -> Step:
        self.positions += 2 * actions - 1
        self.times += 1
        terminated = np.abs(self.positions) >= EDGE
        truncated = (self.times >= LIMIT) & ~terminated
        reached = self.observations()
        self.positions[terminated | truncated] = 0
        self.times[terminated | truncated] = 0
        return Step(self.observations(), np.where(actions == 1, 1.0, -0.5), terminated, truncated, reached)

    def states(self) -> np.ndarray:
        return self.positions[:, None].astype(np.float64)

    def state(self) -> Tree:
        return {"positions": self.positions.copy(), "times": self.times.copy()}

    def load(self, tree: Tree) -> None:
        self.positions[:], self.times[:] = tree["positions"], tree["times"]


class Walk:
    """The environment of `WalkBatch`."""

    id, n_actions, observation_size, max_episode_steps, mdp = "walk", 2, 2, LIMIT, None
    action_bounds: np.ndarray | None = None

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> WalkBatch:
        return WalkBatch(n_envs)


class PushBatch(WalkBatch):
    """Walkers that go right where the only number of their action is positive."""

    def step(self, actions: np.ndarray) -> Step:
        assert actions.shape == (self.n_envs, 1)
        assert np.abs(actions).max() <= 0.5
        return super().step((actions[:, 0] > 0).astype(np.int64))


class Push(Walk):
    """The same walk, with one continuous number for an action."""

    n_actions, action_bounds = 1, np.array([[-0.5, 0.5]])

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> PushBatch:
        return PushBatch(n_envs)
