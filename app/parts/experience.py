r"""What every agent has that learns networks of its observations from replayed steps: acting once, remembering, saving.

An algorithm's file adds `update`, what it learns from a minibatch, and how it behaves. This is a base class, not a part that
is held, because everything here is the agent's own state and the file that adds to it should read as one agent.

An action is remembered as a row of A numbers whatever its kind: the unit vector of a choice, or numbers stretched to
[−1, 1]. Observations are seen with the mean and deviation that they had so far taken off, so that one step size of learning
fits every environment.
N environments, B batch, D observation size, A actions, or numbers of an action.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from app.core.config import Config, Hyper
from app.core.contracts import Environment, Problem, Step, Tree
from app.core.errors import TrainingDiverged
from app.core.randomness import Stream
from app.core.specs import EnvironmentSpec
from app.core.text import _
from app.parts.kept_steps import ReplaySize
from app.parts.networks import NET_ARCH_PATTERN, hidden_sizes
from app.parts.normalisation import RunningMoments
from app.parts.noted import NOTED_SIGNALS, Noted
from app.parts.off_policy import bounds_of
from app.parts.optimisers import Adam, clip_norm
from app.parts.replay import REPLAY_SIGNALS, Replay
from app.parts.rollout import VISITED, EpisodeCounter

Array = NDArray[Any]
SMALLEST = 1e-6  # deviation: what varies less is a constant, and stays unscaled
FARTHEST = 10.0  # deviations from the mean: beyond, an observation counts as that far

EXPERIENCE_SCALARS = ("train/learning_rate", "train/grad_norm", "buffer/size", "buffer/mean_age")
EXPERIENCE_SIGNALS = ("visited", "weights", *REPLAY_SIGNALS, *NOTED_SIGNALS)


class ExperienceConfig(ReplaySize):
    """The hyperparameters of learning networks of observations from replayed steps."""

    # fmt: off
    learning_rate: float = Hyper(1e-3, above=0, high=1, symbol=r"\eta", scale="log", live="update",
        help=_("Step size of Adam: raising it learns faster until the loss no longer falls."))
    n_envs: int = Hyper(1, low=1, high=64, unit=_("environments"), settled=True,
        help=_("Copies of the environment stepped together: raising it gives more varied data and fewer updates per step."))
    buffer_size: int = Hyper(100_000, low=64, high=1_000_000, unit=_("transitions"), scale="log", settled=True,
        help=_("Transitions remembered: raising it keeps old experience longer."))
    learning_starts: int = Hyper(200, low=0, high=1_000_000, unit=_("env steps"),
        help=_("Random steps before learning begins: raising it begins with more varied experience."))
    batch_size: int = Hyper(64, low=1, high=4096, unit=_("transitions"), live="update",
        help=_("Transitions per gradient step: raising it gives steadier, slower steps. At most buffer_size."))
    train_freq: int = Hyper(1, low=1, high=10_000, unit=_("env steps"), live="step",
        help=_("Steps of each environment between updates: raising it learns less from each step and runs faster."))
    gradient_steps: int = Hyper(1, low=1, high=10_000, unit=_("gradient steps"), live="update",
        help=_("Gradient steps per update: raising it learns more from the same experience and takes longer."))
    net_arch: str = Hyper("64,64", pattern=NET_ARCH_PATTERN, max_length=32, unit=_("units"), advanced=True, settled=True,
        help=_("Hidden layer sizes: raising them allows finer functions and costs time."))
    # fmt: on

    @field_validator("net_arch")
    @classmethod
    def _check_net_arch(cls, value: str) -> str:
        hidden_sizes(value)
        return value


class ExperienceLearner(ABC):
    """Networks that learn from what N environments showed; how it acts is the algorithm's own."""

    # what `state` saves: attributes with a state of their own, parameter vectors, and the streams' counters
    saved: ClassVar[tuple[str, ...]] = ("batch", "replay", "episodes", "seen")
    vectors: ClassVar[tuple[str, ...]] = ("networks",)
    counters: ClassVar[Mapping[str, str]] = {
        "actions_drawn": "action_random", "minibatches_drawn": "replay_random",
    }  # fmt: skip

    def __init__(self, config: Any, problem: Problem) -> None:
        self.config = config
        self.total_steps = problem.total_steps
        self.n_actions = problem.environment.n_actions
        self.bounds = None if problem.environment.action_bounds is None else bounds_of(problem.environment)
        self.batch = problem.batch(config.n_envs, features=True)
        self.observations = self.batch.reset().copy()
        self.size = self.observations.shape[1]
        self.replay = Replay(
            min(config.buffer_size, self.total_steps + config.n_envs), self.size,
            n_envs=config.n_envs, action_shape=(self.n_actions,), dtype=np.float32,
        )  # fmt: skip
        self.seen, self.episodes = RunningMoments(self.size), EpisodeCounter(config.n_envs)
        self.seen.add(self.observations.astype(np.float64))
        self.action_random, self.replay_random = problem.stream("actions"), problem.stream("minibatches")
        self.env_steps, self.noted = 0, Noted()

    @abstractmethod
    def behave(self, observations: Array, random: Stream) -> Array:
        """Return the actions (B, A) by which the algorithm collects at observations (B, D), as rows of A numbers."""

    def collect_step(self) -> None:
        """Act once in every environment and remember what happened: at random until learning starts."""
        is_early = self.env_steps < self.config.learning_starts
        random = self.action_random
        rows = self.random_rows(self.config.n_envs, random) if is_early else self.behave(self.observations, random)
        step = self.batch.step(self.actions(rows))
        self.replay.add(self.observations, rows, step)
        self.notice(rows, step)
        self.observations = step.observations.copy()
        self.env_steps += self.config.n_envs
        self.episodes.add(step, self.env_steps)

    def notice(self, rows: Array, step: Step) -> None:
        """Take a step into the running moments."""
        self.seen.add(step.final_observations.astype(np.float64))

    def random_rows(self, count: int, random: Stream) -> Array:
        """Return uniformly random actions (B, A) as rows of A numbers."""
        if self.bounds is None:
            return self.rows(random.integers(self.n_actions, count))
        return np.asarray(2 * random.uniforms(count, self.n_actions) - 1, np.float32)

    def rows(self, actions: Array) -> Array:
        """Return actions (B,) or (B, A) of the environment as rows of A numbers."""
        if self.bounds is None:
            return np.eye(self.n_actions, dtype=np.float32)[actions]
        low, high = self.bounds.T
        return np.asarray(2 * (actions - low) / (high - low) - 1, np.float32)

    def actions(self, rows: Array) -> Array:
        """Return rows of A numbers as the environment takes actions: (B,) int64, or (B, A) within the bounds."""
        if self.bounds is None:
            return np.asarray(rows.argmax(axis=1), np.int64)
        low, high = self.bounds.T
        return np.asarray(np.clip(low + 0.5 * (rows.astype(np.float64) + 1.0) * (high - low), low, high))

    def scaled(self, observations: Array) -> Array:
        """Return observations (B, D) with mean and deviation taken off, float32."""
        mean, deviation = moments_of(self.seen)
        return np.asarray(np.clip((observations - mean) / deviation, -FARTHEST, FARTHEST), np.float32)

    def unscaled(self, numbers: Array) -> Array:
        """Return what `scaled` made of observations (B, D) as the environment gives them."""
        mean, deviation = moments_of(self.seen)
        return np.asarray(numbers * deviation + mean)

    @property
    def must_learn(self) -> bool:
        """Whether an update is due after this step."""
        calls = self.env_steps // self.config.n_envs
        return bool(calls % self.config.train_freq == 0 and self.env_steps > self.config.learning_starts)

    def descend(self, optimiser: Adam, name: str, loss: float, *, max_norm: float = 10.0) -> float:
        """Take one step of Adam along the gradient that the networks hold, and return the norm it had.

        Raises:
            TrainingDiverged: the loss, which is the scalar `name`, or the norm is not finite; nothing has changed.
        """
        norm = clip_norm(optimiser.gradient, max_norm)
        for scalar, number in ((name, loss), ("train/grad_norm", norm)):
            if not math.isfinite(number):
                raise TrainingDiverged(scalar, self.env_steps, number)
        optimiser.step(self.config.learning_rate)
        return norm

    def summary(self, measured: list[dict[str, float]]) -> dict[str, float]:
        """Return the scalars of one update: means over its gradient steps."""
        scalars = {name: float(np.mean([numbers[name] for numbers in measured])) for name in measured[0]}
        return scalars | {
            "train/learning_rate": self.config.learning_rate,
            "buffer/size": float(self.replay.size),
            "buffer/mean_age": self.replay.mean_age,
        }

    def newest_stretch(self, count: int) -> Array:
        """Return the rows of the newest `count` successive steps of one environment's episode, oldest first (K,).

        They are fewer where no episode that is held in full view goes on that long; among equally long ones the newest.
        """
        lane = self.replay.newest(min(self.replay.size, 4 * count * self.config.n_envs))[:: -self.config.n_envs][::-1]
        ended = (self.replay.terminated[lane] > 0) | self.replay.truncated[lane]
        best, length = lane[:0], 0
        for number in range(len(lane)):
            length = 1 if number == 0 or ended[number - 1] else length + 1
            if min(length, count) >= len(best):
                best = lane[number + 1 - min(length, count) : number + 1]
        return best

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return what panels may ask for."""
        return {
            "visited": lambda: self.replay.recent(VISITED),
            "weights": lambda: np.concatenate([self.networks.weights, self.moments()]),
            **self.replay.signals(),
            **self.noted.signals(),
        }

    networks: Any

    def moments(self) -> Array:
        """Return the running moments in one array, all that pictures depend on beside the networks."""
        return np.concatenate([self.seen.mean, self.seen.variance])

    def load_moments(self, numbers: Array) -> None:
        """Replace what `moments` returned."""
        self.seen.mean, self.seen.variance = np.split(numbers.astype(np.float64), 2)

    def load_weights(self, flat: Array) -> None:
        """Replace what the signal `weights` returned, for pictures of a past moment."""
        count = len(self.networks.weights)
        self.networks.load(flat[:count])
        self.load_moments(flat[count:])

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration, from the next step on."""
        self.config = config

    def state(self) -> Tree:
        """Return everything that decides the future, the replay buffer included."""
        return {
            "env_steps": self.env_steps,
            "observations": self.observations.copy(),
            **{name: getattr(self, name).weights.copy() for name in self.vectors},
            **{name: getattr(self, stream).counter for name, stream in self.counters.items()},
            **{name: getattr(self, name).state() for name in self.saved},
        }

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        self.env_steps = int(tree["env_steps"])
        self.observations = tree["observations"].copy()
        for name in self.vectors:
            getattr(self, name).load(tree[name])
        for name, stream in self.counters.items():
            getattr(self, stream).counter = int(tree[name])
        for name in self.saved:
            getattr(self, name).load(tree[name])


def moments_of(moments: RunningMoments) -> tuple[Array, Array]:
    """Return mean and deviation (D,); a number that hardly varies has deviation 1.

    They are rounded to single precision, as the signal `weights` keeps them: a past moment is drawn as the agent saw it.
    """
    mean, variance = (part.astype(np.float32).astype(np.float64) for part in (moments.mean, moments.variance))
    deviation = np.sqrt(variance)
    return mean, np.where(deviation < SMALLEST, 1.0, deviation)


def check(config: Any, environment: Environment) -> None:
    """Raise InvalidInput where an action is made of numbers without bounds."""
    if environment.action_bounds is not None:
        bounds_of(environment)


def needs_numbers(environment: EnvironmentSpec) -> str:
    """Return why an environment with numbered states does not fit, or the empty text."""
    if environment.kind != "tabular":
        return ""
    return _("Observations must be numbers that lie near each other where states are alike; {name} numbers its states.").format(
        name=environment.name
    )  # fmt: skip
