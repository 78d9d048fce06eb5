"""Templates and static files: where they lie, how they are named, how they are sent.

Every static address carries one fingerprint of the whole folder, so that modules may import each other by relative
path and the browser may keep everything for good.
"""

import gzip
import hashlib
import mimetypes
import re
from functools import cache, lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from app.core.text import _

PACKAGED = Path(__file__).resolve().parent.parent / "_web"
CHECKOUT = Path(__file__).resolve().parent.parent.parent
COMMENT = re.compile(rb"\s*/\*.*?\*/", re.DOTALL)
STYLESHEET = "css/app.css"  # all of css/ in one answer
SERVED = ("css", "js", "img", "vendor")
PRESSED = {".css", ".js", ".mjs", ".svg", ".json"}
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
FOR_GOOD = "public, max-age=31536000, immutable"
FINGERPRINT_LETTERS = 12

router = APIRouter(include_in_schema=False)


def static_folder() -> Path:
    """Return the folder of static files: the packaged copy where there is one, else the checkout's."""
    return _folder("static")


def templates_folder() -> Path:
    """Return the folder of templates: the packaged copy where there is one, else the checkout's."""
    return _folder("templates")


def asset_url(name: str) -> str:
    """Return the address of a static file such as `js/main.js`."""
    return f"/static/{fingerprint()}/{name}"


@cache
def fingerprint() -> str:
    """Return a hash of every served file's name and content."""
    digest = hashlib.sha256()
    for path in _served_files():
        digest.update(path.relative_to(static_folder()).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:FINGERPRINT_LETTERS]


@cache
def stylesheet() -> bytes:
    """Return our stylesheets as one file without comments, the tokens first; the others name their layers, so their order is free."""
    paths = sorted(
        (static_folder() / "css").rglob("*.css"), key=lambda path: (path.name != "tokens.css", path.as_posix())
    )
    return COMMENT.sub(b"", b"\n".join(path.read_bytes() for path in paths))


@router.get("/static/{version}/{name:path}")
def static_file(version: str, name: str, request: Request) -> Response:
    """Send a static file, compressed where the browser takes it; kept for good under the current fingerprint."""
    body = content(name)
    if body is None:
        return PlainTextResponse(_("No such file."), status_code=404)
    suffix = Path(name).suffix
    is_pressed = suffix in PRESSED and "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": FOR_GOOD if version == fingerprint() else "no-cache", "Vary": "Accept-Encoding"}
    if is_pressed:
        headers["Content-Encoding"] = "gzip"
    media_type = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(_pressed(body) if is_pressed else body, media_type=media_type, headers=headers)


@router.get("/favicon.ico")
def favicon() -> Response:
    """Send the mark to browsers that ask without being told."""
    return Response((static_folder() / "img" / "mark.svg").read_bytes(), media_type=TYPES[".svg"])


def content(name: str) -> bytes | None:
    """Return a served file's bytes, or None for any name that leads elsewhere."""
    if name == STYLESHEET:
        return stylesheet()
    if not set(name.split("/")).isdisjoint({"", ".", ".."}) or name.split("/")[0] not in SERVED or "\0" in name:
        return None
    path = (static_folder() / name).resolve()
    return path.read_bytes() if path.is_relative_to(static_folder().resolve()) and path.is_file() else None


@lru_cache(maxsize=256)
def _pressed(body: bytes) -> bytes:
    return gzip.compress(body, 9, mtime=0)


def _served_files() -> list[Path]:
    folder = static_folder()
    return sorted(path for top in SERVED for path in (folder / top).rglob("*") if path.is_file())


def _folder(name: str) -> Path:
    packaged = PACKAGED / name
    return packaged if packaged.is_dir() else CHECKOUT / name
