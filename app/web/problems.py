"""Every error of the API as problem details (RFC 9457): the value, the rule and the way out."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match

from app.core.errors import InvalidInput, Missing, PlaygroundError, Refused, Violation, shorten
from app.core.refusals import LISTED, violation
from app.core.text import _
from app.protocol.base import PATTERNS, Problem
from app.web.door import page

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """One kind of problem; `slug` is its place on the API page."""

    slug: str
    status: int
    title: str


KINDS: dict[str, Kind] = {
    kind.slug: kind
    for kind in (
        Kind("malformed", 400, _("The body is not usable JSON")),
        Kind("no-identity", 401, _("Who are you?")),
        Kind("cross-site", 403, _("The request comes from another site")),
        Kind("missing", 404, _("There is no such thing")),
        Kind("method", 405, _("This address does not take that method")),
        Kind("refused", 409, _("Not possible now")),
        Kind("changed", 412, _("It has changed since you read it")),
        Kind("too-large", 413, _("The body is too large")),
        Kind("media-type", 415, _("The body must be JSON")),
        Kind("host", 421, _("This is not the server for that host name")),
        Kind("invalid", 422, _("Invalid input")),
        Kind("busy", 503, _("Too much at once")),
        Kind("bug", 500, _("A fault of ours")),
    )
}
BY_STATUS = {kind.status: kind for kind in KINDS.values()}


class ProblemError(HTTPException):
    """A problem with its kind and the values it refuses; may be raised anywhere below the guard."""

    def __init__(
        self,
        slug: str,
        detail: str = "",
        *,
        violations: Sequence[Violation] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = KINDS[slug]
        self.violations = tuple(violations)
        text = detail or " ".join(str(violation) for violation in violations) or self.kind.title
        super().__init__(self.kind.status, text, dict(headers) if headers else None)

    @classmethod
    def one(cls, slug: str, where: str, value: object, *, rule: str, way_out: str = "") -> "ProblemError":
        """Build the problem of a single value."""
        return cls(slug, violations=[Violation(where, shorten(value), rule, way_out)])


def body_of(error: ProblemError, instance: str) -> dict[str, Any]:
    """Return the JSON of a problem."""
    faults = [
        {"where": item.where, "value": item.value, "rule": item.rule, "way_out": item.way_out}
        for item in error.violations
    ]
    return {
        "type": f"/docs#problem-{error.kind.slug}",
        "title": error.kind.title,
        "status": error.kind.status,
        "detail": error.detail,
        "instance": shorten(instance, 200),
        "errors": faults,
    }


def answer(error: ProblemError, path: str) -> Response:
    """Return the problem as JSON under /api, as a page elsewhere."""
    if is_api(path):
        content = json.dumps(body_of(error, path), ensure_ascii=False).encode("utf-8", "replace")
        return Response(content, error.kind.status, headers=error.headers, media_type=MEDIA_TYPE)
    lines = [str(item) for item in map(_for_a_person, error.violations)] or [error.detail]
    body = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    runs = f'<a href="/runs">{html.escape(_("All runs"))}</a> · ' if path.startswith("/runs") else ""
    home = f'<p>{runs}<a href="/">{html.escape(_("Back to the playground"))}</a></p>'
    return HTMLResponse(page(error.kind.title, body + home), error.kind.status, headers=error.headers)


def _for_a_person(violation: Violation) -> Violation:
    """Return it without a way out that names a route of the API: the page has links instead."""
    return replace(violation, way_out="") if "/api/" in violation.way_out else violation


def is_api(path: str) -> bool:
    """Return whether the path belongs to the API, which answers in JSON."""
    return path == "/api" or path.startswith("/api/")


def from_playground(error: PlaygroundError) -> ProblemError:
    """Return the problem of one of our own errors."""
    slug = "refused" if isinstance(error, Refused) else "missing" if isinstance(error, Missing) else "invalid"
    violations = error.violations if isinstance(error, InvalidInput) else ()
    return ProblemError(slug, str(error), violations=violations)


def from_http(error: HTTPException) -> ProblemError:
    """Return the problem of an exception raised by the framework."""
    if isinstance(error, ProblemError):
        return error
    kind = BY_STATUS.get(error.status_code, KINDS["malformed" if error.status_code < 500 else "bug"])
    return ProblemError(kind.slug, error.detail if kind.slug != "missing" else "", headers=error.headers)


def from_validation(error: RequestValidationError) -> ProblemError:
    """Return the problem of a request that does not match its model."""
    return ProblemError("invalid", violations=[_violation(item) for item in error.errors()[:LISTED]])


def _violation(item: Mapping[str, Any]) -> Violation:
    location = [str(part) for part in item["loc"]]
    return violation(item, ".".join(location[1:]) or location[0], PATTERNS)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""

    def handler(convert: Any) -> Any:
        async def handle(request: Request, error: Exception) -> Response:
            problem = convert(error)
            if problem.status_code == 405:
                problem.headers = {"Allow": ", ".join(_methods(request))}
            return answer(problem, request.scope["path"])

        return handle

    app.add_exception_handler(PlaygroundError, handler(from_playground))
    app.add_exception_handler(HTTPException, handler(from_http))
    app.add_exception_handler(RequestValidationError, handler(from_validation))


def _methods(request: Request) -> list[str]:
    """Return every method that the address takes; the framework names those of the first matching route only."""
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    routes = request.app.router.routes
    taken = {method: {**request.scope, "method": method} for method in methods}
    return [method for method, scope in taken.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)]


def documented(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of the problems an operation may answer with."""
    entries: dict[int | str, dict[str, Any]] = {}
    for slug in slugs:
        kind = KINDS[slug]
        schema = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
        entries[kind.status] = {"description": kind.title, "content": {MEDIA_TYPE: schema}}
    return entries
