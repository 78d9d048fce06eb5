"""What becomes of a policy on the way along a direction of its parameters: played, and measured against what it was.

Every place is played with the same starts and the same draws, so that two places differ by their policies and by little else.
E episodes, T steps, B samples, D observation size, P parameters of the policy.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Environment
from app.core.randomness import Stream
from app.parts.natural_gradient import FisherProduct, conjugate_gradient
from app.parts.policy_learner import PolicyLearner, standardised
from app.parts.returns import discounted_returns, next_values

Array = NDArray[Any]
SEED = 0  # of the pictures' own worlds: nothing of the training's randomness is used up
SAMPLES = 1_000  # on which divergences and surrogate are measured
DAMPING, PRODUCTS = 1e-2, 15
FIRST_LENGTH, DOUBLINGS, HALVINGS = 1e-5, 60, 12


class Played(NamedTuple):
    """One episode in each of E environments: what each earned (E,), and of every step before its end (B, …) what it was."""

    returns: Array
    observations: Array
    actions: Array
    advantages: Array
    steps: int


class Walk:
    """A policy at its starting place, with the episodes played there; asked for other places, it goes there.

    Args:
        agent: its networks are moved; nobody else may need them.
        start: the policy's parameters (P,) from which lengths are counted.
        episodes: E, played at every place.
        horizon: after so many steps an episode is cut.
    """

    def __init__(
        self, agent: PolicyLearner, start: Array, environment: Environment, *, episodes: int, horizon: int
    ) -> None:
        self._agent, self._start, self._horizon = agent, start, horizon
        self._policy = agent.networks.stretch(0)
        self._came_from = self._policy.weights.copy()
        self._batch = environment.batch(episodes, SEED, "pictures", True)
        self.steps = 0
        self._go(start)
        self.played = self._play(keeps=True)
        size = len(self.played.actions)
        rows = np.linspace(0, size - 1, min(size, SAMPLES)).astype(np.int64)
        self._observations, self._actions = self.played.observations[rows], self.played.actions[rows]
        self._advantages = standardised(self.played.advantages[rows])
        self._old = agent.judge(self._observations, self._actions)
        self._old_policy = (self._old.policy_layers[-1], agent.free.copy())

    def gradient(self) -> Array:
        """Return the plain gradient of the return at the start (P,), as the episodes played there estimate it."""
        self._go(self._start)
        slopes = self._advantages / len(self._advantages)
        self._agent.backward(self._old, self._actions, log_probs=slopes, entropy=0.0)
        return self._policy.gradient.astype(np.float64)

    def natural(self, gradient: Array) -> Array:
        """Return the natural gradient (P,): the plain one, measured by how much the policy changes."""
        self._go(self._start)
        layers = self._agent.judge(self._observations, self._actions).policy_layers
        product = FisherProduct(self._agent.networks, self._agent.head, layers, damping=DAMPING)
        return conjugate_gradient(product, gradient, steps=PRODUCTS).x

    def divergence(self, offset: Array) -> float:
        """Return the mean KL of the starting policy from the one at `offset` (P,), over the states seen at the start."""
        return self._compare(offset)[0]

    def gain(self, offset: Array) -> float:
        """Return how much the surrogate at `offset` (P,) lies above that of the start."""
        return self._compare(offset)[1]

    def returns(self, offset: Array) -> Array:
        """Return what the policy at `offset` (P,) earns in each episode (E,)."""
        self._go(self._start + offset)
        return self._play(keeps=False).returns

    @np.errstate(all="ignore")
    def length_at(self, direction: Array, divergence: float) -> float:
        """Return how far along a unit direction (P,) the mean KL reaches `divergence`, to a hundredth; doubling, then halving."""
        high = FIRST_LENGTH
        for _doubling in range(DOUBLINGS):
            if not self.divergence(high * direction) < divergence:
                break
            high *= 2
        low = high / 2
        for _halving in range(HALVINGS):
            if high - low <= 0.01 * high:
                break
            middle = 0.5 * (low + high)
            is_near = self.divergence(middle * direction) < divergence
            low, high = (middle, high) if is_near else (low, middle)
        return low

    def leave(self) -> None:
        """Give the agent its policy back."""
        self._go(self._came_from)

    def _go(self, place: Array) -> None:
        self._policy.weights[:] = place

    def _compare(self, offset: Array) -> tuple[float, float]:
        self._go(self._start + offset)
        head, outputs, free = self._agent.head, self._agent.policy.forward(self._observations), self._agent.free
        kl = head.divergences(self._old_policy, (outputs, free)).mean()
        log_probs, _entropies = head.log_probs_and_entropies(outputs, free, self._actions)
        ratio = np.exp(log_probs.astype(np.float64) - self._old.log_probs)
        return float(kl), float(((ratio - 1) * self._advantages).mean())

    def _play(self, *, keeps: bool) -> Played:
        """Play one episode in every environment from the first start on."""
        agent, random = self._agent, Stream(SEED, "picture actions")
        observations = self._batch.reset()
        is_open, earned = np.ones(self._batch.n_envs, np.bool_), np.zeros(self._batch.n_envs)
        kept: list[tuple[Array, ...]] = []
        for _t in range(self._horizon):
            seen = np.array(agent.normaliser.observations(observations))
            actions = agent.head.draw(agent.policy.forward(seen), agent.free, random)
            step = self._batch.step(agent.head.bounded(actions))
            earned += step.rewards * is_open
            if keeps:
                rest = agent.values(step.final_observations) if agent.has_critic else np.zeros(len(actions))
                rewards = agent.normaliser.scaled(step.rewards).copy()
                kept.append((seen, actions, rewards, step.terminated.copy(), step.truncated.copy(), rest, is_open))
            self.steps += len(actions)
            is_open = is_open & ~(step.terminated | step.truncated)
            observations = step.observations
            if not is_open.any():
                break
        return self._judged(earned, kept) if keeps else Played(earned, *(np.zeros(0),) * 3, self.steps)

    def _judged(self, earned: Array, kept: list[tuple[Array, ...]]) -> Played:
        """Return the steps of the episodes, each judged by what it earned later, above what was to be expected."""
        agent = self._agent
        observations, actions, rewards, terminated, truncated, rest, counts = (
            np.stack(column) for column in zip(*kept, strict=True)
        )
        values = np.zeros((len(rewards) + 1, rewards.shape[1]))
        values[-1] = rest[-1]
        following = next_values(values, rest, terminated, truncated)
        gamma = float(agent.config.gamma)
        returns = discounted_returns(rewards, following, ended=terminated | truncated, gamma=gamma)
        if agent.has_critic:
            flat = observations.reshape(-1, observations.shape[-1])
            expected = agent.critic.forward(flat)[:, 0].reshape(returns.shape)
        else:
            expected = (returns * counts).sum(axis=1, keepdims=True) / counts.sum(axis=1, keepdims=True)
        return Played(earned, observations[counts], actions[counts], (returns - expected)[counts], self.steps)
