"""Running normalisation of observations and rewards, for tasks whose numbers are far from 1.

Observations are shifted and scaled by their running mean and deviation; rewards are divided by the running deviation of
the discounted return, so that their sign stays. Both are clipped to ±10. N environments, D observation size.

Source: VecNormalize of Stable-Baselines3.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Step, Tree
from app.core.errors import InvalidInput
from app.core.text import _, filled

Array = NDArray[Any]
CLIP, EPSILON = 10.0, 1e-8


class RunningMoments:
    """Mean and variance (D,) of all rows seen, joined batch by batch (Chan, Golub, LeVeque, 1979)."""

    def __init__(self, size: int) -> None:
        self.mean, self.variance, self.count = np.zeros(size), np.ones(size), 1e-4

    def add(self, rows: Array) -> None:
        """Take in rows (N, D)."""
        n, total = len(rows), self.count + len(rows)
        gap = rows.mean(axis=0) - self.mean
        squares = self.variance * self.count + rows.var(axis=0) * n + gap**2 * self.count * n / total
        self.mean = self.mean + gap * n / total
        self.variance = squares / total
        self.count = total

    def state(self) -> Tree:
        """Return the moments."""
        return {"mean": self.mean.copy(), "variance": self.variance.copy(), "count": self.count}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.mean, self.variance, self.count = tree["mean"].copy(), tree["variance"].copy(), float(tree["count"])


class Normaliser:
    """Normalises what N environments return; the moments change only by `see` and `rewards`."""

    def __init__(self, n_envs: int, observation_size: int) -> None:
        self.observation_moments, self.return_moments = RunningMoments(observation_size), RunningMoments(1)
        self.returns = np.zeros(n_envs)

    def see(self, observations: Array) -> Array:
        """Take in observations (N, D) and return them normalised."""
        self.observation_moments.add(observations.astype(np.float64))
        return self.observations(observations)

    def observations(self, observations: Array) -> Array:
        """Return observations (B, D) normalised, float32."""
        moments = self.observation_moments
        scaled = (observations - moments.mean) / np.sqrt(moments.variance + EPSILON)
        return np.asarray(np.clip(scaled, -CLIP, CLIP), np.float32)

    @property
    def affine(self) -> Array:
        """Mean and variance of the observations and the variance of the returns in one array (2 D + 1,): all that `observations` and `scaled` depend on."""
        seen, earned = self.observation_moments, self.return_moments
        return np.concatenate([seen.mean, seen.variance, earned.variance])

    @affine.setter
    def affine(self, numbers: Array) -> None:
        _check_size(numbers, self.affine)
        seen, size = self.observation_moments, len(self.observation_moments.mean)
        seen.mean, seen.variance, self.return_moments.variance = np.split(numbers.astype(np.float64), [size, 2 * size])

    def unscaled(self, observations: Array) -> Array:
        """Return normalised observations (B, D) as the environment gave them, but for what was clipped."""
        moments = self.observation_moments
        return np.asarray(observations * np.sqrt(moments.variance + EPSILON) + moments.mean)

    def scaled(self, rewards: Array) -> Array:
        """Return rewards (N,) in deviations of the discounted return, in which the critic counts."""
        return np.asarray(np.clip(rewards / self.reward_scale, -CLIP, CLIP))

    @property
    def reward_scale(self) -> float:
        """How much reward of the environment is 1 of what `scaled` returns, where nothing is clipped."""
        return float(np.sqrt(self.return_moments.variance[0] + EPSILON))

    def rewards(self, step: Step, gamma: float) -> Array:
        """Take in the rewards of a step and return them scaled (N,)."""
        self.returns = self.returns * gamma + step.rewards
        self.return_moments.add(self.returns[:, None])
        self.returns[step.terminated | step.truncated] = 0.0
        return self.scaled(step.rewards)

    def restart(self) -> None:
        """Forget the running returns, for every episode begins anew."""
        self.returns[:] = 0.0

    def state(self) -> Tree:
        """Return the moments and the running returns."""
        return {
            "observation_moments": self.observation_moments.state(),
            "return_moments": self.return_moments.state(),
            "returns": self.returns.copy(),
        }

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.observation_moments.load(tree["observation_moments"])
        self.return_moments.load(tree["return_moments"])
        self.returns = tree["returns"].copy()


class Identity:
    """The normaliser that changes nothing."""

    reward_scale = 1.0

    @property
    def affine(self) -> Array:
        """No numbers (0,)."""
        return np.empty(0)

    @affine.setter
    def affine(self, numbers: Array) -> None:
        _check_size(numbers, self.affine)

    def see(self, observations: Array) -> Array:
        """Return the observations."""
        return observations

    def observations(self, observations: Array) -> Array:
        """Return the observations."""
        return observations

    def unscaled(self, observations: Array) -> Array:
        """Return the observations."""
        return observations

    def scaled(self, rewards: Array) -> Array:
        """Return the rewards."""
        return rewards

    def rewards(self, step: Step, gamma: float) -> Array:
        """Return the rewards of the step."""
        return step.rewards

    def restart(self) -> None:
        """Forget nothing."""

    def state(self) -> Tree:
        """Return nothing."""
        return {}

    def load(self, tree: Tree) -> None:
        """Restore nothing."""


def _check_size(numbers: Array, expected: Array) -> None:
    if numbers.shape != expected.shape:
        rule = filled(_("{count} numbers of normalisation belong to these weights"), count=expected.size)
        raise InvalidInput.one(
            "weights", f"{numbers.size} numbers", rule, _("Use weights of a run with the same config.")
        )
