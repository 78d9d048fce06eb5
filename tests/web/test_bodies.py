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
        (b'{"a": "' + b"x" * 20_001 + b'"}', "invalid"),
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


def test_ordinary_json_passes() -> None:
    assert parse_json('{"a": [1, 2.5, null, true, "é\\n"]}'.encode()) == {"a": [1, 2.5, None, True, "é\n"]}
