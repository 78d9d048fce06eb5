"""The agent panel hands the browser its scene."""

from app import catalog
from app.core.specs import Subject
from app.panels.agent import SPEC, AgentOptions, scene


def test_a_grid_scene_carries_its_cells() -> None:
    algorithm, spec, environment, agent = catalog.build(catalog.resolve("q_learning", "CliffWalking-v1"))
    meta = SPEC.compute(Subject(agent, algorithm, spec, environment), AgentOptions()).meta
    assert (meta["drawing"], meta["rows"], meta["cols"]) == ("grid", 4, 12)
    assert len(meta["cells"]) == 48


def test_every_environment_but_text_has_a_scene() -> None:
    for environment in catalog.environments().values():
        assert SPEC.fits(catalog.algorithm("ppo"), environment) == (environment.kind != "language"), environment.id


def test_a_scene_of_several_maps_says_where_each_state_is() -> None:
    _algorithm, spec, environment, _agent = catalog.build(catalog.resolve("q_learning", "Blackjack-v1"))
    meta = scene(spec, environment)
    assert meta["drawing"] == "cards"
    assert meta["planes"] == ["no usable ace", "usable ace"]
    assert len(meta["cell_states"]) == 2
