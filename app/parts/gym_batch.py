"""N environments of gymnasium stepped together, with SAME_STEP auto-reset, for simulators that are not ours.

The start of lane i's episode e is seeded by (seed, stream, i, e), so a simulator that is deterministic is where it was after
the same start and the same actions: the state of a batch is, of every lane, the number of its episode and the actions since
its start, and loading it plays them again. `is_replayable` tries that out; a simulator that carries something over from one
episode into the next (BipedalWalker's physics do) is opened anew for every episode.
Letters: N environments (lanes), D observation size, A numbers of an action, T steps since the start of an episode.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from app.core.contracts import Array, Step, Tree
from app.core.errors import InvalidInput
from app.core.randomness import Stream, derive_key, philox_array
from app.core.text import _
from app.parts.batch import bounded_actions, checked_actions, first_of_group

SEED_BITS = np.uint64(0x7FFFFFFF)
PROBE_STEPS = 150
FIRST_ROOM = 64


@dataclass(frozen=True, eq=False)
class GymEnvironment:
    """A configured environment of gymnasium; making it opens nothing.

    Attributes:
        open: opens one simulator, without a time limit of gymnasium's; with `render_mode`, one that draws.
        renews: whether every episode needs a simulator of its own; None: find out.
        scale: what observations are multiplied by; None: 1/255 where they are bytes, else 1.
    """

    id: str
    open: Callable[..., Any]
    n_actions: int
    observation_size: int
    max_episode_steps: int
    action_bounds: Array | None = None
    renews: bool | None = False
    scale: float | None = None
    mdp: ClassVar[None] = None
    changes: ClassVar[tuple[()]] = ()

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> "GymBatch":
        """Return N copies; observations are float32 rows (N, D) with and without `features`."""
        return GymBatch(self, n_envs, seed=seed, stream=stream, renews=self.needs_renewal)

    @cached_property
    def needs_renewal(self) -> bool:
        """Whether every episode gets a simulator of its own."""
        return self.renews if self.renews is not None else not is_replayed(self, renews=False)

    @cached_property
    def is_replayable(self) -> bool:
        """Whether the same start and the same actions lead to the same bits, here and now; tried on a short stretch."""
        return is_replayed(self, renews=self.needs_renewal)


class Simulator:
    """One environment of gymnasium behind flat rows: observations (D,) float32, actions as numbers of ours."""

    def __init__(self, open: Callable[[], Any], scale: float | None) -> None:
        with (
            warnings.catch_warnings()
        ):  # other people's deprecations; one raised within Box2D's import ends the process
            warnings.simplefilter("ignore")
            self._gym = open()
        self.space = self._gym.observation_space
        self._actions = self._gym.action_space
        self._shape = getattr(self._actions, "shape", ()) or ()
        self._first = int(getattr(self._actions, "start", 0))
        is_bytes = getattr(self.space, "dtype", None) == np.uint8
        self._scale = np.float32(scale if scale is not None else 1 / 255 if is_bytes else 1.0)
        self._is_row = type(self.space).__name__ == "Box" and len(self.space.shape) == 1

    def reset(self, seed: int) -> Array:
        """Start the episode of a seed and return what is seen (D,)."""
        return self._row(self._gym.reset(seed=seed)[0])

    def step(self, action: Array) -> tuple[Array, float, bool, bool]:
        """Take an action, one number or (A,); return what is seen (D,), the reward, terminated, truncated."""
        given = action.reshape(self._shape).astype(self._actions.dtype) if self._shape else int(action) + self._first
        observation, reward, terminated, truncated, _info = self._gym.step(given)
        return self._row(observation), float(reward), bool(terminated), bool(truncated)

    def render(self) -> Array:
        """Return the picture of where it is (H, W, 3) uint8, of a simulator that was opened to draw."""
        return np.asarray(self._gym.render(), np.uint8)

    def close(self) -> None:
        """Free what the simulator holds."""
        self._gym.close()

    def _row(self, observation: Any) -> Array:
        if not self._is_row:
            from gymnasium.spaces.utils import flatten

            observation = flatten(self.space, observation)
        return np.asarray(observation, np.float32) * self._scale


class GymBatch:
    """N copies of an environment of gymnasium."""

    def __init__(self, environment: GymEnvironment, n_envs: int, *, seed: int, stream: str, renews: bool) -> None:
        self.n_envs = n_envs
        self._world, self._renews = environment, renews
        self._key = derive_key(seed, stream)
        self._simulators = [Simulator(environment.open, environment.scale) for _lane in range(n_envs)]
        self._episodes, self._elapsed = np.zeros(n_envs, np.int64), np.zeros(n_envs, np.int64)
        is_numbered = environment.action_bounds is None
        self._leaders = np.arange(n_envs)  # the lane whose draws start an episode: another's after `restart` in groups
        self._width = () if is_numbered else (environment.n_actions,)
        self._taken = np.zeros((n_envs, FIRST_ROOM, *self._width), np.int64 if is_numbered else np.float32)
        shape = (n_envs, environment.observation_size)
        self._step = Step(
            observations=np.zeros(shape, np.float32),
            rewards=np.zeros(n_envs),
            terminated=np.zeros(n_envs, np.bool_),
            truncated=np.zeros(n_envs, np.bool_),
            final_observations=np.zeros(shape, np.float32),
        )

    def reset(self) -> Array:
        """Start every environment's first episode and return the observations."""
        return self.restart(0)

    def restart(self, episode: int, group: int = 1) -> Array:
        """Start episode number `episode` everywhere, each as the first of its group does, and return the observations."""
        self._episodes[:], self._leaders[:] = episode, first_of_group(self.n_envs, group)
        for lane in range(self.n_envs):
            self._begin(lane)
        return self._step.observations

    def step(self, actions: Array) -> Step:
        """Take actions (N,) int64, or (N, A) within the bounds; an episode that ends is reset in the same step."""
        actions = self._checked(actions)
        self._keep(actions)
        for lane in range(self.n_envs):
            self._go(lane, self._taken[lane, self._elapsed[lane] - 1])
            if self._step.terminated[lane] or self._step.truncated[lane]:
                self._next(lane)
        return self._step

    def states(self) -> Array:
        """Return what a drawing needs (N, D) float64: what is seen."""
        return self._step.observations.astype(np.float64)

    def state(self) -> Tree:
        """Return everything that decides the future: of every lane the episode's number and the actions since its start."""
        taken = [self._taken[lane, : self._elapsed[lane]] for lane in range(self.n_envs)]
        return {
            "episodes": self._episodes.copy(),
            "leaders": self._leaders.copy(),
            "elapsed": self._elapsed.copy(),
            "actions": np.concatenate(taken),
            "observations": self._step.observations.copy(),
        }

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned, by playing every lane's episode again up to where it was.

        A simulator that cannot be replayed may end an episode early; its lane then begins the next one.
        """
        episodes, elapsed = np.asarray(tree["episodes"]), np.asarray(tree["elapsed"])
        if episodes.shape != (self.n_envs,):
            raise ValueError(f"episodes: shape {episodes.shape}, expected ({self.n_envs},); was n_envs changed?")
        self._episodes[:], self._leaders[:] = episodes, tree["leaders"]
        ends = np.cumsum(elapsed)
        for lane in range(self.n_envs):
            self._begin(lane)
            for action in np.asarray(tree["actions"])[ends[lane] - elapsed[lane] : ends[lane]]:
                self._make_room(self._elapsed[lane])
                self._taken[lane, self._elapsed[lane]] = action
                self._elapsed[lane] += 1
                self._go(lane, self._taken[lane, self._elapsed[lane] - 1])
                if self._step.terminated[lane] or self._step.truncated[lane]:
                    self._next(lane)
                    break

    def episode_seed(self, lane: int) -> int:
        """Return what a lane's episode is seeded with: 31 bits drawn for (seed, stream, lane that leads its group, episode)."""
        return _seed(self._key, int(self._leaders[lane]), int(self._episodes[lane]))

    def close(self) -> None:
        """Free what the simulators hold."""
        for simulator in self._simulators:
            simulator.close()

    def _next(self, lane: int) -> None:
        self._episodes[lane] += 1
        self._leaders[lane] = lane
        self._begin(lane)

    def _begin(self, lane: int) -> None:
        if self._renews:
            self._simulators[lane].close()
            self._simulators[lane] = Simulator(self._world.open, self._world.scale)
        self._elapsed[lane] = 0
        self._step.observations[lane] = self._simulators[lane].reset(self.episode_seed(lane))

    def _go(self, lane: int, action: Array) -> None:
        """Step one lane by an action; `elapsed` counts it already."""
        row, reward, terminated, truncated = self._simulators[lane].step(action)
        self._step.observations[lane] = self._step.final_observations[lane] = row
        self._step.rewards[lane], self._step.terminated[lane] = reward, terminated
        is_cut = truncated or self._elapsed[lane] >= self._world.max_episode_steps
        self._step.truncated[lane] = is_cut and not terminated

    def _checked(self, actions: Array) -> Array:
        bounds = self._world.action_bounds
        if bounds is None:
            return checked_actions(actions, self.n_envs, self._world.n_actions)
        return bounded_actions(actions, self.n_envs, bounds)

    def _keep(self, actions: Array) -> None:
        self._make_room(int(self._elapsed.max()))
        self._taken[np.arange(self.n_envs), self._elapsed] = actions
        self._elapsed += 1

    def _make_room(self, place: int) -> None:
        if place >= self._taken.shape[1]:
            self._taken = np.concatenate([self._taken, np.zeros_like(self._taken)], axis=1)


def batch_of_lane(environment: GymEnvironment, seed: int, stream: str, *, lane: int) -> GymBatch:
    """Return a batch of one whose first episode starts as that of a lane of a larger batch."""
    batch = environment.batch(1, seed, stream, features=False)
    none = batch.state()["actions"]
    first = np.zeros(1, np.int64)
    batch.load({"episodes": first, "leaders": np.array([lane]), "elapsed": first, "actions": none})
    return batch


def seed_of(seed: int, stream: str, *, lane: int, episode: int) -> int:
    """Return what an episode of a lane of the batch of (seed, stream) is seeded with."""
    return _seed(derive_key(seed, stream), lane, episode)


def _seed(key: Array, lane: int, episode: int) -> int:
    drawn = philox_array(np.array([episode], np.uint64), np.array([lane], np.uint64), key)
    return int(drawn[0, 0] & SEED_BITS)


def is_replayed(environment: GymEnvironment, *, renews: bool) -> bool:
    """Return whether a second batch, loaded with the state of one that has played, goes on with the same bits as the first."""
    first, second = (GymBatch(environment, 1, seed=0, stream="probe", renews=renews) for _unused in range(2))
    first.reset()
    actions = _random_actions(environment, 2 * PROBE_STEPS)
    for action in actions[:PROBE_STEPS]:
        first.step(action)
    second.load(first.state())
    same = np.array_equal(first.states(), second.states(), equal_nan=True)
    for action in actions[PROBE_STEPS:]:
        if not same:
            break
        one, other = first.step(action), second.step(action)
        same = one.rewards[0] == other.rewards[0] and one.terminated[0] == other.terminated[0]
        same = same and one.final_observations.tobytes() == other.final_observations.tobytes()
    first.close()
    second.close()
    return bool(same)


def _random_actions(environment: GymEnvironment, count: int) -> Array:
    random, bounds = Stream(0, "probe"), environment.action_bounds
    if bounds is None:
        return random.integers(environment.n_actions, count, 1)
    shares = random.uniforms(count, 1, environment.n_actions)
    return np.asarray(bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) * shares)


def described(id: str, open: Callable[[], Any], max_episode_steps: int) -> GymEnvironment:
    """Return the environment that a simulator's own spaces describe.

    Raises:
        InvalidInput: an action is neither one of several nor made of numbers within bounds, or what is seen is no numbers.
    """
    from gymnasium import spaces

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gym = open()
    seen, actions = gym.observation_space, gym.action_space
    gym.close()
    if not seen.is_np_flattenable:
        raise InvalidInput.one("environment", id, _("what is seen there cannot be written as a row of numbers"))
    size = int(spaces.flatdim(seen))
    if isinstance(actions, spaces.Discrete):
        return GymEnvironment(id, open, int(actions.n), size, max_episode_steps, renews=None)
    if isinstance(actions, spaces.Box) and actions.is_bounded() and np.issubdtype(actions.dtype, np.floating):
        bounds = np.stack([actions.low.ravel(), actions.high.ravel()], axis=1).astype(np.float64)
        return GymEnvironment(id, open, len(bounds), size, max_episode_steps, bounds, renews=None)
    raise InvalidInput.one(
        "environment", id, _("an action there is neither one of several nor made of numbers in bounds")
    )
