"""Batches of every environment: SAME_STEP auto-reset, resets by (seed, stream, lane, episode), exact resume."""

import numpy as np
import pytest

from app import catalog
from app.core.codecs import trees_equal
from app.core.contracts import Array, Batch, Environment
from app.core.jit import plain
from app.core.randomness import derive_key
from app.parts import batch as parts_batch

CLASSIC = ["CartPole-v1", "MountainCar-v0", "Acrobot-v1", "Pendulum-v1", "MountainCarContinuous-v0"]
IDS = ["FrozenLake-v1", "CliffWalking-v1", "gridworld", *CLASSIC]


def make(name: str) -> Environment:
    spec = catalog.environments()[name]
    return spec.make(spec.config())


def actions_for(environment: Environment, steps: int, n_envs: int, seed: int = 0) -> Array:
    random = np.random.default_rng(seed)
    if environment.action_bounds is None:
        return random.integers(0, environment.n_actions, (steps, n_envs))
    return random.uniform(*environment.action_bounds.T, (steps, n_envs, environment.n_actions))


def play(batch: Batch, actions: Array) -> list[Array]:
    """Return everything a caller sees, copied, as one flat list."""
    seen = []
    for row in actions:
        step = batch.step(row)
        parts = (step.observations, step.rewards, step.terminated, step.truncated, step.final_observations)
        seen += [np.array(part) for part in parts]
        seen.append(batch.states())
    return seen


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("name", IDS)
def test_resume_continues_bit_for_bit(name: str, features: bool) -> None:
    environment = make(name)
    actions = actions_for(environment, 600, 5)
    batch = environment.batch(5, 7, "environment", features)
    batch.reset()
    play(batch, actions[:300])
    saved = batch.state()
    expected = play(batch, actions[300:])
    other = environment.batch(5, 7, "environment", features)
    other.load(saved)
    assert not trees_equal(other.state(), saved)
    resumed = play(other, actions[300:])
    assert all(a.tobytes() == b.tobytes() for a, b in zip(expected, resumed, strict=True))
    assert not trees_equal(other.state(), batch.state())


@pytest.mark.parametrize("name", IDS)
def test_an_ended_episode_is_reset_in_the_same_step(name: str) -> None:
    environment = make(name)
    batch = environment.batch(4, 1, "environment", True)
    batch.reset()
    elapsed, ends = np.zeros(4, np.int64), 0
    for row in actions_for(environment, 4_000, 4):
        step = batch.step(row)
        elapsed += 1
        ended = step.terminated | step.truncated
        assert not (step.terminated & step.truncated).any()
        assert (step.truncated <= (elapsed >= environment.max_episode_steps)).all()
        assert (elapsed[~ended] < environment.max_episode_steps).all()
        np.testing.assert_array_equal(step.observations[~ended], step.final_observations[~ended])
        elapsed[ended] = 0
        ends += int(ended.sum())
    assert ends > 10


@pytest.mark.parametrize("name", IDS)
def test_a_start_depends_only_on_seed_stream_lane_and_episode(name: str) -> None:
    environment = make(name)

    def starts(seed: int, stream: str, action_seed: int) -> dict[tuple[int, int], bytes]:
        batch = environment.batch(3, seed, stream, True)
        found = {(lane, 0): row.tobytes() for lane, row in enumerate(batch.reset())}
        episode = np.zeros(3, np.int64)
        for row in actions_for(environment, 4_000, 3, action_seed):
            step = batch.step(row)
            for lane in np.flatnonzero(step.terminated | step.truncated):
                episode[lane] += 1
                found[int(lane), int(episode[lane])] = step.observations[lane].tobytes()
        return found

    one, two = starts(1, "environment", 10), starts(1, "environment", 20)
    shared = one.keys() & two.keys()
    assert len(shared) > 5
    assert all(one[key] == two[key] for key in shared)
    if environment.mdp is None:
        assert len(set(one.values())) == len(one), "every episode starts elsewhere"
        assert starts(2, "environment", 10)[0, 0] != one[0, 0]
        assert starts(1, "evaluation", 10)[0, 0] != one[0, 0]


@pytest.mark.parametrize("name", IDS)
def test_reset_begins_again(name: str) -> None:
    environment = make(name)
    batch = environment.batch(3, 5, "environment", False)
    actions = actions_for(environment, 250, 3)
    first = np.array(batch.reset())
    seen = play(batch, actions)
    assert np.array(batch.reset()).tobytes() == first.tobytes()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(seen, play(batch, actions), strict=True))


@pytest.mark.parametrize("name", IDS[:3])
def test_features_are_the_one_hot_rows_of_the_states(name: str) -> None:
    environment = make(name)
    numbers, rows = (environment.batch(4, 3, "environment", features) for features in (False, True))
    np.testing.assert_array_equal(rows.reset().argmax(axis=1), numbers.reset())
    for row in actions_for(environment, 300, 4):
        plain_step, step = numbers.step(row), rows.step(row)
        assert plain_step.observations.dtype == np.int64
        assert step.observations.dtype == np.float32
        np.testing.assert_array_equal(step.observations, np.eye(environment.observation_size)[plain_step.observations])
        np.testing.assert_array_equal(
            step.final_observations, np.eye(environment.observation_size)[plain_step.final_observations]
        )
        np.testing.assert_array_equal(numbers.states()[:, 0], plain_step.observations)


def test_transitions_of_a_batch_follow_the_model() -> None:
    environment = make("FrozenLake-v1")
    batch = environment.batch(500, 11, "environment", False)
    batch.reset()
    counts = np.zeros(16, np.int64)
    for _ in range(40):
        batch.load({**batch.state(), "states": np.full(500, 9)})
        counts += np.bincount(batch.step(np.full(500, 1)).final_observations, minlength=16)
    # cell 9, Down: 8, 13 and 10 with 1/3 each; 5 standard deviations
    assert counts[[8, 13, 10]].sum() == 20_000
    assert (np.abs(counts[[8, 13, 10]] - 20_000 / 3) < 5 * np.sqrt(20_000 * 2 / 9)).all()


def test_tabular_kernel_equals_its_plain_twin() -> None:
    environment = make("FrozenLake-v1")
    mdp, key = environment.mdp, derive_key(1, "environment")
    model = (mdp.cumulative, mdp.next_states, mdp.rewards, mdp.terminated, mdp.cumulative_start)

    def arrays() -> list[Array]:
        numbers = [np.zeros(4, np.int64) for _ in range(5)]
        return [*numbers[:4], np.zeros(4), np.zeros(4, np.bool_), np.zeros(4, np.bool_), numbers[4]]

    compiled, twin = arrays(), arrays()
    for row in actions_for(environment, 200, 4):
        parts_batch.step_tabular(*model, 20, key, row, *compiled)
        plain(parts_batch.step_tabular)(*model, 20, key, row, *twin)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(compiled, twin, strict=True))


@pytest.mark.parametrize("name", IDS[:6])
def test_actions_outside_the_range_are_refused(name: str) -> None:
    environment = make(name)
    batch = environment.batch(2, 0, "environment", False)
    batch.reset()
    with pytest.raises(ValueError, match=r"actions\[1\]=9"):
        batch.step(np.array([0, 9]))
    with pytest.raises(ValueError, match=r"actions\[0\]=-1"):
        batch.step(np.array([-1, 0]))
    with pytest.raises(ValueError, match="expected"):
        batch.step(np.array([0]))


@pytest.mark.parametrize("name", IDS[6:])
def test_continuous_actions_of_another_shape_or_not_finite_are_refused(name: str) -> None:
    batch = make(name).batch(2, 0, "environment", False)
    batch.reset()
    with pytest.raises(ValueError, match=r"expected \(2, 1\)"):
        batch.step(np.zeros(2))
    with pytest.raises(ValueError, match="finite"):
        batch.step(np.array([[0.0], [np.nan]]))


@pytest.mark.parametrize("name", IDS)
def test_a_state_of_another_size_is_refused(name: str) -> None:
    environment = make(name)
    batch = environment.batch(2, 0, "environment", False)
    with pytest.raises(ValueError, match="n_envs"):
        batch.load(environment.batch(3, 0, "environment", False).state())


@pytest.mark.parametrize("name", IDS)
def test_a_group_starts_alike_and_goes_on_by_its_own_chance(name: str) -> None:
    environment = make(name)
    batch = environment.batch(6, 3, "environment", True)
    alone = environment.batch(6, 3, "environment", True)
    alone.restart(4)
    expected = alone.states()
    for row in actions_for(environment, 40, 6):
        batch.step(row)
    batch.restart(4, group=3)
    np.testing.assert_array_equal(batch.states(), expected[[0, 0, 0, 3, 3, 3]])
    resumed = environment.batch(6, 3, "environment", True)
    resumed.load(batch.state())
    actions = actions_for(environment, 200, 6, seed=1)
    for one, other in zip(play(batch, actions), play(resumed, actions), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_group_on_the_ice_slips_differently() -> None:
    batch = make("FrozenLake-v1").batch(64, 3, "environment", False)
    batch.restart(0, group=64)
    assert len(set(np.array(batch.step(np.full(64, 2)).final_observations).tolist())) > 1


def test_a_changed_world_is_entered_where_one_stands_and_an_episode_without_ground_is_cut() -> None:
    spec = catalog.environment("gridworld")
    before, after = (spec.make(spec.config.parse({"layout": layout, "slip": 0.0})) for layout in ("S../..G", "S../.#G"))
    assert isinstance(after, parts_batch.TabularEnvironment)
    batch = before.batch(2, 0, "environment", True)
    assert isinstance(batch, parts_batch.TabularBatch)
    batch.load({**batch.state(), "states": np.array([3, 4]), "elapsed": np.array([2, 2])})
    batch.enter(after)
    assert batch.states()[:, 0].tolist() == [3, 4]
    step = batch.step(np.full(2, list(spec.actions).index("Left")))
    assert step.truncated.tolist() == [False, True]
    assert not step.terminated.any()
    assert batch.states()[:, 0].tolist() == [3, 0]
