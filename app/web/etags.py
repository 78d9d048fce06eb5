"""ETags: what has not changed is not sent again, and an edit of what changed meanwhile is refused."""

import hashlib
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from app.core.codecs import canonical_json
from app.core.text import _
from app.protocol.runs import Run
from app.web.kept import Body
from app.web.problems import ProblemError

EDITABLE = ("name", "tags", "speed", "config", "environment_config")


def tag_of(body: bytes) -> str:
    """Return the strong ETag of a body."""
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def run_tag(run: Run, body: bytes) -> str:
    """Return the ETag of a run: what a PATCH may change, then the whole, because steps go on while a form is open."""
    return f'"{editable_tag(run)}.{hashlib.sha256(body).hexdigest()[:16]}"'


def editable_tag(run: Run) -> str:
    """Return the part of a run's ETag that If-Match compares."""
    values = [getattr(run, name) for name in EDITABLE]
    return hashlib.sha256(canonical_json(values).encode()).hexdigest()[:16]


def conditional(request: Request, response: Response, tag: str) -> Response:
    """Return the response with its ETag, or 304 where the browser has it already."""
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return response


def check_if_match(header: str | None, run: Run) -> None:
    """Refuse an edit whose If-Match names another version of what it edits.

    Raises:
        ProblemError: 412.
    """
    if header is None or header.strip() == "*":
        return
    mine = editable_tag(run)
    given = [item.strip().strip('"').split(".")[0] for item in header.split(",")]
    if mine not in given:
        way_out = _("Read the run again, then repeat the edit with its ETag.")
        raise ProblemError.one("changed", "If-Match", header, rule=_("is not the run's version"), way_out=way_out)


def body_of(value: Any) -> Body:
    """Return JSON (no NaN in it) with its ETag."""
    content = to_json(value)  # ten times as fast as json.dumps where there are many numbers
    return Body(content, tag_of(content))


def body_response(request: Request, body: Body) -> Response:
    """Return JSON that was made before."""
    return conditional(request, Response(body.content, media_type="application/json"), body.tag)


def json_response(request: Request, value: Any, *, tag: str | None = None) -> Response:
    """Return JSON (no NaN in it) with an ETag."""
    body = body_of(value)
    return conditional(request, Response(body.content, media_type="application/json"), tag or body.tag)


def _matches(header: str, tag: str) -> bool:
    given = [item.strip().removeprefix("W/") for item in header.split(",")]
    return tag in given or "*" in given
