"""The plane panel evaluates the network on a mesh over two axes and holds the others."""

import numpy as np
import pytest

from app import catalog
from app.core.errors import InvalidInput
from app.core.specs import EnvironmentSpec, Frame, Subject
from app.panels.plane_values import SPEC, PlaneOptions


def drawn(options: PlaneOptions) -> tuple[Frame, EnvironmentSpec, object]:
    algorithm, spec, environment, agent = catalog.build(catalog.resolve("ppo", "CartPole-v1"))
    return SPEC.compute(Subject(agent, algorithm, spec, environment), options), spec, agent


def test_a_point_of_the_map_is_the_network_there() -> None:
    first, third = 0, 2
    spec = catalog.environment("CartPole-v1")
    held = spec.axes[1].name
    frame, _spec, agent = drawn(PlaneOptions(resolution=8, at=f"{held}:0.5"))
    point = np.array([[axis.middle for axis in spec.axes]], np.float32)
    point[0, first], point[0, third], point[0, 1] = spec.axes[first].high, spec.axes[third].low, 0.5
    expected = agent.signals()["v_at"](point)[0]
    np.testing.assert_allclose(frame.arrays["values"][0, -1], expected, rtol=1e-4, atol=1e-6)
    assert frame.meta["at"][held] == 0.5


def test_unknown_axes_and_odd_numbers_are_refused_by_name() -> None:
    name = catalog.environment("CartPole-v1").axes[0].name
    for options in ({"x": "height"}, {"x": name, "y": name}, {"at": f"{name}:nan"}, {"at": "what"}):
        with pytest.raises(InvalidInput, match=r"x=|y=|at="):
            drawn(PlaneOptions(**options))


def test_angles_are_drawn_as_angles_where_cosine_and_sine_are_seen() -> None:
    algorithm, spec, environment, agent = catalog.build(catalog.resolve("ppo", "Pendulum-v1", preset=""))
    agent.update(4_096)
    frame = SPEC.compute(Subject(agent, algorithm, spec, environment), PlaneOptions(resolution=8))
    assert (frame.meta["x"]["name"], frame.meta["y"]["name"]) == tuple(axis.name for axis in spec.axes)
    expected = agent.signals()["v_at"](np.array([[-1.0, 0.0, -8.0]], np.float32))[0]
    np.testing.assert_allclose(frame.arrays["values"][0, 0], expected, rtol=1e-3, atol=1e-5)
    assert np.abs(frame.arrays["visited"][:, 0]).max() <= np.pi + 1e-6
    assert frame.meta["action"] == {"name": spec.actions[0], "low": -2.0, "high": 2.0}
    assert np.abs(frame.arrays["action"]).max() <= 2.0


def test_one_number_of_a_continuous_action_is_drawn_by_name() -> None:
    algorithm, spec, environment, agent = catalog.build(catalog.resolve("ppo", "LunarLanderContinuous-v3", preset=""))
    subject = Subject(agent, algorithm, spec, environment)
    frame = SPEC.compute(subject, PlaneOptions(resolution=8, action=spec.actions[1]))
    assert frame.meta["action"]["name"] == spec.actions[1]
    with pytest.raises(InvalidInput, match="action=lift"):
        SPEC.compute(subject, PlaneOptions(action="lift"))


def test_a_layer_is_the_function_it_is_named_after() -> None:
    algorithm, spec, environment, agent = catalog.build(catalog.resolve("dueling_dqn", "CartPole-v1"))
    subject, signals = Subject(agent, algorithm, spec, environment), agent.signals()
    point = np.array([[axis.middle for axis in spec.axes]], np.float32)
    point[0, spec.shown_axes[0]], point[0, spec.shown_axes[1]] = (spec.axes[axis].low for axis in spec.shown_axes)
    q, a = signals["q_at"](point)[0], signals["a_part_at"](point)[0]
    expected = {
        "v": q.max(), "q:Left": q[0], "q:Right": q[1], "v_part": signals["v_part_at"](point)[0], "a_part:Right": a[1],
    }  # fmt: skip
    for of, value in expected.items():
        frame = SPEC.compute(subject, PlaneOptions(resolution=8, of=of))
        assert frame.meta["layer"]["id"] == of
        assert frame.meta["layer"]["signed"] == of.startswith("a_part")
        np.testing.assert_allclose(frame.arrays["values"][0, 0], value, rtol=1e-4, atol=1e-6)


def test_a_layer_that_the_agent_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(InvalidInput, match="p:Left"):
        drawn(PlaneOptions(of="q:Left"))


def test_a_layer_says_in_what_it_is_counted() -> None:
    for normalize, unit in ((False, "reward"), (True, "normalised reward")):
        recipe = catalog.resolve("ppo", "CartPole-v1", config={"normalize": normalize}, preset="")
        algorithm, spec, environment, agent = catalog.build(recipe)
        subject = Subject(agent, algorithm, spec, environment)
        layers = [SPEC.compute(subject, PlaneOptions(resolution=8, of=of)).meta["layer"] for of in ("", "p:Left")]
        assert [layer["unit"] for layer in layers] == [unit, "probability"]
