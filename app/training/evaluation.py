"""Greedy episodes on environments of their own: what a learner can do, apart from how it explores.

Evaluation number k draws its starts and its transitions from its own stream, so it depends neither on the training nor
on earlier evaluations. N episodes run side by side, one per environment; each environment's first episode counts, and
the best, the median and the worst of them are kept to be drawn again.
Letters: N episodes (lanes), F lanes that are filmed, T steps of a replay, X numbers a drawing needs, D observation size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.contracts import Agent, Array, Batch, Environment, Step
from app.core.randomness import Stream

F64 = NDArray[np.float64]
REPLAY_STEPS = 1_000
ENDLESS_STEPS = 100_000
FILM_BYTES = 64 << 20  # beyond it only the first lanes are filmed


def stream_of(number: int) -> str:
    """Return the stream from which the environments of evaluation `number` draw."""
    return f"evaluation {number}"


@dataclass(frozen=True)
class Replay:
    """One episode to be drawn again: states (T+1, X) float32, actions (T,) int32 or (T, A) float32, rewards (T,) float32.

    Attributes:
        place: `best`, `median` or `worst` of its evaluation.
        lane: which of the N environments it was; the evaluation's stream and the lane are what chance followed from.
    """

    states: Array
    actions: Array
    rewards: Array
    total: float
    length: int
    terminated: bool
    truncated: bool
    place: str
    lane: int


@dataclass(frozen=True)
class Evaluation:
    """The outcome: returns (N,), lengths (N,), terminated (N,), and the median, the best and the worst episode as replays.

    Of fewer episodes, and where all went the same way, there are fewer replays; the median one is always there.
    """

    returns: F64
    lengths: NDArray[np.int64]
    terminated: NDArray[np.bool_]
    replays: tuple[Replay, ...]

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
    batch = environment.batch(episodes, seed, stream_of(number), features)
    random = Stream(seed, f"evaluation actions {number}")
    observations = batch.reset()
    film = _Film(batch, environment)
    going = np.ones(episodes, np.bool_)
    returns, lengths = np.zeros(episodes), np.zeros(episodes, np.int64)
    terminated = np.zeros(episodes, np.bool_)
    for _step in range(environment.max_episode_steps or ENDLESS_STEPS):
        actions = agent.act(observations, True, random)
        step = batch.step(actions)
        returns += np.where(going, step.rewards, 0.0)
        lengths += going
        terminated |= going & step.terminated
        film.take(actions, step)
        going &= ~(step.terminated | step.truncated)
        if not going.any():
            break
        observations = step.observations
    return Evaluation(returns, lengths, terminated, film.cut(returns, lengths, terminated))


class _Film:
    """Records the lanes of a batch that has just been reset, at most 1,000 steps of as many lanes as memory is given for."""

    def __init__(self, batch: Batch, environment: Environment) -> None:
        first = np.array(batch.states(), np.float32)
        self._size, self._is_discrete = first.shape[1], environment.mdp is not None
        self._kind = np.int32 if environment.action_bounds is None else np.float32
        steps = min(REPLAY_STEPS, environment.max_episode_steps or REPLAY_STEPS)
        self._lanes = max(3, min(len(first), FILM_BYTES // (first[0].nbytes * steps)))
        self._states, self._actions, self._rewards = [first[: self._lanes]], list[Array](), list[Array]()

    def take(self, actions: Array, step: Step) -> None:
        """Record a step of every lane; what a lane does after its first episode is cut away later."""
        if len(self._actions) >= REPLAY_STEPS:
            return
        kept = slice(self._lanes)
        self._states.append(states_of(step.final_observations[kept], is_discrete=self._is_discrete, size=self._size))
        self._actions.append(np.array(actions[kept], self._kind))
        self._rewards.append(np.array(step.rewards[kept], np.float32))

    def cut(self, returns: F64, lengths: NDArray[np.int64], terminated: NDArray[np.bool_]) -> tuple[Replay, ...]:
        """Return the median, the best and the worst lane's first episode, as far as they differ."""
        film = np.stack(self._states), np.stack(self._actions), np.stack(self._rewards)
        order = np.argsort(returns[: self._lanes], kind="stable")
        chosen = {"median": order[(len(order) - 1) // 2], "best": order[-1], "worst": order[0]}
        replays: list[Replay] = []
        for place, lane in chosen.items():
            ended, steps = bool(terminated[lane]), min(int(lengths[lane]), REPLAY_STEPS)
            states, actions, rewards = (
                part[: steps + extra, lane].copy() for part, extra in zip(film, (1, 0, 0), strict=True)
            )
            one = Replay(
                states, actions, rewards, float(returns[lane]), int(lengths[lane]), ended, not ended, place, int(lane)
            )
            if not any(_went_the_same_way(one, other) for other in replays):
                replays.append(one)
        return tuple(replays)


def _went_the_same_way(one: Replay, other: Replay) -> bool:
    return np.array_equal(one.states, other.states, equal_nan=True) and np.array_equal(one.rewards, other.rewards)


def states_of(observations: Array, *, is_discrete: bool, size: int) -> Array:
    """Return the drawable states (N, X) float32 of observations: state numbers, one-hot rows, or physical states.

    They are the states before any reset, which a batch has left when it has taken the step.
    """
    if not is_discrete:
        return np.array(observations[:, :size], np.float32)
    numbers = observations if observations.ndim == 1 else observations.argmax(axis=1)
    return np.array(numbers, np.float32)[:, None]
