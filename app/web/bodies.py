"""JSON bodies as strictly as JSON itself: no NaN, no numbers beyond a float, no hidden characters, JSON only."""

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.core.errors import Violation, shorten
from app.core.text import _
from app.web.problems import ProblemError

MAX_TEXT = 20_000
MAX_DIGITS = 400
FINITE = _("JSON has no NaN and no infinity; send a finite number.")


class StrictRequest(Request):
    """A request whose JSON is read by `parse_json`."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """A route of the API: strict JSON, and no query parameter that it does not know."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()
        assert self.dependant is not None
        known = {field.alias for field in self.dependant.query_params}
        takes_body = self.body_field is not None

        async def handle(request: Request) -> Response:
            _check_query(request, known)
            strict = StrictRequest(request.scope, request.receive)
            if takes_body:
                await _check_media_type(strict)
            return await inner(strict)

        return handle


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ProblemError: malformed, or it holds a number or a text that cannot be kept.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_constant, parse_float=_float, parse_int=_int)
    except UnicodeDecodeError:
        raise ProblemError("malformed", _("The body is not UTF-8.")) from None
    except json.JSONDecodeError as error:
        text = _("Not JSON at line {line}, column {column}: {what}.")
        raise ProblemError("malformed", text.format(line=error.lineno, column=error.colno, what=error.msg)) from None
    except RecursionError:
        raise ProblemError("malformed", _("The body is nested too deeply.")) from None
    _check_texts(value)
    return value


def _constant(name: str) -> Any:
    raise _refused(name, _("is not JSON"), FINITE)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _refused(digits, _("is beyond the range of numbers"), FINITE)
    return number


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _refused(digits, _("has too many digits"), FINITE)
    return int(digits)


def _check_texts(value: Any) -> None:
    stack = [("body", value)]
    while stack:
        where, item = stack.pop()
        if isinstance(item, str):
            _check_text(where, item)
        elif isinstance(item, dict):
            for key, child in item.items():
                _check_text(where, key)
                stack.append((f"{where}.{key[:60]}", child))
        elif isinstance(item, list):
            stack.extend((where, child) for child in item)


def _check_text(where: str, text: str) -> None:
    if len(text) > MAX_TEXT:
        raise _refused(text, _("is too long"), _("At most {limit} characters.").format(limit=MAX_TEXT), where)
    for letter in text:
        if (letter < " " and letter not in "\n\t") or "\x7f" <= letter <= "\x9f" or "\ud800" <= letter <= "\udfff":
            raise _refused(text, _("holds a control character"), _("Leave it out."), where)


def _refused(value: str, rule: str, way_out: str, where: str = "body") -> ProblemError:
    name = where.removeprefix("body.")
    return ProblemError("invalid", violations=[Violation(shorten(name), shorten(value), rule, way_out)])


def _check_query(request: Request, known: set[str]) -> None:
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        way_out = _("Known here: {names}.").format(names=", ".join(sorted(known)) or _("none"))
        rule = _("unknown query parameter")
        raise ProblemError(
            "invalid",
            violations=[
                Violation(shorten(name), shorten(request.query_params[name]), rule, way_out) for name in unknown[:10]
            ],
        )


async def _check_media_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and await request.body():
        raise ProblemError.one(
            "media-type", "Content-Type", kind or _("nothing"), rule=_("must be application/json"),
        )  # fmt: skip
