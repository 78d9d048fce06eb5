"""The contracts between environments, agents and the training loop.

Letters: N environments stepped together, D observation size, S states, A actions; where an action is not one of A but a
few numbers, A counts the numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Protocol

from numpy.typing import NDArray

from app.core.config import Config
from app.core.report import Report

if TYPE_CHECKING:
    from app.core.randomness import Stream

Array = NDArray[Any]
Tree = dict[str, Any]  # a flat tree: str → array, int, float, bool, str, or a Tree of the same


@dataclass(frozen=True)
class Step:
    """One step of N environments with SAME_STEP auto-reset. The arrays are overwritten by the next step.

    Attributes:
        observations: where the agent now is (N, D) float32, or (N,) int64 states; after a reset, the new episode's first.
        rewards: (N,) float64.
        terminated, truncated: (N,) bool; where a step ends both ways, it terminated.
        final_observations: what was reached before any reset; equals `observations` where no episode ended.
            Truncation bootstraps from these.
    """

    observations: Array
    rewards: Array
    terminated: Array
    truncated: Array
    final_observations: Array


class Batch(Protocol):
    """N copies of one environment, stepped together."""

    n_envs: int

    def reset(self) -> Array:
        """Start every environment's first episode and return the observations."""

    def restart(self, episode: int, group: int = 1) -> Array:
        """Break off what runs, start episode number `episode` everywhere and return the observations.

        Each environment starts as the first of its group of `group` neighbours does; what happens after is its own chance.
        """

    def step(self, actions: Array) -> Step:
        """Take actions (N,) int64, or (N, A) within the bounds; an episode that ends is reset in the same step."""

    def states(self) -> Array:
        """Return what a drawing needs, (N, X) float64: a grid cell's state number, or the physical state."""

    def state(self) -> Tree:
        """Return everything that decides the future."""

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""


class Environment(Protocol):
    """A configured environment. `mdp` is its exact model where it has one (`app.parts.tabular.TabularMDP`)."""

    @property
    def id(self) -> str:
        """Name in the catalogue."""

    @property
    def n_actions(self) -> int:
        """A: how many actions there are to choose from, or how many numbers make one action."""

    @property
    def action_bounds(self) -> Array | None:
        """Lowest and highest value of each number of an action (A, 2) float64; None where an action is one of A."""

    @property
    def observation_size(self) -> int:
        """D; S for the one-hot rows of a discrete environment."""

    @property
    def max_episode_steps(self) -> int:
        """When an episode is cut."""

    @property
    def mdp(self) -> Any | None:
        """The exact model, or None."""

    @property
    def changes(self) -> "tuple[tuple[int, Environment], ...]":
        """(env step, environment from that step on), for a world that changes while a run goes; S and A stay."""

    @property
    def is_replayable(self) -> bool:
        """Whether a batch that is loaded continues bit for bit; asking may play a short stretch."""

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> Batch:
        """Return N copies whose episodes start from draws of (seed, stream, environment, episode number).

        `features` asks a discrete environment for one-hot rows (N, S) float32 instead of states (N,) int64.
        """


@dataclass(frozen=True)
class Problem:
    """What an agent is built for, beside its configuration.

    Attributes:
        origin: the door between the stages of a chain: what `Agent.state()` returned at a checkpoint of an earlier stage,
            another run and maybe another algorithm. A language agent starts from the model in it, `origin["model"]` (its
            flat weights, sizes and alphabet), and from the reward model where there is one, `origin["judge"]`;
            `origin["labels"]` holds what raters preferred, for an agent that learns from it; nothing else is read. None for a fresh model, and where a checkpoint of the run itself is loaded afterwards.
    """

    environment: Environment
    seed: int
    total_steps: int
    origin: Tree | None = None

    def batch(self, n_envs: int, features: bool, stream: str = "environment") -> Batch:
        """Return the training environments."""
        return self.environment.batch(n_envs, self.seed, stream, features)

    def stream(self, name: str) -> "Stream":
        """Return a named stream of the run's randomness."""
        from app.core.randomness import Stream  # numba with it, which the server does without until it listens

        return Stream(self.seed, name)


class Agent(Protocol):
    """A learner. `state()` after `update()` is complete, and no result depends on how steps are cut into calls."""

    @property
    def config(self) -> Config:
        """The configuration in force."""

    def update(self, max_steps: int) -> Report:
        """Learn for at most `max_steps` environment steps (at least one step of all its environments)."""

    def act(self, observations: Array, greedy: bool, random: Optional["Stream"] = None) -> Array:
        """Return actions (N,) int64, or (N, A) within the bounds; `random` is needed where `greedy` is False."""

    def signals(self) -> Mapping[str, Callable[..., Array]]:
        """Return name → function computing an array of the signal dictionary, called only when needed."""

    def diagnostics(self) -> dict[str, float]:
        """Return scalars that are computed only when a record is due (exact returns, residuals)."""

    def edit(self, config: Config) -> None:
        """Continue under an edited configuration; only hyperparameters in `config.live_names()` differ."""

    def state(self) -> Tree:
        """Return everything that decides the future, as a flat tree of arrays and numbers."""

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
