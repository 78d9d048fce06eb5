"""Exclusive ownership of a data folder: one operating system lock, released by the kernel however the process ends.

Beside the lock lies `owner.json` (mode 0600) with the owner's process and address, so that a second start can say who it
is and a client of the same account can find the server.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, Self

from app.core.errors import InvalidInput, Violation
from app.core.text import _

LOCK_NAME = "lock"
OWNER_NAME = "owner.json"


class FolderInUse(InvalidInput):
    """Another process owns the data folder; `owner` is what it wrote about itself."""

    def __init__(self, folder: Path, owner: dict[str, Any]) -> None:
        self.owner = owner
        who = _("process {pid}").format(pid=owner["pid"]) if owner.get("pid") else _("another process")
        at = f" ({owner['url']})" if owner.get("url") else ""
        rule = _("is in use by {who}").format(who=who + at)
        super().__init__(
            [Violation("data", str(folder), rule, _("Open that one, stop it, or name another folder with --data."))]
        )


class DataFolderLock:
    """The lock of a data folder, held from construction to `release()` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            FolderInUse: another process holds it.
        """
        self.folder = folder.expanduser().absolute()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor: int | None = os.open(self.folder / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _lock(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            self._descriptor = None
            raise FolderInUse(self.folder, read_owner(self.folder)) from None
        self.write_owner()

    def write_owner(self, **about: Any) -> None:
        """Say who owns the folder: the process, and what is given (`url`, `port`)."""
        path = self.folder / OWNER_NAME
        temporary = path.with_suffix(".tmp")
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"pid": os.getpid(), **about}, file)
        temporary.replace(path)

    def release(self) -> None:
        """Give the folder up; a second call does nothing."""
        if self._descriptor is not None:
            (self.folder / OWNER_NAME).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()


def read_owner(folder: Path) -> dict[str, Any]:
    """Return what the owner of a folder wrote about itself (`pid`, `url`, `port`), or {} where there is nothing to read."""
    try:
        owner = json.loads((folder / OWNER_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
