"""How programs of the same account find the local server: two small files in its data folder."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

OWNER_FILE = "server.json"
TOKEN_FILE = "token"
TOKEN_VARIABLE = "RL_PLAYGROUND_TOKEN"


@dataclass(frozen=True)
class Owner:
    """The process that owns a data folder. `url` is empty where it is not a server; `instance` differs at each start."""

    pid: int
    url: str
    instance: str


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one move."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def write_owner(folder: Path, owner: Owner) -> None:
    """Say who owns the data folder."""
    write_private(folder / OWNER_FILE, json.dumps(asdict(owner)))


def read_owner(folder: Path) -> Owner | None:
    """Return who said last that it owns the folder, or None. A crash leaves the file behind: ask the URL."""
    try:
        found = json.loads((folder / OWNER_FILE).read_text(encoding="utf-8"))
        return Owner(pid=int(found["pid"]), url=str(found["url"]), instance=str(found["instance"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_token(folder: Path) -> str | None:
    """Return the folder's token, or None where none was made yet."""
    try:
        return (folder / TOKEN_FILE).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def ensure_token(folder: Path) -> str:
    """Return the folder's token, made at the first call and kept for good."""
    token = read_token(folder)
    if token is None:
        token = secrets.token_urlsafe(32)
        write_private(folder / TOKEN_FILE, token + "\n")
    return token
