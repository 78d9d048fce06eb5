"""N copies of an environment stepped together over preallocated arrays, with SAME_STEP auto-reset.

Every draw is a function of (seed, stream, lane, count): the start of lane i's episode e is Philox block e of lane i, the
t-th transition of lane i is block t of lane i + 2³². So an episode's start never depends on how earlier ones went, and
the whole state is a few small arrays. Where a step ends an episode both ways, it terminated.
Letters: N environments (lanes), D observation size, X numbers of a state, S states.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from app.core.contracts import Array, Step, Tree
from app.core.jit import kernel
from app.core.randomness import derive_key, philox, unit
from app.parts.tabular import TabularMDP, sample_outcome, sample_start

TRANSITION_LANES = np.uint64(1 << 32)


@dataclass(frozen=True, eq=False)
class TabularEnvironment:
    """A configured environment that is nothing but its exact model and a time limit.

    Attributes:
        changes: (env step, environment from that step on) for a world that changes while a run goes; same states and actions.
    """

    id: str
    mdp: TabularMDP
    max_episode_steps: int
    changes: tuple[tuple[int, "TabularEnvironment"], ...] = ()
    action_bounds: ClassVar[None] = None
    is_replayable: ClassVar[bool] = True

    @property
    def n_actions(self) -> int:
        """A."""
        return self.mdp.n_actions

    @property
    def observation_size(self) -> int:
        """Length of a one-hot row: S."""
        return self.mdp.n_states

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> "TabularBatch":
        """Return N copies; `features` asks for one-hot rows (N, S) float32 instead of states (N,) int64."""
        return TabularBatch(self, n_envs, seed=seed, stream=stream, features=features)


class TabularBatch:
    """N copies of a tabular environment."""

    def __init__(self, environment: TabularEnvironment, n_envs: int, *, seed: int, stream: str, features: bool) -> None:
        mdp = environment.mdp
        self.n_envs = n_envs
        self._n_actions = mdp.n_actions
        self._key = derive_key(seed, stream)
        self._states = np.zeros(n_envs, np.int64)
        self._elapsed, self._episodes, self._totals = (np.zeros(n_envs, np.int64) for _ in range(3))
        self._final_states = np.zeros(n_envs, np.int64)
        rewards, terminated, truncated = np.zeros(n_envs), np.zeros(n_envs, np.bool_), np.zeros(n_envs, np.bool_)
        self._lanes = (self._states, self._elapsed, self._episodes, self._totals)
        self._outcome = (rewards, terminated, truncated, self._final_states)
        self._place(environment)
        self._features = features
        shape = (n_envs, mdp.n_states)
        observations = np.zeros(shape, np.float32) if features else self._states
        finals = np.zeros(shape, np.float32) if features else self._final_states
        self._step = Step(
            observations if features else np.zeros(n_envs, np.int64), rewards, terminated, truncated, finals
        )

    def _place(self, environment: TabularEnvironment) -> None:
        mdp = environment.mdp
        self._start = mdp.cumulative_start
        self._model = (mdp.cumulative, mdp.next_states, mdp.rewards, mdp.terminated, self._start)
        self._limit = environment.max_episode_steps

    def enter(self, environment: TabularEnvironment) -> None:
        """Go on in a changed world of the same states and actions; where the ground is gone, the next step is cut off as the last."""
        self._place(environment)
        has_ground = environment.mdp.reachable()
        self._elapsed[~has_ground[self._states]] = self._limit - 1
        cumulative, next_states, rewards, terminated, start = self._model
        self._model = (cumulative, next_states, rewards, terminated & has_ground[:, None, None], start)

    def reset(self) -> Array:
        """Start every environment's first episode and return the observations."""
        self._elapsed[:], self._episodes[:], self._totals[:] = 0, 0, 0
        reset_tabular(self._start, self._key, self._states, self._episodes)
        return self._observe()

    def restart(self, episode: int, group: int = 1) -> Array:
        """Start episode number `episode` everywhere, each as the first of its group does, and return the observations."""
        self._elapsed[:], self._episodes[:] = 0, episode
        reset_tabular(self._start, self._key, self._states, self._episodes)
        self._states[:] = self._states[first_of_group(self.n_envs, group)]
        return self._observe()

    def step(self, actions: Array) -> Step:
        """Take actions (N,) int64; an episode that ends is reset in the same step."""
        actions = checked_actions(actions, self.n_envs, self._n_actions)
        step_tabular(*self._model, self._limit, self._key, actions, *self._lanes, *self._outcome)
        self._observe()
        if self._features:
            one_hot_into(self._final_states, self._step.final_observations)
        return self._step

    def states(self) -> Array:
        """Return the state numbers (N, 1) float64."""
        return self._states.astype(np.float64)[:, None]

    def state(self) -> Tree:
        """Return everything that decides the future."""
        return {name: array.copy() for name, array in zip(_TABULAR_STATE, self._lanes, strict=True)}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        for name, array in zip(_TABULAR_STATE, self._lanes, strict=True):
            array[:] = _checked_lanes(name, tree[name], array)
        self._observe()

    def _observe(self) -> Array:
        if self._features:
            one_hot_into(self._states, self._step.observations)
        else:
            self._step.observations[:] = self._states
        return self._step.observations


_TABULAR_STATE = ("states", "elapsed", "episodes", "totals")


@kernel
def reset_tabular(cumulative_start: Any, key: Any, states: Any, episodes: Any) -> None:
    """Put every lane at the start of its episode: states (N,) from episodes (N,)."""
    for lane in range(states.shape[0]):
        states[lane] = sample_start(cumulative_start, unit(philox(episodes[lane], lane, key)[0]))


@kernel
def step_tabular(
    cumulative: Any, next_states: Any, model_rewards: Any, model_terminated: Any, cumulative_start: Any,
    limit: Any, key: Any, actions: Any,
    states: Any, elapsed: Any, episodes: Any, totals: Any,
    rewards: Any, terminated: Any, truncated: Any, final_states: Any,
) -> None:  # fmt: skip
    """Step every lane in place; an episode that ends, or reaches `limit` steps, is replaced by the next one."""
    for lane in range(states.shape[0]):
        state, action = states[lane], actions[lane]
        u = unit(philox(totals[lane], np.uint64(lane) | TRANSITION_LANES, key)[0])
        outcome = sample_outcome(cumulative, state, action, u)
        totals[lane] += 1
        elapsed[lane] += 1
        states[lane] = next_states[state, action, outcome]
        final_states[lane] = states[lane]
        rewards[lane] = model_rewards[state, action, outcome]
        terminated[lane] = model_terminated[state, action, outcome]
        truncated[lane] = elapsed[lane] >= limit and not terminated[lane]
        if terminated[lane] or truncated[lane]:
            elapsed[lane] = 0
            episodes[lane] += 1
            states[lane] = sample_start(cumulative_start, unit(philox(episodes[lane], lane, key)[0]))


@kernel
def one_hot_into(states: Any, rows: Any) -> None:
    """Write the one-hot rows (N, S) of states (N,)."""
    rows[:, :] = 0.0
    for lane in range(states.shape[0]):
        rows[lane, states[lane]] = 1.0


@dataclass(frozen=True, eq=False)
class ClassicEnvironment:
    """A configured environment with a physical state; its two kernels work on plain arrays.

    Attributes:
        state_size: X.
        reset: `(key, states (N, X), episodes (N,), observations (N, D))` puts every lane at its episode's start.
        step: `(limit, key, actions, states, elapsed, episodes, observations, rewards, terminated, truncated,
            final_observations)` steps every lane in place and resets what ended.
        observe: `(states, observations)` writes what is seen of the states; None where it is the rounded state itself.
        action_bounds: lowest and highest of each number of an action (A, 2); None where an action is one of A.
    """

    id: str
    n_actions: int
    observation_size: int
    state_size: int
    max_episode_steps: int
    reset: Callable[..., None]
    step: Callable[..., None]
    observe: Callable[..., None] | None = None
    action_bounds: Array | None = None
    mdp: ClassVar[None] = None
    changes: ClassVar[tuple[()]] = ()
    is_replayable: ClassVar[bool] = True

    def batch(self, n_envs: int, seed: int, stream: str, features: bool) -> "ClassicBatch":
        """Return N copies; observations are float32 rows (N, D) with and without `features`."""
        return ClassicBatch(self, n_envs, seed=seed, stream=stream)


class ClassicBatch:
    """N copies of an environment with a physical state, kept in float64; observations are float32."""

    def __init__(self, environment: ClassicEnvironment, n_envs: int, *, seed: int, stream: str) -> None:
        self.n_envs = n_envs
        self._environment = environment
        self._limit = environment.max_episode_steps
        self._key = derive_key(seed, stream)
        self._states = np.zeros((n_envs, environment.state_size))
        self._elapsed, self._episodes = np.zeros(n_envs, np.int64), np.zeros(n_envs, np.int64)
        shape = (n_envs, environment.observation_size)
        self._step = Step(
            observations=np.zeros(shape, np.float32),
            rewards=np.zeros(n_envs),
            terminated=np.zeros(n_envs, np.bool_),
            truncated=np.zeros(n_envs, np.bool_),
            final_observations=np.zeros(shape, np.float32),
        )
        ends = (self._step.rewards, self._step.terminated, self._step.truncated, self._step.final_observations)
        self._lanes = (self._states, self._elapsed, self._episodes)
        self._arrays = (*self._lanes, self._step.observations, *ends)

    def reset(self) -> Array:
        """Start every environment's first episode and return the observations."""
        self._elapsed[:], self._episodes[:] = 0, 0
        self._environment.reset(self._key, self._states, self._episodes, self._step.observations)
        return self._step.observations

    def restart(self, episode: int, group: int = 1) -> Array:
        """Start episode number `episode` everywhere, each as the first of its group does, and return the observations."""
        self._elapsed[:], self._episodes[:] = 0, episode
        self._environment.reset(self._key, self._states, self._episodes, self._step.observations)
        firsts = first_of_group(self.n_envs, group)
        self._states[:], self._step.observations[:] = self._states[firsts], self._step.observations[firsts]
        return self._step.observations

    def step(self, actions: Array) -> Step:
        """Take actions (N,) int64, or (N, A) within the bounds; an episode that ends is reset in the same step."""
        world = self._environment
        if world.action_bounds is None:
            actions = checked_actions(actions, self.n_envs, world.n_actions)
        else:
            actions = bounded_actions(actions, self.n_envs, world.action_bounds)
        world.step(self._limit, self._key, actions, *self._arrays)
        return self._step

    def states(self) -> Array:
        """Return what a drawing needs (N, X) float64: the physical states, or what is seen of them."""
        return self._states.copy() if self._environment.observe is None else self._step.observations.astype(np.float64)

    def state(self) -> Tree:
        """Return everything that decides the future."""
        return {name: array.copy() for name, array in zip(_CLASSIC_STATE, self._lanes, strict=True)}

    def load(self, tree: Tree) -> None:
        """Restore what `state` returned."""
        for name, array in zip(_CLASSIC_STATE, self._lanes, strict=True):
            array[:] = _checked_lanes(name, tree[name], array)
        if self._environment.observe is None:
            self._step.observations[:] = self._states
        else:
            self._environment.observe(self._states, self._step.observations)


_CLASSIC_STATE = ("states", "elapsed", "episodes")


@kernel
def _first_outside(actions: Any, bound: Any) -> Any:
    for lane in range(actions.shape[0]):
        if actions[lane] < 0 or actions[lane] >= bound:
            return lane
    return -1


def checked_actions(actions: Array, n_envs: int, n_actions: int) -> Array:
    """Return actions as contiguous (N,) int64; kernels do not check bounds, so this must.

    Raises:
        ValueError: another shape, or a number outside 0 … A − 1.
    """
    actions = np.ascontiguousarray(actions, np.int64)
    if actions.shape != (n_envs,):
        raise ValueError(f"actions: shape {actions.shape}, expected ({n_envs},)")
    lane = _first_outside(actions, n_actions)
    if lane >= 0:
        raise ValueError(f"actions[{lane}]={actions[lane]}: must lie in 0 … {n_actions - 1}")
    return actions


def bounded_actions(actions: Array, n_envs: int, bounds: Array) -> Array:
    """Return actions as contiguous (N, A) float64 within bounds (A, 2); a number beyond its bound is put on it.

    Raises:
        ValueError: another shape, or a number that is not finite.
    """
    actions = np.ascontiguousarray(actions, np.float64)
    if actions.shape != (n_envs, len(bounds)):
        raise ValueError(f"actions: shape {actions.shape}, expected ({n_envs}, {len(bounds)})")
    if not np.isfinite(actions).all():
        raise ValueError("actions: every number must be finite")
    return np.clip(actions, bounds[:, 0], bounds[:, 1])


def first_of_group(n_envs: int, group: int) -> Array:
    """Return for each of N lanes the first lane of its group of `group` neighbours (N,)."""
    lanes = np.arange(n_envs)
    return lanes - lanes % group


def _checked_lanes(name: str, array: Array, expected: Array) -> Array:
    if array.shape != expected.shape:
        raise ValueError(f"{name}: shape {array.shape}, expected {expected.shape}; was n_envs changed?")
    return array
