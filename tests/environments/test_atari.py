"""Atari games: as the Arcade Learning Environment declares them, or absent with the install command."""

import pytest

from app import catalog
from app.core.errors import UnknownName
from app.core.specs import EnvironmentSpec
from app.environments.atari import SPECS, open_atari


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_it_is_as_the_game_declares_it_or_absent_with_a_way_out(spec: EnvironmentSpec) -> None:
    environment = spec.make(spec.config())
    if spec.missing() is not None:
        with pytest.raises(UnknownName, match=r"pip install -e '\.\[atari\]'"):
            catalog.environment(spec.id)
        return
    peer = open_atari(f"ALE/{spec.id.removeprefix('ALE-')}")
    assert peer.observation_space.shape == (environment.observation_size,)
    assert peer.action_space.n == environment.n_actions == len(spec.actions)
    assert environment.is_replayable
    row = environment.batch(1, 0, "environment", True).reset()[0]
    assert 0 <= row.min() <= row.max() <= 1
