"""Serving: a port is taken first, then everything else is opened behind it; a signal ends all of it within seconds."""

import errno
import logging
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType

import uvicorn

from app.core.errors import InvalidInput
from app.core.text import _
from app.settings import DEFAULT_PORT, Settings

PORTS_TRIED = 100
BACKLOG = 512
LOOPBACK = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
LOCAL = frozenset({"localhost", *LOOPBACK})


def bind(settings: Settings) -> tuple[list[socket.socket], int]:
    """Return listening sockets and their port: the named one, or the default one, or the next that is free.

    Raises:
        InvalidInput: a named port is taken, or other machines could reach the address.
    """
    _check_loopback(settings)
    first = settings.port or DEFAULT_PORT
    tried = 1 if settings.port is not None else PORTS_TRIED
    for port in range(first, min(first + tried, 65536)):
        try:
            return _listen(settings.host, port), port
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise InvalidInput.one("host", settings.host, str(error.strerror or error)) from None
    rule = _("is taken") if tried == 1 else _("and the {count} after it are taken").format(count=tried - 1)
    raise InvalidInput.one("port", first, rule, _("Name another one with --port."))


def _check_loopback(settings: Settings) -> None:
    """Refuse to listen where others can reach: everyone who has the token may do everything, and nothing is encrypted."""
    if settings.host not in LOCAL:
        rule = _("only this machine may reach the server, as long as it knows no accounts")
        tunnel = f"ssh -L {settings.port or DEFAULT_PORT}:127.0.0.1:{settings.port or DEFAULT_PORT}"
        way_out = _("Leave --host out, and from another machine use a tunnel: {tunnel} this-machine.")
        raise InvalidInput.one("host", settings.host, rule, way_out.format(tunnel=tunnel))


def address(settings: Settings, port: int) -> str:
    """Return the URL that reaches the server from this machine."""
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, *, open_browser: bool = False, announce: Callable[[str], None]) -> None:
    """Serve until a signal or Ctrl-C; streams get a farewell, then workers and store are closed.

    Args:
        announce: told the address with its one-use code, once requests are answered.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    sockets, port = bind(settings)
    try:
        _serve(settings.model_copy(update={"port": port}), sockets, open_browser=open_browser, announce=announce)
    finally:
        for item in sockets:
            item.close()


def _serve(
    settings: Settings, sockets: list[socket.socket], *, open_browser: bool, announce: Callable[[str], None]
) -> None:
    from app.web.app import create_app  # after the port is taken: these imports take most of the start
    from app.web.kernels import warm
    from app.web.opening import opened

    assert settings.port is not None
    url = address(settings, settings.port)
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        with opened(settings, url=url) as playground:
            server = _Server(
                uvicorn.Config(
                    create_app(playground),
                    log_level=settings.log_level,
                    access_log=False,
                    server_header=False,
                    ws="none",
                    lifespan="on",
                    timeout_graceful_shutdown=max(1, round(settings.stop_s)),
                )
            )
            entrance = f"{url}/enter?code={playground.identity.new_code()}"
            kernels = threading.Thread(target=warm, args=(playground.catalog,), name="kernels", daemon=True)

            def ready() -> None:
                _ready(entrance, open_browser, announce)
                kernels.start()

            server.on_ready = ready
            server.on_leaving = playground.jobs.depart
            server.run(sockets=sockets)
    finally:
        signal.signal(signal.SIGTERM, previous)


class _Server(uvicorn.Server):
    """A server that says when it answers, and when it begins to stop."""

    on_ready: Callable[[], None] = staticmethod(lambda: None)
    on_leaving: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.on_leaving()
        await super().shutdown(sockets)


def _ready(entrance: str, open_browser: bool, announce: Callable[[str], None]) -> None:
    announce(entrance)
    if open_browser:
        threading.Thread(target=webbrowser.open, args=(entrance,), daemon=True).start()


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """End by an exception, so that every `finally` is run."""
    raise SystemExit(0)


def _listen(host: str, port: int) -> list[socket.socket]:
    """Return one socket for each of the two loopback addresses, as far as the machine has them; the host's first."""
    first = "::1" if host == "::1" else "127.0.0.1"
    made = [_socket(LOOPBACK[first], first, port)]
    other = "127.0.0.1" if first == "::1" else "::1"
    try:
        made.append(_socket(LOOPBACK[other], other, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            made[0].close()
            raise
    return made


def _socket(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    made = socket.socket(
        family, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # asyncio sets TCP_NODELAY only where this is said
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made
