"""Who may come in: a bearer token for programs, a one-use code swapped for a cookie for browsers.

Both the cookie and the code are signed with the token, so they survive a restart of the server (cookie) or die with it
(code: it is bound to one start, and each is accepted once).
"""

import hmac
import secrets
import threading
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from itsdangerous import BadData, URLSafeTimedSerializer

COOKIE_DAYS = 30
CODE_HOURS = 24


class Identity:
    """Checks tokens, cookies and codes.

    Args:
        token: the data folder's secret.
        instance: a text that differs at each start of the server.
        is_fresh: `(issued_at) → bool` for tests; None uses the signature's own age.
    """

    def __init__(self, token: str, instance: str) -> None:
        self._token = token.encode()
        self._sessions = URLSafeTimedSerializer(token, salt="session")
        self._codes = code_signer(token, instance)
        self._used: set[str] = set()
        self._lock = threading.Lock()

    def new_code(self) -> str:
        """Return a code that opens the door once."""
        return make_code(self._codes)

    def redeem(self, code: str) -> bool:
        """Return whether the code is good; a good one is used up."""
        try:
            nonce = str(self._codes.loads(code, max_age=CODE_HOURS * 3600))
        except BadData:
            return False
        with self._lock:
            is_new = nonce not in self._used
            self._used.add(nonce)
        return is_new

    def new_session(self) -> str:
        """Return the value of a cookie."""
        return str(self._sessions.dumps(secrets.token_urlsafe(16)))

    def knows(self, header: Callable[[str], str | None], port: int) -> bool:
        """Return whether the request's headers carry the token or a good cookie of this port."""
        authorization = header("authorization")
        if authorization is not None:
            scheme, _space, token = authorization.partition(" ")
            return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token)
        value = _cookie(header("cookie"), cookie_name(port))
        if value is None:
            return False
        try:
            self._sessions.loads(value, max_age=COOKIE_DAYS * 86400)
        except BadData:
            return False
        return True


def code_signer(token: str, instance: str) -> URLSafeTimedSerializer:
    """Return what signs the codes of one start of the server; the command line makes fresh ones with it."""
    return URLSafeTimedSerializer(token, salt=f"code {instance}")


def make_code(signer: URLSafeTimedSerializer) -> str:
    """Return a fresh code."""
    return str(signer.dumps(secrets.token_urlsafe(9)))


def cookie_name(port: int) -> str:
    """Return the cookie's name; it carries the port, because browsers share cookies between the ports of a host."""
    return f"rl_playground_{port}"


def cookie_header(port: int, value: str) -> str:
    """Return the Set-Cookie header of a session."""
    return f"{cookie_name(port)}={value}; Path=/; Max-Age={COOKIE_DAYS * 86400}; HttpOnly; SameSite=Strict"


def _cookie(header: str | None, name: str) -> str | None:
    if header is None or len(header) > 16_000:
        return None
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        return None
    morsel = jar.get(name)
    return morsel.value if morsel else None
