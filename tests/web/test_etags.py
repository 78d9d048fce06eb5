"""ETags and If-Match."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.web.etags import conditional, tag_of


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize("header", ['"abc"', 'W/"abc"', '"x", "abc"', "*"])
def test_what_the_browser_has_is_not_sent_again(header: str) -> None:
    response = conditional(request(if_none_match=header), Response(b"body"), '"abc"')
    assert (response.status_code, response.body, response.headers["etag"]) == (304, b"", '"abc"')


@pytest.mark.parametrize("header", ["", '"abcd"', "abc", '""'])
def test_anything_else_is_sent(header: str) -> None:
    response = conditional(request(if_none_match=header), Response(b"body"), '"abc"')
    assert (response.status_code, response.headers["etag"]) == (200, '"abc"')


def test_equal_bodies_have_equal_tags() -> None:
    assert tag_of(b"a") == tag_of(b"a") != tag_of(b"b")
    assert tag_of(b"a").startswith('"')
