"""Taxi equals gymnasium's model outcome for outcome, dry and in rain, and its optimum is 7.93."""

import gymnasium
import numpy as np
import pytest

from app.environments.taxi import SPEC, TaxiConfig, layout, model, references
from app.parts import tabular


@pytest.mark.parametrize("is_rainy", [False, True])
def test_model_is_gymnasiums(is_rainy: bool) -> None:
    peer = gymnasium.make("Taxi-v4", is_rainy=is_rainy).unwrapped
    mdp = model(TaxiConfig(is_rainy=is_rainy))
    for state, actions in peer.P.items():
        for action, outcomes in actions.items():
            for index, outcome in enumerate(outcomes):
                assert tuple(array[state, action, index] for array in mdp.arrays) == outcome
            assert not mdp.probabilities[state, action, len(outcomes) :].any()
    np.testing.assert_array_equal(mdp.start, peer.initial_state_distrib)


def test_time_limit_and_actions_are_gymnasiums() -> None:
    registered = gymnasium.spec("Taxi-v4")
    environment = SPEC.make(TaxiConfig())
    assert environment.max_episode_steps == registered.max_episode_steps
    assert environment.n_actions == len(SPEC.actions)


def test_the_optimum_is_7_93_and_below_the_registered_threshold() -> None:
    mdp = model(TaxiConfig())
    assert mdp.start @ tabular.optimal_values(mdp, 1.0) == pytest.approx(7.93, abs=1e-9)
    assert references(TaxiConfig())[0].value == pytest.approx(7.93, abs=1e-9)
    assert gymnasium.spec("Taxi-v4").reward_threshold == 8


def test_rain_costs_about_four() -> None:
    assert references(TaxiConfig(is_rainy=True))[0].value == pytest.approx(3.9546, abs=1e-4)


def test_every_state_in_which_one_acts_lies_on_exactly_one_map() -> None:
    states = layout().cell_states
    assert states is not None
    assert states.shape == (16, 25)
    assert sorted(states.ravel()) == np.flatnonzero(model(TaxiConfig()).reachable()).tolist()


def test_walls_of_the_layout_are_where_the_taxi_stops() -> None:
    mdp = model(TaxiConfig())
    for cell, right in layout().walls:
        assert mdp.next_states[cell * 20, 2, 0] == cell * 20
        assert mdp.next_states[right * 20, 3, 0] == right * 20
