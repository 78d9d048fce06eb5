"""Batches of gymnasium's own simulators: the same steps as gymnasium's, SAME_STEP reset, exact resume by replaying."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from app import catalog
from app.core.contracts import Array
from app.core.errors import InvalidInput
from app.parts.gym_batch import GymBatch, GymEnvironment, described, is_replayed

IDS = ["LunarLander-v3", "LunarLanderContinuous-v3", "BipedalWalker-v3"]


def make(name: str) -> GymEnvironment:
    spec = catalog.environments()[name]
    return spec.make(spec.config())


def actions_for(environment: GymEnvironment, steps: int, n_envs: int, seed: int = 0) -> Array:
    random = np.random.default_rng(seed)
    if environment.action_bounds is None:
        return random.integers(0, environment.n_actions, (steps, n_envs))
    return random.uniform(*environment.action_bounds.T, (steps, n_envs, environment.n_actions))


def play(batch: GymBatch, actions: Array) -> list[bytes]:
    seen = []
    for row in actions:
        step = batch.step(row)
        parts = (step.observations, step.rewards, step.terminated, step.truncated, step.final_observations)
        seen += [np.array(part).tobytes() for part in parts]
    return seen


@pytest.mark.parametrize("name", IDS)
def test_episodes_are_gymnasiums_from_the_same_seed(name: str) -> None:
    environment = make(name)
    batch = environment.batch(1, 3, "environment", True)
    first, seed = np.array(batch.reset()[0]), batch.episode_seed(0)
    peer = gymnasium.make(name)
    observation, _info = peer.reset(seed=seed)
    np.testing.assert_array_equal(first, observation.astype(np.float32))
    is_over = False
    for row in actions_for(environment, 300, 1):
        given = int(row[0]) if environment.action_bounds is None else row[0].astype(np.float32)
        observation, reward, terminated, truncated, _info = peer.step(given)
        step = batch.step(row)
        np.testing.assert_array_equal(step.final_observations[0], observation.astype(np.float32))
        assert (step.rewards[0], step.terminated[0], step.truncated[0]) == (reward, terminated, truncated)
        is_over = terminated or truncated
        if is_over:
            assert not np.array_equal(step.observations, step.final_observations), (
                "the next one begins in the same step"
            )
            break
    assert is_over


@pytest.mark.parametrize("name", IDS)
def test_resume_continues_bit_for_bit(name: str) -> None:
    environment = make(name)
    actions = actions_for(environment, 260, 2)
    batch = environment.batch(2, 7, "environment", True)
    batch.reset()
    play(batch, actions[:170])
    saved = batch.state()
    assert saved["episodes"].sum() > 0, "an episode has ended before"
    assert len(saved["actions"]) == saved["elapsed"].sum()
    expected = play(batch, actions[170:])
    other = environment.batch(2, 7, "environment", True)
    other.load(saved)
    assert other.state()["observations"].tobytes() == saved["observations"].tobytes()
    assert play(other, actions[170:]) == expected
    assert environment.is_replayable


def test_without_a_simulator_of_its_own_for_every_episode_the_walker_goes_elsewhere() -> None:
    walker = make("BipedalWalker-v3")
    assert not all(_resumes(walker, seed, renews=False) for seed in range(4))
    assert all(_resumes(walker, seed, renews=True) for seed in range(4))


def _resumes(environment: GymEnvironment, seed: int, *, renews: bool) -> bool:
    actions = actions_for(environment, 400, 1, seed)
    one, other = (GymBatch(environment, 1, seed=seed, stream="environment", renews=renews) for _unused in range(2))
    one.reset()
    play(one, actions[:300])
    other.load(one.state())
    return play(one, actions[300:]) == play(other, actions[300:])


def test_a_start_depends_only_on_seed_stream_lane_and_episode() -> None:
    environment = make("LunarLander-v3")

    def starts(seed: int, stream: str, action_seed: int) -> dict[tuple[int, int], bytes]:
        batch = environment.batch(2, seed, stream, True)
        found = {(lane, 0): row.tobytes() for lane, row in enumerate(batch.reset())}
        episode = np.zeros(2, np.int64)
        for row in actions_for(environment, 250, 2, action_seed):
            step = batch.step(row)
            for lane in np.flatnonzero(step.terminated | step.truncated):
                episode[lane] += 1
                found[int(lane), int(episode[lane])] = step.observations[lane].tobytes()
        return found

    one, two = starts(1, "environment", 10), starts(1, "environment", 20)
    shared = one.keys() & two.keys()
    assert len(shared) > 3
    assert all(one[key] == two[key] for key in shared)
    assert len(set(one.values())) == len(one), "every episode starts elsewhere"
    assert starts(2, "environment", 10)[0, 0] != one[0, 0]
    assert starts(1, "evaluation", 10)[0, 0] != one[0, 0]


class Wandering(gymnasium.Env[Any, Any]):
    """A line to walk on: seen is the place; place 3 ends it. With `is_honest` off, starts depend on what was before."""

    observation_space = gymnasium.spaces.Box(-9, 9, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2, start=5)
    started = 0

    def __init__(self, is_honest: bool = True) -> None:
        self.is_honest = is_honest

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        Wandering.started += 1
        self.place = 0.0 if self.is_honest else 0.001 * Wandering.started
        return np.array([self.place], np.float32), {}

    def step(self, action: Any) -> Any:
        self.place += {5: -1.0, 6: 1.0}[action]
        return np.array([self.place], np.float32), -1.0, self.place >= 3, self.place <= -5, {}


def line(**options: Any) -> GymEnvironment:
    return described("line", lambda: Wandering(**options), 7)


def test_both_limits_cut_an_episode_and_an_end_is_no_cut() -> None:
    environment = line()
    assert (environment.n_actions, environment.observation_size) == (2, 1)
    batch = environment.batch(3, 0, "environment", True)
    batch.reset()
    plans = np.array([[1, 1, 1, 1, 1, 1, 1], [0] * 7, [0, 1, 0, 1, 0, 1, 0]])
    ends = []
    for column in plans.T:
        step = batch.step(column)
        ends.append((step.terminated.tolist(), step.truncated.tolist()))
    assert ends[2] == ([True, False, False], [False, False, False]), "lane 0 has arrived"
    assert ends[4] == ([False, False, False], [False, True, False]), "lane 1 is cut by the simulator itself"
    assert ends[6][1][2], "lane 2 is cut by the limit of 7 steps"
    assert step.final_observations[2, 0] == -1
    assert step.observations[2, 0] == 0


def test_an_end_at_the_limit_is_an_end() -> None:
    batch = line().batch(1, 0, "environment", True)
    batch.reset()
    for action in (0, 1, 0, 1, 1, 1, 1):
        step = batch.step(np.array([action]))
    assert (step.terminated[0], step.truncated[0]) == (True, False)


def test_a_simulator_that_cannot_be_replayed_is_found_out_and_still_goes_on() -> None:
    assert line().is_replayable
    environment = line(is_honest=False)
    assert not environment.is_replayable
    assert not is_replayed(environment, renews=True)
    batch = environment.batch(2, 0, "environment", True)
    batch.reset()
    play(batch, actions_for(environment, 30, 2))
    other = environment.batch(2, 0, "environment", True)
    other.load(batch.state())
    play(other, actions_for(environment, 30, 2))


def test_a_state_of_another_size_is_refused() -> None:
    environment = line()
    small, large = (environment.batch(count, 0, "environment", True) for count in (2, 3))
    small.reset()
    with pytest.raises(ValueError, match="n_envs"):
        large.load(small.state())


@pytest.mark.parametrize("actions", [np.array([2, 0]), np.array([-1, 0]), np.array([0])])
def test_actions_outside_the_range_are_refused(actions: Array) -> None:
    batch = line().batch(2, 0, "environment", True)
    batch.reset()
    with pytest.raises(ValueError, match="actions"):
        batch.step(actions)


def test_actions_and_observations_that_fit_no_row_are_refused() -> None:
    class Boundless(Wandering):
        action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float32)

    class Wordy(Wandering):
        observation_space = gymnasium.spaces.Sequence(gymnasium.spaces.Discrete(2))

    with pytest.raises(InvalidInput, match="bounds"):
        described("boundless", Boundless, 7)
    with pytest.raises(InvalidInput, match="row of numbers"):
        described("wordy", Wordy, 7)


def test_pictures_are_bytes_and_become_shares_of_one() -> None:
    class Painted(Wandering):
        observation_space = gymnasium.spaces.Box(0, 255, (2, 2, 3), np.uint8)

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
            super().reset(seed=seed)
            return np.full((2, 2, 3), 255, np.uint8), {}

        def step(self, action: Any) -> Any:
            return np.zeros((2, 2, 3), np.uint8), *super().step(action)[1:]

    environment = described("painted", Painted, 7)
    assert environment.observation_size == 12
    np.testing.assert_allclose(environment.batch(1, 0, "environment", True).reset(), np.ones((1, 12)))


def test_a_group_starts_alike_and_is_resumed_bit_for_bit() -> None:
    environment = make("LunarLander-v3")
    batch, resumed = environment.batch(4, 3, "environment", True), environment.batch(4, 3, "environment", True)
    rows = np.array(batch.restart(2, group=2))
    np.testing.assert_array_equal(rows[[0, 2]], rows[[1, 3]])
    assert not np.array_equal(rows[0], rows[2])
    actions = actions_for(environment, 150, 4)
    play(batch, actions[:20])
    resumed.load(batch.state())
    assert play(batch, actions[20:]) == play(resumed, actions[20:])
