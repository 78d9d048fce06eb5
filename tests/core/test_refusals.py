"""Refused values in our words, each with a way out."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from app.core.refusals import violation


class Example(BaseModel):
    """One of each."""

    whole: Annotated[int, Field(ge=1, le=9)] = 1
    strict: Annotated[int, Field(strict=True)] = 1
    part: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.5
    text: Annotated[str, Field(min_length=1, max_length=3)] = "a"
    switch: bool = True
    names: Annotated[dict[str, Any], Field(max_length=1)] = {}
    items: Annotated[list[int], Field(max_length=1)] = []
    unit: Literal["step", "update"] = "step"


@pytest.mark.parametrize(
    ("values", "rule", "way_out"),
    [
        ({"whole": -4}, "must be ≥ 1", "The smallest allowed is 1."),
        ({"whole": 10}, "must be ≤ 9", "The largest allowed is 9."),
        ({"whole": "abc"}, "must be a whole number", "For example 1"),
        ({"whole": 1.5}, "must be a whole number", "For example 1"),
        ({"strict": "1"}, "must be a whole number", "For example 1"),
        ({"part": 0.0}, "must be > 0", "above 0"),
        ({"part": 1.0}, "must be < 1", "below 1"),
        ({"part": "x"}, "must be a number", "For example 0.5"),
        ({"part": float("nan")}, "must be a finite number", "finite"),
        ({"text": "long"}, "must have at most 3 characters", "Shorten"),
        ({"text": ""}, "must have at least 1 characters", "Leave it out"),
        ({"text": 5}, "must be text", "quotes"),
        ({"switch": "maybe"}, "must be true or false", "true or false"),
        ({"names": []}, "must be an object", '{"name": value}'),
        ({"names": {"a": 1, "b": 2}}, "must have at most 1 entries", "Leave some out"),
        ({"items": {}}, "must be a list", "brackets"),
        ({"unit": "day"}, "must be one of 'step' or 'update'", "Choose"),
    ],
)
def test_a_refusal_is_in_our_words_and_has_a_way_out(values: dict[str, Any], rule: str, way_out: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Example.model_validate(values)
    found = violation(caught.value.errors()[0], "here")
    assert (found.where, found.rule) == ("here", rule)
    assert way_out in found.way_out


def test_a_kind_without_words_keeps_its_own_and_points_to_the_reference() -> None:
    found = violation({"type": "strange", "msg": "Input should be odd", "input": 2}, "here")
    assert str(found) == "here=2: input should be odd. /docs describes what is expected here."
