"""Facts of an environment's table: the numbers a reader would count by hand."""

import pytest

from app import catalog
from app.web.world_facts import Dynamics, dynamics

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
