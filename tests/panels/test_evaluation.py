"""The three replays of an evaluation have a picture wherever the browser knows the scene."""

from app import catalog
from app.core.specs import Subject
from app.panels.evaluation import SPEC, fits


def test_the_picture_is_the_scene_of_the_world() -> None:
    recipe = catalog.resolve("q_learning", "CliffWalking-v1")
    algorithm, environment_spec, environment, agent = catalog.build(recipe)
    frame = SPEC.compute(Subject(agent, algorithm, environment_spec, environment), SPEC.options())
    assert (frame.meta["drawing"], frame.meta["rows"], frame.meta["cols"]) == ("grid", 4, 12)
    assert fits(algorithm, environment_spec)
