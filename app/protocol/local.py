"""How programs of the same account find the local server: two small files in its data folder."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

OWNER_FILE = "owner.json"
TOKEN_FILE = "token"
TOKEN_VARIABLE = "RL_PLAYGROUND_TOKEN"
URL_VARIABLE = "RL_PLAYGROUND_URL"


@dataclass(frozen=True)
class Owner:
    """The process that owns a data folder. `url` is empty where it is not a server; `instance` differs at each start."""

    pid: int
    url: str
    instance: str


def read_owner(folder: Path) -> Owner | None:
    """Return who said last that it owns the folder, or None. A crash leaves the file behind: ask the URL."""
    try:
        found = json.loads((folder / OWNER_FILE).read_text(encoding="utf-8"))
        return Owner(int(found["pid"]), str(found.get("url", "")), str(found.get("instance", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def read_token(folder: Path) -> str | None:
    """Return the folder's token, or None where none was made yet."""
    try:
        return (folder / TOKEN_FILE).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def ensure_token(folder: Path) -> str:
    """Return the folder's token, made at the first call (mode 0600) and kept for good."""
    token = read_token(folder)
    if token is None:
        token = secrets.token_urlsafe(32)
        temporary = folder / f".{TOKEN_FILE}.{os.getpid()}"
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(token + "\n")
        temporary.replace(folder / TOKEN_FILE)
    return token
