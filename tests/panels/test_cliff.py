"""The cliff: the same luck at every place, the update's end where it is, slopes that equal differences, bounded work.

Covers app/panels/cliff.py and app/parts/step_walk.py.
"""

import itertools
from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, Subject
from app.jobs import compute
from app.panels import cliff
from app.parts.policy_learner import PolicyLearner
from app.parts.step_walk import Walk

SMALL = cliff.CliffOptions(episodes=4, lengths=4)
FAMILY = [name for name, spec in catalog.algorithms().items() if "last_step" in spec.signals]


def learnt(name: str = "trpo", environment: str = "CartPole-v1", **changes: Any) -> tuple[Subject, Any]:
    """Return a subject that has made two updates or more, and its recipe."""
    smoke = catalog.algorithm(name).smoke
    recipe = catalog.resolve(
        name, environment, config={**smoke.config, **changes}, environment_config={}, preset="", seed=3
    )  # fmt: skip
    algorithm, environment_spec, world, agent = catalog.build(recipe)
    updates = 0
    while updates < 2:
        updates += agent.update(2_000).updates
    return Subject(agent, algorithm, environment_spec, world), recipe


def walk_of(subject: Subject) -> tuple[Walk, np.ndarray]:
    assert isinstance(subject.agent, PolicyLearner)
    steps = subject.agent.signals()["last_step"]()
    return Walk(subject.agent, steps[0], subject.environment, episodes=4, horizon=100), steps


def test_it_fits_all_who_follow_the_gradient_of_their_policy() -> None:
    assert {"reinforce", "a2c", "natural_gradient", "trpo", "ppo", "grpo"} <= set(FAMILY)
    assert cliff.SPEC.on_request
    assert not cliff.SPEC.history


@pytest.mark.parametrize("environment", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1"])
def test_the_same_policy_earns_the_same_again(environment: str) -> None:
    walk, steps = walk_of(learnt("ppo", environment)[0])
    np.testing.assert_array_equal(walk.returns(np.zeros(len(steps[0]))), walk.played.returns)
    assert walk.divergence(np.zeros(len(steps[0]))) == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize(("name", "environment"), [("a2c", "CartPole-v1"), ("grpo", "CartPole-v1"), ("ppo", "Pendulum-v1")])  # fmt: skip
def test_the_plain_gradient_is_the_slope_of_the_surrogate(name: str, environment: str) -> None:
    walk, _steps = walk_of(learnt(name, environment)[0])
    gradient = walk.gradient()
    direction = gradient / np.linalg.norm(gradient)
    small = walk.length_at(direction, 1e-4)
    slope = (walk.gain(small * direction) - walk.gain(-small * direction)) / (2 * small)
    assert slope == pytest.approx(float(gradient @ direction), rel=0.03)


def test_steps_are_judged_in_the_unit_in_which_the_critic_counts() -> None:
    subject, _recipe = learnt("ppo", normalize=True, gamma=0.9)
    agent: Any = subject.agent
    agent.networks.stretch(1).weights[:] = 0.0  # a critic that expects nothing
    walk, _steps = walk_of(subject)
    scale = np.sqrt(agent.normaliser.return_moments.variance[0])
    assert scale > 2
    longest = (1 - 0.9 ** walk.played.returns.max()) / (1 - 0.9)
    assert walk.played.advantages.max() == pytest.approx(longest / scale, rel=1e-3)


def test_the_natural_gradient_gains_most_for_its_divergence() -> None:
    walk, _steps = walk_of(learnt()[0])
    plain = walk.gradient()
    ways = [way / np.linalg.norm(way) for way in (walk.natural(plain), plain)]
    natural, steep = (walk.gain(walk.length_at(way, 1e-3) * way) for way in ways)
    assert natural > 1.2 * steep > 0


def test_a_length_is_found_where_the_divergence_is_what_was_asked_for() -> None:
    walk, _steps = walk_of(learnt()[0])
    way = walk.gradient()
    way /= np.linalg.norm(way)
    for wanted in (1e-3, 0.1):
        assert walk.divergence(walk.length_at(way, wanted) * way) == pytest.approx(wanted, rel=0.05)


def drawn(subject: Subject) -> Frame:
    return cliff.SPEC.compute(subject, SMALL)


def test_the_update_ends_at_the_policy_that_acts_now() -> None:
    subject, _recipe = learnt()
    steps, before = (subject.agent.signals()[name]() for name in ("last_step", "weights"))
    frame = drawn(subject)
    np.testing.assert_array_equal(subject.agent.signals()["weights"](), before)
    assert frame.arrays["stop_length0"][0] == pytest.approx(np.linalg.norm(steps[1] - steps[0]), rel=1e-5)
    assert isinstance(subject.agent, PolicyLearner)
    walk = Walk(subject.agent, steps[1], subject.environment, episodes=4, horizon=500)
    assert frame.arrays["stop_return0"][0] == pytest.approx(walk.played.returns.mean(), rel=0.2)
    assert frame.arrays["stop_kl2"][0] == pytest.approx(0.01, rel=0.05)
    assert len(frame.meta["figures"]) == 4
    for figure in frame.meta["figures"]:
        for mark in figure["marks"]:
            assert len(frame.arrays[mark["x"]]) == len(frame.arrays[mark["y"]])


@pytest.mark.parametrize("normalize", [False, True])
def test_it_is_drawn_from_stored_weights_as_from_the_agent_itself(normalize: bool) -> None:
    subject, recipe = learnt("ppo", normalize=normalize)
    mine = drawn(subject)
    stored = compute.frame(
        {"recipe": recipe.as_dict(), "panel": "cliff", "options": {"episodes": 4, "lengths": 4}},
        subject.agent.signals()["weights"](),
    )
    assert mine.meta == stored.meta
    for name, array in mine.arrays.items():
        np.testing.assert_allclose(
            array, stored.arrays[name], rtol=1e-3 if normalize else 0
        )  # moments are stored as float32


def test_nothing_is_drawn_before_the_first_update() -> None:
    recipe = catalog.resolve("ppo", "CartPole-v1", config={}, environment_config={}, preset="", seed=3)
    algorithm, environment_spec, world, agent = catalog.build(recipe)
    assert drawn(Subject(agent, algorithm, environment_spec, world)).arrays == {}


@pytest.mark.parametrize(
    ("earned", "said"),
    [
        ([20, 40, 5], "the return rises, and then falls off"),
        ([9, 7, 5], "the return only falls"),
        ([20, 30, 40], "the return rises, and has not fallen off at the far end"),
        ([9, 3, 8], "the return falls, and rises again"),
        ([10, 10, 10], "nothing can be told from the noise"),
    ],
)
def test_the_caption_says_how_the_return_goes(earned: list[float], said: str) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (3, 24))
    way = cliff.Way("a way", np.ones(1), {}, [1.0, 2.0, 3.0])
    way.earned = {at + 1.0: mean + noise[at] for at, mean in enumerate(earned)}
    assert cliff.course_words([way], np.full(24, 10.0)) == f"A way: {said}."


def test_a_tiny_step_is_said_to_show_little() -> None:
    subject, _recipe = learnt()
    assert isinstance(subject.agent, PolicyLearner)
    now = subject.agent.networks.stretch(0).weights
    subject.agent.noted.before = now + np.float32(1e-5)
    assert "an earlier moment shows more" in drawn(subject).meta["words"]


def test_a_refused_step_is_said_in_words() -> None:
    subject, _recipe = learnt()
    assert isinstance(subject.agent, PolicyLearner)
    subject.agent.noted.before = subject.agent.networks.stretch(0).weights.copy()
    frame = drawn(subject)
    assert "left the policy where it was" in frame.meta["words"]
    assert len(frame.meta["figures"][0]["rules"]) == 1


def test_what_there_is_no_time_for_is_left_out_the_stops_last() -> None:
    subject, _recipe = learnt()
    walk, steps = walk_of(subject)
    ways = cliff._ways(subject, walk, steps[1].astype(np.float64) - steps[0], 0.01)
    for way in ways:
        way.plan(walk, 4)
    ticks = itertools.count()
    assert not cliff._play(walk, ways, end=1.0, clock=lambda: float(next(ticks)))
    played = {length for way in ways for length in way.earned}
    assert played == {stop for way in ways for stop in way.stops.values()}
    assert (
        [len(cliff._columns(walk, way, "")["return"]) for way in ways] == [len(way.stops) for way in ways] == [1, 0, 1]
    )
