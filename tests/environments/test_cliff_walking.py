"""CliffWalking equals gymnasium's model outcome for outcome, has a time limit, and its optimum is the known one."""

import gymnasium
import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.environments.cliff_walking import SPEC, CliffWalkingConfig, model, references
from app.parts import tabular


@pytest.mark.parametrize("is_slippery", [False, True])
def test_model_is_gymnasiums(is_slippery: bool) -> None:
    peer = gymnasium.make("CliffWalking-v1", is_slippery=is_slippery).unwrapped
    mdp = model(is_slippery)
    assert len(peer.P) == mdp.n_states
    for state, actions in peer.P.items():
        assert len(actions) == mdp.n_actions
        for action, outcomes in actions.items():
            assert len(outcomes) == mdp.probabilities.shape[2]
            for index, outcome in enumerate(outcomes):
                assert tuple(array[state, action, index] for array in mdp.arrays) == outcome
    np.testing.assert_array_equal(mdp.start, peer.initial_state_distrib)


@pytest.mark.parametrize(("is_slippery", "optimum"), [(False, -13.0), (True, -64.7)])
def test_optimum(is_slippery: bool, optimum: float) -> None:
    mdp = model(is_slippery)
    assert tabular.optimal_values(mdp, 1.0)[36] == pytest.approx(optimum, abs=0.05)
    assert references(CliffWalkingConfig(is_slippery=is_slippery))[0].value == pytest.approx(optimum, abs=0.05)


def test_slipping_costs_less_than_a_hundredth_to_the_default_time_limit() -> None:
    mdp = model(True)
    endless = tabular.optimal_values(mdp, 1.0)[36]
    assert tabular.finite_horizon_optimum(mdp, CliffWalkingConfig().max_episode_steps) == pytest.approx(
        endless, abs=0.01
    )


def test_walking_in_circles_is_cut() -> None:
    environment = SPEC.make(CliffWalkingConfig(max_episode_steps=20))
    batch = environment.batch(1, 0, "environment", False)
    batch.reset()
    steps = [batch.step(np.array([3])).truncated[0] for _ in range(40)]
    assert np.flatnonzero(steps).tolist() == [19, 39]


def test_a_limit_that_no_path_fits_in_is_refused() -> None:
    with pytest.raises(InvalidInput, match="max_episode_steps=12: must be ≥ 13"):
        CliffWalkingConfig.parse({"max_episode_steps": 12}, "environment_config")
