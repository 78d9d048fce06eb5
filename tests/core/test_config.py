"""One declaration of a hyperparameter gives bounds, schema, help, live edits and errors with the way out."""

from typing import Any

import pytest
from pydantic import ValidationError, ValidationInfo, field_validator

from app.core.config import BrokenRule, Config, Hyper, bounds_of, hyper_of, limits_of
from app.core.errors import InvalidInput


class Example(Config):
    """A configuration with one of each."""

    gamma: float = Hyper(0.99, low=0, high=1, symbol=r"\gamma", help="Discount.")
    alpha: float = Hyper(0.1, above=0, high=1, live="step", scale="log", help="Step size.")
    n_envs: int = Hyper(8, low=1, high=256, unit="environments", help="Environments.")
    kind: str = Hyper("linear", choices=("linear", "constant"), live="update", help="Schedule.")
    is_on: bool = Hyper(True, help="Switch.")
    maze: str = Hyper("#S.G#" * 4, settled=True, help="Letters: # wall, S start, G goal.")

    @field_validator("maze")
    @classmethod
    def _check_maze(cls, text: str) -> str:
        if "S" not in text:
            raise ValueError("names no start S")
        return text


def test_defaults_are_a_configuration() -> None:
    assert Example.parse({}) == Example()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gamma": 1.2}, "config.gamma=1.2: must be ≤ 1. Allowed: ≥ 0 and ≤ 1; default 0.99."),
        ({"gamma": -0.1}, "config.gamma=-0.1: must be ≥ 0."),
        ({"alpha": 0.0}, "config.alpha=0.0: must be > 0. Allowed: > 0 and ≤ 1; default 0.1."),
        ({"gamma": float("nan")}, "config.gamma=nan: must be a finite number."),
        ({"gamma": float("inf")}, "must be"),
        ({"gamma": "0.9"}, "config.gamma=0.9: must be a number. Allowed: ≥ 0 and ≤ 1; default 0.99."),
        ({"gamma": True}, "config.gamma=True: "),
        ({"n_envs": 1_000_000_000}, "config.n_envs=1000000000: must be ≤ 256."),
        ({"n_envs": 10**400}, "config.n_envs=an integer of 1329 bits: "),
        ({"n_envs": 2.5}, "config.n_envs=2.5: "),
        ({"n_envs": True}, "config.n_envs=True: "),
        ({"n_envs": None}, "config.n_envs=None: must be a whole number. Allowed: ≥ 1 and ≤ 256"),
        ({"kind": "cubic"}, "config.kind=cubic: must be one of linear, constant. Default: linear."),
        ({"kind": "<script>" * 100_000}, "must be one of linear, constant"),
        ({"is_on": "maybe"}, "config.is_on=maybe: must be true or false. Default: True."),
        ({"maze": "..G"}, "config.maze=..G: names no start S. Letters: # wall, S start, G goal."),
        ({"gama": 0.9}, "config.gama=0.9: unknown name. Known here: gamma, alpha, n_envs, kind, is_on, maze."),
    ],
)
def test_a_refusal_names_value_rule_and_way_out(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Example.parse(values)
    assert message in str(refused.value)
    assert len(str(refused.value)) < 400


def test_every_violation_is_collected() -> None:
    with pytest.raises(InvalidInput) as refused:
        Example.parse({"gamma": 2, "n_envs": 0, "typo": 1}, "environment_config")
    places = {violation.where for violation in refused.value.violations}
    assert places == {"environment_config.gamma", "environment_config.n_envs", "environment_config.typo"}


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example().gamma = 0.5  # type: ignore[misc]


def test_live_names_and_edits() -> None:
    assert Example.live_names() == {"alpha": "step", "kind": "update"}
    edited = Example().edited({"alpha": 0.5})
    assert (edited.alpha, edited.gamma) == (0.5, 0.99)
    with pytest.raises(InvalidInput, match="alpha=2: must be ≤ 1"):
        Example().edited({"alpha": 2})


def test_what_a_saved_state_has_settled_is_known_by_name() -> None:
    assert Example.settled_names() == ("maze",)


def test_schema_carries_what_a_form_needs() -> None:
    alpha = Example.model_json_schema()["properties"]["alpha"]
    assert (alpha["exclusiveMinimum"], alpha["maximum"], alpha["default"]) == (0, 1, 0.1)
    assert alpha["description"] == "Step size."
    assert (alpha["hyper"]["live"], alpha["hyper"]["scale"]) == ("step", "log")
    assert Example.model_json_schema()["additionalProperties"] is False


def test_bounds_in_words() -> None:
    fields = Example.model_fields
    assert bounds_of(fields["n_envs"]) == "Allowed: ≥ 1 and ≤ 256; default 8."
    assert bounds_of(fields["is_on"]) == "Default: True."
    assert hyper_of(fields["gamma"])["symbol"] == r"\gamma"
    assert limits_of(fields["alpha"]) == (None, 1, 0)


class Pair(Config):
    """Two numbers with a rule between them."""

    most: int = Hyper(10, low=1, high=100, help="The most.")
    some: int = Hyper(5, low=1, high=100, help="Some of them.")
    even: int = Hyper(2, low=2, high=100, help="An even number.")

    @field_validator("some")
    @classmethod
    def _check_some(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data["most"]:
            raise BrokenRule("must be ≤ most", f"Use at most {info.data['most']}, or raise most.")
        return value

    @field_validator("even")
    @classmethod
    def _check_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


def test_the_way_out_of_a_broken_rule_is_the_rules_own_and_never_the_range() -> None:
    for values, sentence in (
        ({"some": 11}, "config.some=11: must be ≤ most. Use at most 10, or raise most."),
        ({"even": 3}, "config.even=3: must be even. An even number."),
    ):
        with pytest.raises(InvalidInput) as refused:
            Pair.parse(values)
        assert str(refused.value) == sentence
