"""What every agent has that learns from rollouts of a fixed number of steps: collecting them, and judging them by its critic.

An algorithm's file adds `update` and what it does with a full rollout.
T steps, N environments, B = T·N samples, D observation size, A actions or numbers of an action.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Problem
from app.parts.policy_learner import POLICY_SIGNALS, Judged, PolicyLearner, Samples
from app.parts.returns import explained_variance, gae, next_values
from app.parts.rollout import Rollout

Array = NDArray[Any]
ROLLOUT_SIGNALS = ("v_at", *POLICY_SIGNALS, "rollout", "recent_rollouts")


class OnPolicyConfig(Protocol):
    """The hyperparameters that this part reads."""

    @property
    def n_envs(self) -> int: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def gamma(self) -> float: ...
    @property
    def gae_lambda(self) -> float: ...


class RolloutLearner(PolicyLearner):
    """A policy and a critic that learn from T steps of N environments at a time."""

    saved = (*PolicyLearner.saved, "rollout")

    def __init__(self, config: Any, problem: Problem) -> None:
        super().__init__(config, problem)
        settings: OnPolicyConfig = config
        size, head = self.observations.shape[1], self.head
        self.rollout = Rollout(
            settings.n_steps, settings.n_envs, size, action_shape=head.action_shape, dtype=head.dtype
        )

    def collect(self, until: int) -> bool:
        """Act until the rollout is full or no further step fits before env step `until`; return whether it is full."""
        while not self.rollout.is_full:
            self.collect_step()
            if self.env_steps + self.batch.n_envs > until:
                break
        if self.rollout.is_full:
            self.noted.before = self.networks.stretch(0).weights.copy()
        return self.rollout.is_full

    def collect_step(self) -> None:
        """Act once in every environment."""
        self.visited.add(self.observations)
        seen = self.rollout.observations[self.rollout.length]
        seen[:] = self.normaliser.see(self.observations)
        actions = self.head.draw(self.policy.forward(seen), self.free, self.action_random)
        step = self.batch.step(self.head.bounded(actions))
        rewards = self.normaliser.rewards(step, self.config.gamma)
        final_values = self.values(step.final_observations) if step.truncated.any() else 0.0
        self.rollout.add(actions, step, rewards=rewards, final_values=final_values)
        self.observations = step.observations
        self.env_steps += self.batch.n_envs
        self.episodes.add(step, self.env_steps)

    def estimate(self) -> tuple[Samples, Judged]:
        """Return the rollout's samples with generalized advantage estimates and their targets, and what the networks say.

        Nothing has been learnt from the rollout yet, so the networks are those that acted.
        """
        rollout, gamma, lambda_ = self.rollout, self.config.gamma, self.config.gae_lambda
        shape = rollout.rewards.shape
        observations, actions = (
            array.reshape(-1, *array.shape[2:]) for array in (rollout.observations, rollout.actions)
        )
        judged = self.judge(observations, actions)
        values = np.vstack([judged.values.reshape(shape), self.values(self.observations)]).astype(np.float64)
        following = next_values(values, rollout.final_values, rollout.terminated, rollout.truncated)
        ended = rollout.terminated | rollout.truncated
        advantages = gae(rollout.rewards, values, following, ended=ended, gamma=gamma, lambda_=lambda_)
        self.noted.use(gamma=gamma, gae_lambda=lambda_)
        self.noted.rollout(rollout.rewards, values[:-1], following, rollout.terminated, rollout.truncated, advantages)
        columns = (values[:-1], advantages, advantages + values[:-1])
        numbers = (column.astype(judged.values.dtype).ravel() for column in columns)
        return Samples(observations, actions, judged.log_probs, *numbers), judged

    def note(self, samples: Samples, columns: Callable[[], Mapping[str, Any]]) -> None:
        """Keep a whole rollout as the last minibatch, for pictures; its arrays are copied, as the next one is written over them."""
        self.noted.minibatch(samples.observations.copy(), samples.actions.copy(), columns)

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for, the last rollout among it."""
        return {**super().signals(), "rollout": self.noted.trajectories, "recent_rollouts": self.noted.recent}

    def spread(self, samples: Samples) -> dict[str, float]:
        """Return what is worth knowing of a rollout's advantages and of the critic before it learns."""
        return {
            "train/explained_variance": explained_variance(samples.values, samples.returns),
            "train/advantage_mean": float(samples.advantages.mean()),
            "train/advantage_std": float(samples.advantages.std()),
            **self.action_spread(),
        }
