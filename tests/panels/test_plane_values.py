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
