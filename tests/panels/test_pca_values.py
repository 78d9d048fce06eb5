"""The plane is that of the first two principal components, and a point of the map is the network at the observation it stands for."""

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, Subject
from app.panels.pca_values import MOST_STATES, POINTS, SPEC, PcaOptions, heaviest, plane_of

CROSS = np.array(  # at ±5 along (0.6, 0, −0.8), ±2 along the second number, ±1 along (0.8, 0, 0.6), round (10, 20, 30)
    [[13, 20, 26], [7, 20, 34], [10, 22, 30], [10, 18, 30], [10.8, 20, 30.6], [9.2, 20, 29.4]], np.float64
)


def subject_of(algorithm: str, environment: str, steps: int, **config: object) -> Subject:
    built, spec, place, agent = catalog.build(
        catalog.resolve(algorithm, environment, config=config, preset="", total_steps=20_000, seed=1)
    )
    taken = 0
    while taken < steps:
        taken += agent.update(steps - taken).steps
    return Subject(agent, built, spec, place)


def walker(algorithm: str = "ppo", **config: object) -> tuple[Subject, Frame]:
    small = {"n_envs": 2, "n_steps": 64, "batch_size": 64} if algorithm == "ppo" else config
    subject = subject_of(algorithm, "BipedalWalker-v3", 256, **small)
    return subject, SPEC.compute(subject, PcaOptions())


def test_the_components_and_shares_of_a_cross_are_its_arms() -> None:
    """Along the arms the squares sum to 2·25, 2·4 and 2·1, so the shares are 25/30 and 4/30."""
    plane = plane_of(CROSS)
    assert plane is not None
    np.testing.assert_allclose(plane.mean, [10, 20, 30])
    np.testing.assert_allclose(plane.components, [[-0.6, 0, 0.8], [0, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(plane.shares, [25 / 30, 4 / 30])
    expected = [[-5, 0], [5, 0], [0, 2], [0, -2], [0, 0], [0, 0]]
    np.testing.assert_allclose(plane.projected(CROSS), expected, atol=1e-12)
    np.testing.assert_allclose(plane.lifted(np.array([[5.0, 2.0]])), [[7, 22, 34]])


def test_the_mean_left_in_would_be_taken_for_a_component() -> None:
    """The known mistake: without taking the mean off, the first direction points at it."""
    wrong = np.linalg.svd(CROSS)[2][0]
    mean = CROSS.mean(axis=0)
    assert abs(wrong @ mean) / np.linalg.norm(mean) > 0.99
    plane = plane_of(CROSS)
    assert plane is not None
    assert abs(plane.components[0] @ mean) / np.linalg.norm(mean) < 0.6


def test_mirrored_states_have_the_same_components() -> None:
    plane, mirrored = plane_of(CROSS), plane_of(20 - CROSS)
    assert plane is not None
    assert mirrored is not None
    np.testing.assert_allclose(plane.components, mirrored.components, atol=1e-12)


def test_states_that_do_not_differ_span_no_plane() -> None:
    assert plane_of(np.ones((5, 3))) is None
    assert plane_of(np.empty((0, 3))) is None
    assert plane_of(np.array([[1.0, 2.0, 3.0]])) is None
    assert plane_of(np.array([[1.0], [2.0]])) is None


def test_a_point_of_the_map_is_the_network_at_its_observation() -> None:
    subject, frame = walker()
    plane = plane_of(np.asarray(subject.agent.signals()["visited"](), np.float64))
    assert plane is not None
    x, y = frame.meta["x"], frame.meta["y"]
    for row, column in ((0, 0), (POINTS - 1, 3), (17, 30)):
        a = x["low"] + column * (x["high"] - x["low"]) / (POINTS - 1)
        b = y["low"] + row * (y["high"] - y["low"]) / (POINTS - 1)
        observation = (plane.mean + a * plane.components[0] + b * plane.components[1]).astype(np.float32)[None]
        value, action = (subject.agent.signals()[name](observation)[0] for name in ("v_at", "action_at"))
        np.testing.assert_allclose(frame.arrays["values"][row, column], value, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(frame.arrays["action"][row, column], action[0], rtol=1e-4, atol=1e-5)


def test_the_visited_states_lie_within_the_map() -> None:
    subject, frame = walker()
    places = frame.arrays["visited"]
    assert places.shape == (len(subject.agent.signals()["visited"]()), 2)
    np.testing.assert_allclose(places.mean(axis=0), 0.0, atol=1e-5)
    for axis, numbers in zip((frame.meta["x"], frame.meta["y"]), places.T, strict=True):
        assert axis["low"] < numbers.min() < numbers.max() < axis["high"]
    assert places[:, 0].var() >= places[:, 1].var()


def test_the_words_say_what_weighs_most_and_what_was_never_seen() -> None:
    subject, frame = walker()
    plane = plane_of(np.asarray(subject.agent.signals()["visited"](), np.float64))
    assert plane is not None
    names = [axis.name for axis in subject.environment_spec.axes]
    share = f"{100 * plane.shares[0]:.0f} %"
    said = f"First component, {share} of the variance, mostly: {heaviest(plane.components[0], names)}."
    assert said in frame.meta["words"]
    assert "states the agent never saw" in frame.meta["words"]
    assert frame.meta["x"]["name"] == f"First component ({share})"
    assert frame.meta["action"] == {"name": "Hip 1", "low": -1.0, "high": 1.0}


def test_a_replay_buffer_tells_as_well_and_no_more_states_than_can_be_seen() -> None:
    subject = subject_of("td3", "BipedalWalker-v3", 1_500, learning_starts=1_450, batch_size=16, net_arch="16,16")
    frame = SPEC.compute(subject, PcaOptions())
    assert frame.arrays["values"].shape == frame.arrays["action"].shape == (POINTS, POINTS)
    assert MOST_STATES / 2 < len(frame.arrays["visited"]) <= MOST_STATES


def test_before_the_first_state_there_is_nothing_to_draw() -> None:
    algorithm, spec, place, agent = catalog.build(catalog.resolve("ppo", "BipedalWalker-v3", preset=""))
    assert SPEC.compute(Subject(agent, algorithm, spec, place), PcaOptions()).is_blank


@pytest.mark.parametrize(
    ("algorithm", "environment", "is_offered"),
    [
        ("ppo", "BipedalWalker-v3", True),
        ("td3", "BipedalWalker-v3", True),
        ("ppo", "Hopper-v5", True),
        ("dqn", "ALE-Pong-v5", True),
        ("ppo", "MiniGrid-Empty-5x5-v0", True),
        ("grpo", "BipedalWalker-v3", False),  # it has no critic
        ("ppo", "CartPole-v1", False),
        ("ppo", "LunarLander-v3", False),
        ("ppo", "FrozenLake-v1", False),
        ("sft", "sort_digits", False),
    ],
)
def test_it_is_offered_where_two_axes_of_an_observation_say_little(
    algorithm: str, environment: str, is_offered: bool
) -> None:
    absent = catalog.absent()
    spec = absent[environment][0] if environment in absent else catalog.environment(environment)
    assert SPEC.fits(catalog.algorithm(algorithm), spec) is is_offered
