"""The one door in front of every route: host, origin, identity, size of the body, security headers.

An ASGI wrapper and not a per-route dependency, so that a route cannot forget it.
"""

import logging
import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import shorten
from app.core.text import _, filled
from app.web import door
from app.web.identity import Identity, cookie_header
from app.web.problems import ProblemError, answer, is_api

logger = logging.getLogger(__name__)

HEALTH = "/api/v1/health"
ENTER = "/enter"
STATIC = "/static/"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Wraps the application.

    Args:
        names: further host names that requests may be addressed to.
        body_bytes: largest request body, counted as it streams in.
    """

    def __init__(self, app: ASGIApp, identity: Identity, names: Iterable[str], body_bytes: int) -> None:
        self._app = app
        self._identity = identity
        self._names = LOCAL_NAMES | {name.lower().rstrip(".") for name in names}
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, watched)
            else:
                await self._app(scope, self._counted(receive), watched)
        except ProblemError as error:
            await answer(error, scope["path"])(scope, receive, watched)
        except Exception:
            mark = secrets.token_hex(4)
            logger.exception("fault %s in %s %s", mark, scope["method"], scope["path"])
            if started:
                raise
            detail = _("The server's log has it under {mark}.").format(mark=mark)
            await answer(ProblemError("bug", detail), scope["path"])(scope, receive, watched)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return what is answered instead of the route, or None where the request may pass."""
        headers = Headers(scope=scope)
        self._check_host(headers)
        if _is_foreign(headers, scope):
            if _is_navigation(headers, scope):
                return HTMLResponse(door.from_another_site(_target(scope)))
            raise ProblemError("cross-site", _("Only pages of this server may send this request."))
        path, port = scope["path"], _port(scope)
        if path == HEALTH or path.startswith(STATIC):
            return None
        if path == ENTER:
            return self._enter(scope, headers, port)
        if not self._identity.knows(headers.get, port):
            return _who_are_you(path)
        _check_length(headers, self._body_bytes)
        return None

    def _check_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        name = _host_name(hosts[0]) if len(hosts) == 1 else None
        if name not in self._names:
            rule = _("is not a name of this server")
            way_out = _("Use localhost, or start the server with this name among its allowed hosts.")
            raise ProblemError.one("host", "Host", ", ".join(hosts), rule=rule, way_out=way_out)

    def _enter(self, scope: Scope, headers: Headers, port: int) -> Response:
        if scope["method"] != "GET":
            raise ProblemError("method", headers={"Allow": "GET"})
        code = _code(scope)
        if code and self._identity.redeem(code):
            cookie = cookie_header(port, self._identity.new_session())
            return HTMLResponse(door.welcome(), headers={"Set-Cookie": cookie, "Cache-Control": "no-store"})
        if self._identity.knows(headers.get, port):
            return HTMLResponse(door.welcome(), headers={"Cache-Control": "no-store"})
        return HTMLResponse(door.stale_code(), 401, headers={"Cache-Control": "no-store"})

    def _counted(self, receive: Receive) -> Receive:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._body_bytes:
                raise _too_large(received, self._body_bytes)
            return message

        return counted


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "private, no-cache")
        await send(message)

    return wrapped


def _is_foreign(headers: Headers, scope: Scope) -> bool:
    """Return whether a browser says that a page of another origin sent this (other ports of this host included)."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return True
    if origin == "null" and site == "same-origin":
        return False  # a form of ours: without a referrer browsers write its origin as null
    return origin is not None and origin != f"{scope['scheme']}://{headers['host']}"


def _is_navigation(headers: Headers, scope: Scope) -> bool:
    is_document = (
        headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"
    )
    return bool(scope["method"] == "GET" and is_document)


def _who_are_you(path: str) -> Response:
    if is_api(path):
        detail = _("Send the token that `rl-playground token` prints as `Authorization: Bearer …`.")
        return answer(ProblemError("no-identity", detail, headers={"WWW-Authenticate": "Bearer"}), path)
    return HTMLResponse(door.who_are_you(), 401, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})


def _check_length(headers: Headers, limit: int) -> None:
    length = headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 18 or int(length) > limit:
        raise _too_large(shorten(length), limit)


def _too_large(size: int | str, limit: int) -> ProblemError:
    rule = filled(_("must have at most {limit} bytes"), limit=limit)
    value = _("{size} bytes").format(size=size)
    return ProblemError.one("too-large", "body", value, rule=rule, way_out=_("A run needs far less: leave texts out."))


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _port(scope: Scope) -> int:
    server: Any = scope.get("server") or ("", 0)
    return int(server[1] or 0)


def _target(scope: Scope) -> str:
    """Return path and query for a link; a path that a browser would read as another host becomes the front page."""
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    target = bytes(raw).split(b"?")[0].decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
    return target if target.startswith("/") and target[1:2] not in ("/", "\\") else "/"


def _code(scope: Scope) -> str:
    for part in scope.get("query_string", b"").decode("latin-1").split("&"):
        name, _equals, value = part.partition("=")
        if name == "code":
            return str(value)
    return ""
