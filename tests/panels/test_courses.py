"""Imagined and decoded courses beside real ones; with it app/panels/imagination.py, app/panels/latent_map.py, app/parts/courses.py."""

from typing import Any

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, PanelSpec, Subject
from app.panels.imagination import SPEC as IMAGINATION
from app.panels.latent_map import SPEC as LATENT_MAP
from app.parts.courses import course_figures

QUICK = {"learning_starts": 60, "train_freq": 20}
WORLD = {**QUICK, "net_arch": "6", "n_candidates": 4, "n_rounds": 1, "horizon": 2}


def drawn(panel: PanelSpec, name: str, environment: str, steps: int, **config: Any) -> tuple[Frame, Subject]:
    algorithm, spec, place, agent = catalog.build(
        catalog.resolve(name, environment, config=config, preset="", total_steps=2_000, seed=1)
    )
    taken = 0
    while taken < steps:
        taken += agent.update(steps - taken).steps
    subject = Subject(agent, algorithm, spec, place)
    return panel.compute(subject, panel.options()), subject


def test_the_real_course_and_each_networks_are_drawn_along_every_axis() -> None:
    frame, subject = drawn(IMAGINATION, "world_model", "CartPole-v1", 100, **WORLD)
    imagined = subject.agent.signals()["imagined"]()
    for axis in range(4):
        for number in range(4):
            np.testing.assert_allclose(frame.arrays[f"c{axis}_{number}"], imagined[number, :, axis], rtol=1e-5)
    figures = frame.meta["figures"]
    assert [figure["title"] for figure in figures] == [axis.name for axis in subject.environment_spec.axes]
    assert [mark.get("dash", False) for mark in figures[0]["marks"]] == [False, True, True, True]
    assert drawn(IMAGINATION, "world_model", "CartPole-v1", 0, **WORLD)[0].arrays == {}


def test_an_angle_that_goes_around_breaks_its_line() -> None:
    spec = catalog.environment("Pendulum-v1")
    angles = np.array([3.0, 3.1, 3.2, 3.3])  # 3.2 is −3.08
    course = np.stack([np.cos(angles), np.sin(angles), angles], axis=1)[None]
    arrays, figures = course_figures(course, spec, ["real"])
    np.testing.assert_allclose(arrays["c0_0"], [3.0, 3.1, np.nan, 3.3 - 2 * np.pi], atol=1e-5)
    np.testing.assert_allclose(arrays["c1_0"], angles, atol=1e-5)
    assert [figure["y"]["label"] for figure in figures] == ["rad", "rad/s"]


def test_codes_are_coloured_by_the_return_that_followed() -> None:
    frame, subject = drawn(LATENT_MAP, "vae", "CartPole-v1", 400, **QUICK)
    latent = subject.agent.signals()["latent"]()
    np.testing.assert_allclose(frame.arrays["a"], latent[:, 0], rtol=1e-5)
    np.testing.assert_allclose(frame.arrays["b"], latent[:, 1], rtol=1e-5)
    order = np.argsort(latent[:, -1])
    assert (np.diff(frame.arrays["shade"][order]) >= 0).all()
    assert frame.arrays["shade"].min() == 0.0
    assert frame.arrays["shade"].max() == 1.0
    assert len(frame.meta["figures"]) == 5
    real, decoded = subject.agent.signals()["reconstructed"]()
    np.testing.assert_allclose(frame.arrays["c2_0"], real[:, 2], rtol=1e-5)
    np.testing.assert_allclose(frame.arrays["c2_1"], decoded[:, 2], rtol=1e-5)


@pytest.mark.parametrize(("size", "label"), [(1, "return that followed"), (4, "z")])
def test_a_code_of_another_size_is_drawn_too(size: int, label: str) -> None:
    frame, _subject = drawn(LATENT_MAP, "vae", "CartPole-v1", 200, **QUICK, latent_size=size)
    assert frame.meta["figures"][0]["y"]["label"].startswith(label)


def test_they_fit_what_imagines_and_what_encodes() -> None:
    cartpole, lake = catalog.environment("CartPole-v1"), catalog.environment("FrozenLake-v1")
    for panel, name in ((IMAGINATION, "world_model"), (LATENT_MAP, "vae")):
        assert panel.fits(catalog.algorithm(name), cartpole)
        assert not panel.fits(catalog.algorithm(name), lake)
        assert not panel.fits(catalog.algorithm("ppo"), cartpole)
