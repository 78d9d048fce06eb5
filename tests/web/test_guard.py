"""The guard stands before every route (app/web/guard.py, app/web/door.py, app/web/identity.py through HTTP)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from app.web import guard
from app.web.app import create_app
from app.web.identity import cookie_name
from app.web.services import Playground
from tests.web.conftest import API, BASE, TOKEN

OPEN = {"/api/v1/health", "/static/{version}/{name:path}"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def walk(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield (method, path) of every route the router answers, included routers opened."""

    def inside(routes: Any, prefix: str) -> Iterator[tuple[str, str]]:
        for route in routes:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                yield from inside(inner.routes, prefix + route.include_context.prefix)
            else:
                methods = getattr(route, "methods", None) or {"GET"}
                yield from ((method, prefix + route.path) for method in sorted(methods - {"HEAD"}))

    return inside(app.router.routes, "")


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "1", path)


@pytest.fixture(scope="module")
def routes(playground: Playground) -> list[tuple[str, str]]:
    return list(walk(create_app(playground)))


def test_the_walk_finds_every_route(playground: Playground, routes: list[tuple[str, str]]) -> None:
    documented = {
        (method.upper(), path) for path, item in create_app(playground).openapi()["paths"].items() for method in item
    }
    # A path's {label:int} is documented as {label}.
    answered = {(method, re.sub(r":\w+}", "}", path)) for method, path in routes}
    assert documented <= answered
    assert ("GET", "/") in routes
    assert sum(1 for _method, path in routes if not path.startswith("/api")) > 10
    assert APIRoute  # the walk above relies on FastAPI's own route classes


def test_no_route_answers_without_identity(outside: TestClient, routes: list[tuple[str, str]]) -> None:
    for method, path in routes:
        if path not in OPEN:
            response = outside.request(method, filled(path))
            assert response.status_code == 401, (method, path)
            assert response.headers["WWW-Authenticate"] == "Bearer"


def test_every_route_refuses_another_host_name(outside: TestClient, routes: list[tuple[str, str]]) -> None:
    for method, path in routes:
        response = outside.request(method, filled(path), headers={"Host": "evil.example:8420", **BEARER})
        assert response.status_code == 421, (method, path)


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_every_route_refuses_other_sites(
    outside: TestClient, routes: list[tuple[str, str]], foreign: dict[str, str]
) -> None:
    for method, path in routes:
        response = outside.request(method, filled(path), headers={**foreign, **BEARER})
        assert response.status_code == 403, (method, path)


def test_a_form_of_ours_passes_though_its_origin_is_hidden(client: TestClient) -> None:
    own = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/runs", data={}, headers=own).status_code != 403
    assert client.post("/runs", data={}, headers={"Origin": "null"}).status_code == 403


def test_every_route_sends_the_security_headers(outside: TestClient, routes: list[tuple[str, str]]) -> None:
    for method, path in routes:
        response = outside.request(method, filled(path))
        for name, value in guard.SECURITY_HEADERS.items():
            assert response.headers[name] == value, (method, path)


def test_the_policy_allows_nothing_unsafe() -> None:
    policy = guard.SECURITY_HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_link_on_another_site_leads_to_a_page_with_an_open_link(outside: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    response = outside.get('/runs?q="><script>', headers=headers)
    assert response.status_code == 200
    assert 'href="/runs?q=' in response.text
    assert "<script>" not in response.text
    assert outside.post("/runs", headers=headers).status_code == 403


def test_a_doubled_slash_never_becomes_a_link_to_another_host(outside: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    response = outside.get(f"{BASE}//evil.example/", headers=headers)
    assert 'href="/"' in response.text
    assert "evil.example" not in response.text


def test_the_code_opens_the_door_once(outside: TestClient, playground: Playground) -> None:
    code = playground.identity.new_code()
    first = outside.get("/enter", params={"code": code})
    assert first.status_code == 200
    assert 'http-equiv="refresh"' in first.text
    cookie = first.headers["Set-Cookie"]
    assert cookie.startswith(f"{cookie_name(8420)}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert outside.get(f"{API}/runs").status_code == 200
    outside.cookies.clear()
    again = outside.get("/enter", params={"code": code})
    assert again.status_code == 401
    assert "Set-Cookie" not in again.headers


def test_a_cross_site_link_does_not_use_up_the_code(outside: TestClient, playground: Playground) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    code = playground.identity.new_code()
    assert "Set-Cookie" not in outside.get("/enter", params={"code": code}, headers=headers).headers
    assert "Set-Cookie" in outside.get("/enter", params={"code": code}).headers
    outside.cookies.clear()


def test_enter_takes_only_get(outside: TestClient, playground: Playground) -> None:
    response = outside.post("/enter", params={"code": playground.identity.new_code()})
    assert response.status_code == 405


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer wrong", "Basic " + TOKEN, f"Bearer {TOKEN}x", "Bearer é"])
def test_a_wrong_token_is_no_identity(outside: TestClient, value: str) -> None:
    response = outside.get(f"{API}/runs", headers={"Authorization": value.encode()})
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert TOKEN not in response.text


def test_the_page_for_strangers_says_how_to_get_in(outside: TestClient) -> None:
    response = outside.get("/runs")
    assert response.status_code == 401
    assert "rl-playground token --url" in response.text
    assert "<script" not in response.text


def test_the_cookie_of_another_port_is_no_identity(playground: Playground) -> None:
    session = playground.identity.new_session()
    with TestClient(create_app(playground), base_url=BASE, cookies={cookie_name(9999): session}) as client:
        assert client.get(f"{API}/runs").status_code == 401


def test_a_body_is_refused_by_its_announced_length(client: TestClient) -> None:
    response = client.post(f"{API}/runs", content=b"x" * 1_000_001)
    assert response.status_code == 413
    assert "1\u202f000\u202f000" in response.json()["detail"]
    fault = response.json()["errors"][0]
    assert (fault["where"], fault["value"]) == ("body", "1000001 bytes")
    assert fault["way_out"]


def test_a_streamed_body_is_counted(client: TestClient) -> None:
    chunks = (b" " * 100_000 for _time in range(20))
    response = client.post(f"{API}/runs", content=chunks, headers={"Content-Type": "application/json"})
    assert response.status_code == 413


def test_a_fault_of_ours_is_a_problem_with_a_mark(
    client: TestClient, playground: Playground, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(id: int) -> None:
        raise RuntimeError("a secret of the machine room")

    monkeypatch.setattr(playground, "run", broken)
    response = client.get(f"{API}/runs/1")
    assert response.status_code == 500
    assert "secret" not in response.text
    mark = response.json()["detail"].split()[-1].rstrip(".")
    assert mark in caplog.text
    assert response.headers["X-Content-Type-Options"] == "nosniff"
