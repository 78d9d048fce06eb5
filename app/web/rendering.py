"""Jinja: one environment, the words templates may use, and how a page or a fragment becomes an answer."""

import gzip
import json
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.core.text import _
from app.web.assets import asset_url, templates_folder

LEAST_PRESSED = 2_000  # bytes; smaller answers gain nothing
PRESS_LEVEL = 5


class PageRoute(APIRoute):
    """A route whose pages leave compressed where the browser takes it: a lesson of 125 KB takes 20."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the compression around it."""
        handle = super().get_route_handler()

        async def pressed(request: Request) -> Response:
            response = await handle(request)
            takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
            if takes_gzip and isinstance(response, HTMLResponse) and len(response.body) >= LEAST_PRESSED:
                response.body = gzip.compress(bytes(response.body), PRESS_LEVEL, mtime=0)
                response.headers["Content-Encoding"] = "gzip"
                response.headers["Content-Length"] = str(len(response.body))
            return response

        return pressed


@cache
def templates() -> Environment:
    """Return the template environment; an undefined name is an error, and everything is escaped."""
    made = Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"_": _, "asset": asset_url}
    made.filters |= {"number": number, "steps": steps, "size": size, "compact_json": compact_json, "moment": moment}
    return made


def page(name: str, context: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    """Return a template as an answer that no cache keeps."""
    text = templates().get_template(name).render(context)
    return HTMLResponse(
        text, status, headers={"Cache-Control": "no-store", "Vary": "HX-Request, Accept-Encoding", **(headers or {})}
    )


def is_fragment(request: Request) -> bool:
    """Return whether htmx asks, which wants the fragment alone."""
    return request.headers.get("hx-request") == "true"


def number(value: float | None, digits: int = 4) -> str:
    """Return a number as people read it: 4 significant digits, thousands apart, a true minus."""
    if value is None:
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−").replace(",", "\u202f")
    if abs(value) < 1e-3 or abs(value) >= 1e9:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


def steps(value: float) -> str:
    """Return a count in few letters: 1,200 → 1 200; 1,500,000 → 1.5 M."""
    for limit, letter in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}\u202f{letter}"
    return number(value)


def size(value: float) -> str:
    """Return bytes as KB or MB."""
    return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.1f} KB"


def compact_json(value: Any) -> str:
    """Return a value as a configuration table shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def moment(value: str | None) -> str:
    """Return an ISO time as date and time of day in UTC, without fractions."""
    return value[:19].replace("T", " ") if value else "–"
