"""MiniGrid's rooms: as minigrid declares them where the extra is installed, absent with the install command where it is not."""

import numpy as np
import pytest

from app import catalog
from app.core.errors import UnknownName
from app.core.specs import EnvironmentSpec
from app.environments.minigrid import SPECS, open_minigrid

FORWARD, RIGHT = 2, 1


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_it_is_as_minigrid_declares_it_or_absent_with_a_way_out(spec: EnvironmentSpec) -> None:
    environment = spec.make(spec.config())
    if spec.missing() is not None:
        with pytest.raises(UnknownName, match=r"pip install -e '\.\[minigrid\]'"):
            catalog.environment(spec.id)
        return
    peer = open_minigrid(spec.id)
    assert peer.observation_space.shape == (7, 7, 3)
    assert (peer.action_space.n, peer.unwrapped.max_steps) == (environment.n_actions, environment.max_episode_steps)
    assert len(spec.actions) == environment.n_actions
    assert environment.is_replayable
    batch = environment.batch(1, 0, "environment", True)
    observations = batch.reset()
    np.testing.assert_allclose(observations[0], peer.reset(seed=batch.episode_seed(0))[0].ravel() / 10, atol=1e-6)


def test_the_shortest_way_through_the_empty_room_earns_the_optimum() -> None:
    spec = SPECS[0]
    if spec.missing() is not None:
        assert spec.id in catalog.absent()
        return
    batch = spec.make(spec.config()).batch(1, 0, "environment", True)
    batch.reset()
    for action in (FORWARD, FORWARD, RIGHT, FORWARD, FORWARD):
        step = batch.step(np.array([action]))
    assert step.terminated[0]
    np.testing.assert_allclose(step.rewards[0], spec.references(spec.config())[0].value)
