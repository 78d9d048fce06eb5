"""FrozenLake equals gymnasium's model outcome for outcome, and its exact numbers are the known ones."""

import gymnasium
import numpy as np
import pytest

from app.core.errors import InvalidInput
from app.environments.frozen_lake import SPEC, FrozenLakeConfig, model, references
from app.parts import tabular


@pytest.mark.parametrize("success_rate", [1.0 / 3.0, 0.8, 1.0, 0.0])
@pytest.mark.parametrize("is_slippery", [True, False])
@pytest.mark.parametrize("map_name", ["4x4", "8x8"])
def test_model_is_gymnasiums(map_name: str, is_slippery: bool, success_rate: float) -> None:
    arguments = {"map_name": map_name, "is_slippery": is_slippery, "success_rate": success_rate}
    peer = gymnasium.make("FrozenLake-v1", **arguments).unwrapped
    mdp = model(FrozenLakeConfig(**arguments))
    assert len(peer.P) == mdp.n_states
    for state, actions in peer.P.items():
        assert len(actions) == mdp.n_actions
        for action, outcomes in actions.items():
            for index in range(mdp.probabilities.shape[2]):
                where = (state, action, index)
                if index < len(outcomes):
                    assert tuple(array[where] for array in mdp.arrays) == outcomes[index]
                else:
                    assert mdp.probabilities[where] == 0.0
    np.testing.assert_array_equal(mdp.start, peer.initial_state_distrib)
    letters = {"S": "S", "F": ".", "H": "X", "G": "G"}
    assert mdp.layout is not None
    assert mdp.layout.cells == "".join(letters[letter.decode()] for letter in peer.desc.ravel())


@pytest.mark.parametrize("map_name", ["4x4", "8x8"])
def test_time_limit_is_the_registered_one(map_name: str) -> None:
    registered = {"4x4": "FrozenLake-v1", "8x8": "FrozenLake8x8-v1"}[map_name]
    limit = gymnasium.spec(registered).max_episode_steps
    assert SPEC.make(FrozenLakeConfig(map_name=map_name)).max_episode_steps == limit


@pytest.mark.parametrize("map_name", ["4x4", "8x8"])
def test_solved_is_the_registered_threshold_of_the_map(map_name: str) -> None:
    registered = {"4x4": "FrozenLake-v1", "8x8": "FrozenLake8x8-v1"}[map_name]
    assert SPEC.solved_at(FrozenLakeConfig(map_name=map_name)) == gymnasium.spec(registered).reward_threshold


@pytest.mark.parametrize("map_name", ["4x4", "8x8"])
@pytest.mark.parametrize("success_rate", [0.0, 0.2, 0.3, 0.5, 1.0])
def test_some_policy_reaches_the_threshold_on_any_ice(map_name: str, success_rate: float) -> None:
    config = FrozenLakeConfig(map_name=map_name, success_rate=success_rate)
    assert (SPEC.solved_at(config) or 0.0) <= references(config)[0].value


@pytest.mark.parametrize(("map_name", "value"), [("4x4", 0.5420), ("8x8", 0.4146)])
def test_value_of_the_start_at_gamma_99(map_name: str, value: float) -> None:
    assert tabular.optimal_values(model(FrozenLakeConfig(map_name=map_name)), 0.99)[0] == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize(
    ("map_name", "horizon", "optimum", "greedy", "random"),
    [("4x4", 100, 0.7442, 0.7402, 0.0139), ("8x8", 200, 0.9132, 0.863, 0.0019)],
)
def test_exact_returns_within_the_time_limit(
    map_name: str, horizon: int, optimum: float, greedy: float, random: float
) -> None:
    mdp = model(FrozenLakeConfig(map_name=map_name))
    v = tabular.optimal_values(mdp, 0.99)
    policy = tabular.greedy_policy(tabular.q_from_v(mdp, v, 0.99))
    assert tabular.finite_horizon_optimum(mdp, horizon) == pytest.approx(optimum, abs=5e-5)
    assert tabular.finite_horizon_return(mdp, policy, horizon) == pytest.approx(greedy, abs=5e-5)
    assert tabular.finite_horizon_return(mdp, tabular.uniform_policy(mdp), horizon) == pytest.approx(random, abs=5e-5)


def test_the_smallest_action_gap_is_known() -> None:
    mdp = model(FrozenLakeConfig())
    q = np.sort(tabular.q_from_v(mdp, tabular.optimal_values(mdp, 0.99), 0.99), axis=1)
    gaps = (q[:, -1] - q[:, -2])[mdp.reachable()]
    assert gaps[gaps > 1e-9].min() == pytest.approx(0.0143, abs=5e-5)


def test_references_are_exact() -> None:
    values = {reference.label: reference.value for reference in references(FrozenLakeConfig())}
    assert values["Optimum"] == pytest.approx(0.7442, abs=5e-5)


def test_bad_options_are_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"map_name=9x9: must be one of 4x4, 8x8"):
        FrozenLakeConfig.parse({"map_name": "9x9"}, "environment_config")
    with pytest.raises(InvalidInput, match=r"success_rate=1\.5: must be ≤ 1"):
        FrozenLakeConfig.parse({"success_rate": 1.5}, "environment_config")
