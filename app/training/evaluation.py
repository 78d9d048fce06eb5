"""Greedy episodes on environments of their own: what a learner can do, apart from how it explores.

Evaluation number k draws its starts and its transitions from its own stream, so it depends neither on the training nor
on earlier evaluations. N episodes run side by side, one per environment; each environment's first episode counts.
Letters: N episodes, T steps of the replay, X numbers a drawing needs, D observation size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Agent, Array, Batch, Environment
from app.core.randomness import Stream

F64 = NDArray[np.float64]
REPLAY_STEPS = 1_000
ENDLESS_STEPS = 100_000


@dataclass(frozen=True)
class Replay:
    """One episode to be drawn again: states (T+1, X) float32, actions (T,) int32 or (T, A) float32, rewards (T,) float32."""

    states: Array
    actions: Array
    rewards: Array
    total: float
    length: int
    terminated: bool
    truncated: bool


@dataclass(frozen=True)
class Evaluation:
    """The outcome: returns (N,), lengths (N,), terminated (N,), and the first episode as a replay."""

    returns: F64
    lengths: NDArray[np.int64]
    terminated: NDArray[np.bool_]
    replay: Replay

    def scalars(self, success: float | None) -> dict[str, float]:
        """Return the `eval/*` scalars; the success rate where a return of `success` counts as one."""
        values = {
            "eval/mean_reward": float(self.returns.mean()),
            "eval/std_reward": float(self.returns.std()),
            "eval/mean_ep_length": float(self.lengths.mean()),
        }
        if success is not None:
            values["eval/success_rate"] = float((self.returns >= success).mean())
        return values


def evaluate(
    agent: Agent, environment: Environment, *, seed: int, number: int, episodes: int, features: bool
) -> Evaluation:
    """Play `episodes` greedy episodes as evaluation `number` of the run with this seed."""
    batch = environment.batch(episodes, seed, f"evaluation {number}", features)
    random = Stream(seed, f"evaluation actions {number}")
    film = _Film(batch, environment)
    observations = batch.reset()
    film.start()
    going = np.ones(episodes, np.bool_)
    returns, lengths = np.zeros(episodes), np.zeros(episodes, np.int64)
    terminated = np.zeros(episodes, np.bool_)
    for _step in range(environment.max_episode_steps or ENDLESS_STEPS):
        actions = agent.act(observations, True, random)
        step = batch.step(actions)
        returns += np.where(going, step.rewards, 0.0)
        lengths += going
        terminated |= going & step.terminated
        film.take(actions[0], float(step.rewards[0]), step.final_observations, going=bool(going[0]))
        going &= ~(step.terminated | step.truncated)
        if not going.any():
            break
        observations = step.observations
    replay = film.finish(float(returns[0]), int(lengths[0]), terminated=bool(terminated[0]))
    return Evaluation(returns, lengths, terminated, replay)


class _Film:
    """Records environment 0 of a batch, at most 1,000 steps."""

    def __init__(self, batch: Batch, environment: Environment) -> None:
        self._batch = batch
        self._is_discrete = environment.mdp is not None
        self._kind = np.int32 if environment.action_bounds is None else np.float32
        self._states: list[Array] = []
        self._actions: list[Array] = []
        self._rewards: list[float] = []

    def start(self) -> None:
        self._states.append(np.array(self._batch.states()[0], np.float32))

    def take(self, action: Array, reward: float, final_observations: Array, *, going: bool) -> None:
        if not going or len(self._actions) >= REPLAY_STEPS:
            return
        self._states.append(self._drawn(final_observations[0]))
        self._actions.append(np.array(action, self._kind))
        self._rewards.append(reward)

    def finish(self, total: float, length: int, *, terminated: bool) -> Replay:
        states, actions = np.array(self._states, np.float32), np.array(self._actions, self._kind)
        rewards = np.array(self._rewards, np.float32)
        return Replay(states, actions, rewards, total, length, terminated, truncated=not terminated)

    def _drawn(self, observation: Array) -> Array:
        """Return what a drawing needs of one observation: the state before any reset, which the batch has left."""
        return state_of(observation, is_discrete=self._is_discrete, size=self._states[0].size)


def state_of(observation: Array, *, is_discrete: bool, size: int) -> Array:
    """Return the drawable state (X,) float32 of one observation: a state number, a one-hot row, or a physical state."""
    if not is_discrete:
        return np.array(observation[:size], np.float32)
    number = observation if np.ndim(observation) == 0 else np.argmax(observation)
    return np.array([number], np.float32)
