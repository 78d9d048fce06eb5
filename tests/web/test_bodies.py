"""Strict JSON."""

import pytest

from app.web.bodies import parse_json
from app.web.problems import ProblemError


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"\xff", "malformed"),
        (b"[" * 200_000, "malformed"),
        (b'{"a": NaN}', "invalid"),
        (b'{"a": -Infinity}', "invalid"),
        (b'{"a": 1e400}', "invalid"),
        (b'{"a": -1e999999}', "invalid"),
        (b'{"a": ' + b"9" * 5000 + b"}", "invalid"),
        (b'{"a": "\\u0000"}', "invalid"),
        (b'{"a\\u0007": 1}', "invalid"),
        (b'{"a": "\\ud800"}', "invalid"),
        (b'{"a": ["\\u009f"]}', "invalid"),
        (b'{"a": {"b": "' + b"x" * 40_001 + b'"}}', "invalid"),
    ],
)
def test_what_is_no_usable_json_is_refused(body: bytes, slug: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_json(body)
    assert caught.value.kind.slug == slug
    assert len(str(caught.value.detail)) < 400


def test_the_place_of_a_hidden_character_is_named() -> None:
    with pytest.raises(ProblemError) as caught:
        parse_json(b'{"config": {"layout": "S\\u0000G"}}')
    assert caught.value.violations[0].where == "config.layout"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"config": {"alpha": NaN}}', "config.alpha"),
        (b'{"seed": 1e400}', "seed"),
        (b'{"config": {"sizes": [1, -Infinity]}}', "config.sizes.1"),
        (b"NaN", "body"),
    ],
)
def test_a_number_that_is_none_is_named_by_its_key(body: bytes, where: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_json(body)
    assert caught.value.violations[0].where == where
    assert "finite" in caught.value.violations[0].way_out


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 200_000])
def test_malformed_json_is_a_refused_value_with_a_way_out(body: bytes) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_json(body)
    found = caught.value.violations[0]
    assert found.where == "body"
    assert found.rule.startswith("is ")
    assert "/docs" in found.way_out


def test_a_long_text_is_left_to_the_bound_of_its_field() -> None:
    assert len(parse_json(b'{"name": "' + b"x" * 900_000 + b'"}')["name"]) == 900_000


def test_ordinary_json_passes() -> None:
    assert parse_json('{"a": [1, 2.5, null, true, "é\\n"]}'.encode()) == {"a": [1, 2.5, None, True, "é\n"]}
