"""Wiring: the data folder's lock, its store, the supervisor and the hub, as one playground. Server and `train` share it."""

import importlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from app.jobs.hub import Hub
from app.jobs.supervisor import Supervisor
from app.protocol.local import ensure_token
from app.settings import Settings
from app.store.database import Store, private_folder
from app.store.lock import DataFolderLock
from app.web.identity import Identity
from app.web.services import Playground


@contextmanager
def opened(settings: Settings, *, url: str = "") -> Iterator[Playground]:
    """Own the data folder while the block runs; workers and store are closed at its end, however it ends.

    Args:
        url: where a server of this process answers; empty where it is none.

    Raises:
        FolderInUse: another process owns the folder.
        InvalidInput: the folder cannot be used.
    """
    folder = private_folder(Path(settings.data))
    with DataFolderLock(folder) as lock:
        instance = secrets.token_hex(8)
        identity = Identity(ensure_token(folder), instance)
        lock.write_owner(url=url, instance=instance)
        store = Store(folder, group_commit_s=settings.commit_ms / 1000)
        hub = Hub()
        playground = Playground(
            settings,
            store=store,
            hub=hub,
            jobs=Supervisor(store, hub, settings),
            identity=identity,
            load_catalog=_load_catalog,
        )
        try:
            yield playground
        finally:
            playground.close()


def _load_catalog() -> ModuleType:
    return importlib.import_module("app.catalog")
