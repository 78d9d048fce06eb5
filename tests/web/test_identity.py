"""Tokens, cookies and codes."""

import time
from typing import Any

import pytest

from app.web.identity import CODE_HOURS, COOKIE_DAYS, Identity, code_signer, cookie_name, make_code


def headers(**values: str) -> Any:
    return values.get


def test_the_command_line_makes_codes_that_the_server_takes() -> None:
    identity = Identity("secret", "start 1")
    assert identity.redeem(make_code(code_signer("secret", "start 1")))


def test_a_code_dies_with_the_server_that_gave_it() -> None:
    code = Identity("secret", "start 1").new_code()
    assert not Identity("secret", "start 2").redeem(code)


@pytest.mark.parametrize("code", ["", "x", "a.b.c", "é", "\x00", "." * 10_000])
def test_garbage_is_no_code(code: str) -> None:
    assert not Identity("secret", "start").redeem(code)


def test_a_session_survives_a_restart_of_the_server() -> None:
    session = Identity("secret", "start 1").new_session()
    assert Identity("secret", "start 2").knows(headers(cookie=f"{cookie_name(80)}={session}"), 80)


def test_a_session_dies_with_the_token() -> None:
    session = Identity("secret", "start").new_session()
    assert not Identity("another", "start").knows(headers(cookie=f"{cookie_name(80)}={session}"), 80)


def test_a_code_is_no_session_and_a_session_no_code() -> None:
    identity = Identity("secret", "start")
    assert not identity.redeem(identity.new_session())
    assert not identity.knows(headers(cookie=f"{cookie_name(80)}={identity.new_code()}"), 80)


def test_codes_and_sessions_grow_old(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = Identity("secret", "start")
    code, cookie = identity.new_code(), f"{cookie_name(80)}={identity.new_session()}"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + CODE_HOURS * 3600 + 5)
    assert not identity.redeem(code)
    assert identity.knows(headers(cookie=cookie), 80)
    monkeypatch.setattr(time, "time", lambda: now + COOKIE_DAYS * 86400 + 5)
    assert not identity.knows(headers(cookie=cookie), 80)


def test_a_wrong_token_beside_a_good_cookie_is_refused() -> None:
    identity = Identity("secret", "start")
    cookie = f"{cookie_name(80)}={identity.new_session()}"
    assert not identity.knows(headers(authorization="Bearer wrong", cookie=cookie), 80)


def test_a_huge_cookie_is_not_even_read() -> None:
    identity = Identity("secret", "start")
    assert not identity.knows(headers(cookie="a=b; " * 10_000), 80)
