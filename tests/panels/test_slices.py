"""The lines along each axis are what the policy says there; the shares over the visited states add up."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, Subject
from app.panels.slices import BINS, POINTS, SPEC, SlicesOptions


def drawn(name: str, environment: str, **config: Any) -> tuple[Frame, Subject]:
    algorithm, spec, place, agent = catalog.build(
        catalog.resolve(name, environment, config=config, preset="", total_steps=20_000, seed=1)
    )
    for _call in range(6):
        agent.update(64)
    subject = Subject(agent, algorithm, spec, place)
    return SPEC.compute(subject, SlicesOptions()), subject


def test_probabilities_along_an_axis_are_those_of_the_policy_and_add_up() -> None:
    frame, subject = drawn("ppo", "CartPole-v1", n_envs=4, n_steps=32, batch_size=128)
    held = np.median(subject.agent.signals()["visited"](), axis=0)
    for axis in range(4):
        points = np.tile(held, (POINTS, 1)).astype(np.float32)
        points[:, axis] = frame.arrays[f"x{axis}"]
        expected = subject.agent.signals()["policy_at"](points)
        np.testing.assert_allclose(frame.arrays[f"y{axis}_1"], expected[:, 1], atol=1e-5)
        np.testing.assert_allclose(frame.arrays[f"y{axis}_0"] + frame.arrays[f"y{axis}_1"], 1.0, atol=1e-5)
    assert frame.arrays["share_0"].shape == (BINS,)
    assert frame.arrays["share_0"].sum() == pytest.approx(1.0, abs=1e-5)


def test_a_gaussian_has_its_mean_and_a_band_of_one_deviation() -> None:
    frame, subject = drawn("ppo", "Pendulum-v1", n_envs=4, n_steps=32, batch_size=128)
    signals = subject.agent.signals()
    deviation = signals["action_std_at"](np.zeros((1, 3), np.float32))[0, 0]
    assert deviation == pytest.approx(1.0, abs=0.2)
    np.testing.assert_allclose(frame.arrays["high0_0"] - frame.arrays["y0_0"], deviation, atol=1e-4)
    np.testing.assert_allclose(frame.arrays["y0_0"] - frame.arrays["low0_0"], deviation, atol=1e-4)


def test_action_values_are_drawn_where_there_is_no_policy() -> None:
    frame, _subject = drawn("dqn", "CartPole-v1", learning_starts=64)
    assert frame.meta["figures"][0]["y"]["label"].startswith("action value")
    assert not np.array_equal(frame.arrays["y0_0"], frame.arrays["y0_1"])


def test_a_critic_says_what_other_actions_are_worth_and_where_the_actor_stands() -> None:
    frame, subject = drawn("ddpg", "Pendulum-v1", learning_starts=64, batch_size=32, net_arch="16,16")
    figure = next(one for one in frame.meta["figures"] if one["title"].startswith("Q along"))
    np.testing.assert_allclose(frame.arrays["action0"][[0, -1]], [-2.0, 2.0])
    chosen = figure["rules"][0]["x"]
    visited = subject.environment_spec.placed(subject.agent.signals()["visited"]())
    seen = subject.environment_spec.seen(np.median(visited, axis=0).astype(np.float32)[None, :])
    assert chosen == pytest.approx(float(subject.agent.signals()["action_at"](seen)[0, 0]), abs=1e-5)
    assert figure["words"].startswith("What the critic says")
    at_choice = np.interp(chosen, frame.arrays["action0"], frame.arrays["q0"])
    assert at_choice == pytest.approx(float(subject.agent.signals()["v_at"](seen)[0]), abs=1e-2)


def test_where_there_are_two_critics_it_is_said_which_one_speaks() -> None:
    frame, _subject = drawn("td3", "Pendulum-v1", learning_starts=64, batch_size=32, net_arch="16,16")
    figure = next(one for one in frame.meta["figures"] if one["title"].startswith("Q along"))
    assert figure["words"].startswith("What the first critic says")
