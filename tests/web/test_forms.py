"""Forms made from a Config."""

import pytest

from app.core.config import Config, Hyper
from app.core.errors import InvalidInput, Violation
from app.web import forms


class Example(Config):
    """One hyperparameter of every kind."""

    alpha: float = Hyper(0.1, low=0, high=1, symbol=r"\alpha", unit="per step", live="step", help="Step size.")
    count: int = Hyper(3, low=1, high=9, help="How many.", advanced=True)
    kind: str = Hyper("a", choices=("a", "b"), help="Which.")
    on: bool = Hyper(True, help="Whether.")
    text: str = Hyper("x", max_length=500, help="Rows.")


class Wide(Config):
    """One with a large bound."""

    many: int = Hyper(64, low=2, high=1_000_000, help="How many.")


def by_key(**values: object) -> dict[str, forms.Field]:
    return {field.key: field for field in forms.fields(Example, values)}


def test_a_field_shows_everything_the_declaration_says() -> None:
    field = by_key()["alpha"]
    assert (field.kind, field.value, field.symbol, field.unit) == ("number", "0.1", r"\alpha", "per step")
    assert (field.bounds, field.help, field.live) == ("0 to 1", "Step size.", "step")


def test_each_type_has_its_input() -> None:
    kinds = {key: field.kind for key, field in by_key().items()}
    assert kinds == {"alpha": "number", "count": "whole", "kind": "choice", "on": "check", "text": "area"}


def test_a_changed_value_is_marked() -> None:
    fields = by_key(alpha=0.5)
    assert fields["alpha"].is_changed
    assert not fields["count"].is_changed


def test_a_number_can_be_copied_from_where_its_thousands_stand_apart() -> None:
    assert forms.parse(Example, {"config.count": "1\u202f048\u202f576"}) == {"count": 1_048_576}
    assert forms.whole({"total_steps": "1\u202f000 000"}, "total_steps") == 1_000_000
    assert forms.parse(Example, {"config.text": "1\u202f000"}) == {"text": "1\u202f000"}, "a text stays as it was typed"


def test_bounds_beside_an_input_have_their_thousands_apart() -> None:
    field = next(field for field in forms.fields(Wide, {}) if field.key == "many")
    assert field.bounds == "2 to 1\u202f000\u202f000"


def test_text_becomes_typed_values() -> None:
    form = {
        "config.alpha": "5e-1",
        "config.count": "4",
        "config.kind": "b",
        "config.on.shown": "1",
        "config.text": "r\r\ns",
    }
    assert forms.parse(Example, form) == {"alpha": 0.5, "count": 4, "kind": "b", "on": False, "text": "r\ns"}


def test_an_address_says_yes_and_no_in_words() -> None:
    assert forms.parse(Example, {"config.on": "false"}) == {"on": False}
    assert forms.parse(Example, {"config.on": "true"}) == {"on": True}
    assert forms.parse(Example, {"config.on": "perhaps"}) == {"on": "perhaps"}


def test_text_that_is_no_number_stays_for_the_config_to_refuse() -> None:
    values = forms.parse(Example, {"config.alpha": "much", "config.count": "1.5"})
    assert values == {"alpha": "much", "count": 1.5}


def test_a_rounded_default_is_no_change() -> None:
    third = 1 / 3
    values = forms.parse(Example, {"config.alpha": forms.show(third)}, base={"alpha": third})
    assert values == {"alpha": third}


def test_a_refused_value_carries_its_rule() -> None:
    error = InvalidInput([Violation("config.alpha", "7", "must be ≤ 1", "Allowed: ≤ 1.")])
    fields = forms.fields(Example, {"alpha": 7}, violations=error.violations)
    assert fields[0].error == "must be ≤ 1. Allowed: ≤ 1."
    assert fields[0].value == "7"


def test_a_long_text_is_kept_whole_for_its_own_bound_to_refuse() -> None:
    text = "S" * 50_000
    found = forms.parse(Example, {"config.text": text})
    assert found == {"text": text}
    with pytest.raises(InvalidInput, match="must have at most 500 characters"):
        Example.parse(found)
