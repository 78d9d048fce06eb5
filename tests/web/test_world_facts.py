"""Facts of an environment's table: the numbers a reader would count by hand."""

import pytest

from app import catalog
from app.web.scenes import scene_of
from app.web.world_facts import Dynamics, dynamics, dynamics_of, size_of

FACTS = {
    "CliffWalking-v1": Dynamics("always in the same state", "certain: an action has one outcome", "−100, −1"),
    "FrozenLake-v1": Dynamics("always in the same state", "by chance: up to 3 outcomes of one action", "0, 1"),
}


@pytest.mark.parametrize("name", FACTS)
def test_the_table_is_said_in_words(name: str) -> None:
    assert dynamics(catalog.environment(name)) == FACTS[name]


def test_taxi_starts_anywhere_but_at_its_destination() -> None:
    """25 places, 4 passengers' places, 3 other destinations."""
    found = dynamics(catalog.environment("Taxi-v4"))
    assert found is not None
    assert found.starts == "in one of 300 states"
    assert found.rewards == "−10, −1, 20"


def test_what_has_no_table_has_no_facts() -> None:
    assert dynamics(catalog.environment("CartPole-v1")) is None


def test_every_environment_can_be_said_in_words() -> None:
    for spec in catalog.environments().values():
        found = dynamics(spec)
        assert (found is None) == (spec.kind != "tabular")


def test_the_words_follow_the_options_of_the_world() -> None:
    lake = catalog.environment("FrozenLake-v1")
    assert dynamics_of(lake, {"is_slippery": False}) == Dynamics(
        "always in the same state", "certain: an action has one outcome", "0, 1"
    )
    assert size_of(lake, scene_of(lake, {"map_name": "8x8"})) == "64 states, 4 actions"
    assert dynamics_of(lake, {"map_name": "9x9"}) is None, "what is refused is not described"
    pole = catalog.environment("CartPole-v1")
    assert size_of(pole, scene_of(pole, {})) == pole.size


@pytest.mark.parametrize("word", ["slippery", "−0.1"])
def test_no_summary_names_a_value_that_an_option_may_change(word: str) -> None:
    assert [spec.id for spec in catalog.environments().values() if word in spec.summary] == []
