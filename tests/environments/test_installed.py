"""Ids that the operator lists: offered with what gymnasium says of them, or absent with the reason."""

import numpy as np
import pytest

from app.core.folders import GYMNASIUM_VARIABLE
from app.environments.installed import declared, id_of, spec_of


def test_nothing_is_offered_where_nothing_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GYMNASIUM_VARIABLE, raising=False)
    assert list(declared()) == []


def test_listed_ids_are_offered_once_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GYMNASIUM_VARIABLE, "CartPole-v0, LunarLander-v3,,CartPole-v0")
    assert [spec.id for spec in declared()] == ["CartPole-v0", "LunarLander-v3"]


def test_a_listed_environment_is_what_gymnasium_says() -> None:
    spec = spec_of("CartPole-v0")
    environment = spec.make(spec.config())
    assert (environment.id, environment.max_episode_steps, spec.threshold) == ("CartPole-v0", 200, 195.0)
    assert (environment.n_actions, len(spec.actions), spec.action_kind) == (2, 2, "numbered")
    assert [axis.high for axis in spec.axes] == [pytest.approx(4.8), 3.0, pytest.approx(0.4189, abs=1e-4), 3.0]
    assert environment.is_replayable
    batch = environment.batch(2, 0, "environment", True)
    assert batch.reset().shape == (2, 4)
    assert spec.missing() is None


def test_continuous_actions_have_the_bounds_of_their_space() -> None:
    spec = spec_of("Pendulum-v1")
    np.testing.assert_array_equal(spec.make(spec.config()).action_bounds, [[-2, 2]])
    assert spec.action_kind == "continuous"


@pytest.mark.parametrize("name", ["NoSuch-v0", "no_such_module:Thing-v1", "Taxi-v3"])
def test_what_cannot_be_opened_is_absent_with_the_reason(name: str) -> None:
    spec = spec_of(name)
    absence = spec.missing()
    assert absence is not None
    assert "cannot be opened here" in absence[0]
    assert "gymnasium_ids" in absence[1]


def test_names_fit_an_address() -> None:
    assert id_of("module:ALE/Pong-v5") == "ALE-Pong-v5"
    assert id_of("CartPole-v0") == "CartPole-v0"
