"""Every action of every environment has a key of its own, declared or given out."""

from typing import Any

import pytest

from app import catalog
from app.web.playing import controls_of


@pytest.mark.parametrize("spec", catalog.environments().values(), ids=lambda spec: spec.id)
def test_every_action_has_a_key_of_its_own(spec: Any) -> None:
    if spec.missing() is not None or spec.kind == "language":
        return
    world = spec.make(spec.config())
    controls = controls_of(spec, world)
    keys = [control.key for control in controls]
    assert len(set(keys)) == len(keys)
    if world.action_bounds is None:
        idle = [spec.keys.index("")] if "" in spec.keys else []
        assert sorted([*(control.action for control in controls), *idle]) == list(range(world.n_actions))
    else:
        assert [(control.action, control.value) for control in controls] == [
            (place, value) for place, bounds in enumerate(world.action_bounds.tolist()) for value in bounds
        ]
