"""JSON bodies as strictly as JSON itself: no NaN, no numbers beyond a float, no hidden characters, JSON only."""

import json
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.core.config import LONGEST_TEXT
from app.core.errors import Violation, shorten
from app.core.text import _, filled
from app.web.problems import ProblemError

MAX_DIGITS = 400
WHOLE = "body"
TOO_LONG = _("must have at most {limit} characters")
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
        raise _malformed(_("is not UTF-8")) from None
    except json.JSONDecodeError as error:
        rule = _("is not JSON at line {line}, column {column}: {what}")
        near = error.doc[max(0, error.pos - 10) : error.pos + 10]
        raise _malformed(rule.format(line=error.lineno, column=error.colno, what=error.msg.lower()), near) from None
    except RecursionError:
        raise _malformed(_("is nested too deeply")) from None
    _check(value)
    return value


@dataclass(frozen=True)
class Unusable:
    """A number that JSON does not know or no float can hold; it stays in its place, so that the place can be named."""

    digits: str
    rule: str


def _constant(name: str) -> Any:
    return Unusable(name, _("is not JSON"))


def _float(digits: str) -> Any:
    number = float(digits)
    return number if math.isfinite(number) else Unusable(digits, _("is beyond the range of numbers"))


def _int(digits: str) -> Any:
    return int(digits) if len(digits) <= MAX_DIGITS else Unusable(digits, _("has too many digits"))


def _check(value: Any) -> None:
    stack = [("", value)]
    while stack:
        where, item = stack.pop()
        if isinstance(item, Unusable):
            raise _refused(where, item.digits, item.rule, FINITE)
        if isinstance(item, str):
            _check_text(where, item)
            if "." in where and len(item) > LONGEST_TEXT:  # texts of a model itself have smaller bounds of their own
                raise _refused(where, item, filled(TOO_LONG, limit=LONGEST_TEXT), _("Shorten it."))
        elif isinstance(item, dict):
            for key, child in item.items():
                _check_text(where, key)
                stack.append((f"{where}.{key[:60]}".lstrip("."), child))
        elif isinstance(item, list):
            stack.extend((f"{where}.{index}".lstrip("."), child) for index, child in enumerate(item))


def _check_text(where: str, text: str) -> None:
    for letter in text:
        if (letter < " " and letter not in "\n\t") or "\x7f" <= letter <= "\x9f" or "\ud800" <= letter <= "\udfff":
            raise _refused(where, text, _("holds a control character"), _("Leave it out."))


def _refused(where: str, value: str, rule: str, way_out: str) -> ProblemError:
    return ProblemError.one("invalid", shorten(where or WHOLE), value, rule=rule, way_out=way_out)


def _malformed(rule: str, value: str = "…") -> ProblemError:
    return ProblemError.one(
        "malformed", WHOLE, value, rule=rule, way_out=_("Send one JSON object; /docs has an example.")
    )


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
            way_out=_("Send the header Content-Type: application/json."),
        )  # fmt: skip
