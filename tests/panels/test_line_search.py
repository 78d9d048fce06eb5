"""The line search of TRPO as a picture: its tries are those of the update, promised against given."""

import numpy as np
import pytest

from app import catalog
from app.core.specs import Frame, Subject
from app.panels.line_search import SPEC, LineSearchOptions
from tests.panels.test_cliff import learnt


def drawn(subject: Subject) -> Frame:
    return SPEC.compute(subject, LineSearchOptions())


def test_the_step_taken_is_the_one_that_was_reported() -> None:
    subject, _recipe = learnt("trpo")
    scalars: dict[str, float] = {}
    while not scalars.get("train/step_accepted"):
        scalars = subject.agent.update(10_000).scalars
    frame = drawn(subject)
    arrays = frame.arrays
    assert len(arrays["share"]) == scalars["train/line_search_steps"]
    assert arrays["taken_gain"][0] == pytest.approx(scalars["train/surrogate_actual"], rel=1e-5)
    assert arrays["taken_kl"][0] == pytest.approx(scalars["train/kl"], rel=1e-5)
    promised = np.interp(arrays["taken_share"], arrays["shares"], arrays["promised"])
    assert promised[0] == pytest.approx(scalars["train/surrogate_predicted"], rel=1e-4)
    assert arrays["quadratic"][-1] == pytest.approx(0.01)


def test_a_search_that_found_nothing_says_so() -> None:
    subject, _recipe = learnt("trpo")
    agent = subject.agent
    agent.tries, agent.promised = [(1.0, 0.02, 0.1), (0.8, 0.011, -0.1)], 0.3  # type: ignore[attr-defined]
    frame = drawn(subject)
    assert "None of 2 tries" in frame.meta["words"]
    assert not len(frame.arrays["taken_share"])
    assert frame.arrays["promised"][-1] == pytest.approx(0.3)


@pytest.mark.parametrize("edited", [{"target_kl": 1e-6}, {"limit_kl": False}])
def test_an_edit_after_the_update_leaves_its_search_as_it_was(edited: dict[str, float]) -> None:
    subject, _recipe = learnt("trpo")
    while not subject.agent.update(10_000).scalars.get("train/step_accepted"):
        pass
    before = drawn(subject)
    subject.agent.edit(subject.agent.config.edited(edited))
    after = drawn(subject)
    assert after.meta == before.meta
    assert after.arrays.keys() == before.arrays.keys()
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(after.arrays[name], array)
    assert len(after.arrays["taken_share"]) == 1


def test_a_search_without_a_bound_has_none_in_its_picture() -> None:
    subject, _recipe = learnt("trpo", limit_kl=False)
    subject.agent.edit(subject.agent.config.edited({"limit_kl": True}))
    assert "quadratic" not in drawn(subject).arrays


def test_it_fits_who_searches_and_draws_nothing_before_the_first_update() -> None:
    environment = catalog.environment("CartPole-v1")
    assert SPEC.fits(catalog.algorithm("trpo"), environment)
    assert not SPEC.fits(catalog.algorithm("ppo"), environment)
    recipe = catalog.resolve("trpo", "CartPole-v1", config={}, environment_config={}, preset="", seed=0)
    algorithm, environment, world, agent = catalog.build(recipe)
    assert drawn(Subject(agent, algorithm, environment, world)).arrays == {}
