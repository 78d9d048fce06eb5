"""Forks: a new run that starts from a checkpoint of another, which it keeps for itself so that the parent may be deleted."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.core.errors import Missing
from app.core.text import _
from app.store import checkpoints, runs
from app.store.database import Store

INHERITED = "parent"
Connection = Any  # the store's; jobs only hand it from one function of the store to another


def parent_checkpoint_folder(run_folder: Path, checkpoint: str) -> Path:
    """Return where a forked run keeps the checkpoint it started from."""
    return run_folder / INHERITED / checkpoint


def fork(store: Store, new: runs.RunNew) -> int:
    """Create a queued run that starts from `new.parent_checkpoint` of `new.parent_run`, and return its id.

    Raises:
        Missing: the parent or its checkpoint does not exist (any more).
    """
    assert new.parent_run is not None
    assert new.parent_checkpoint is not None
    parent, checkpoint = new.parent_run, new.parent_checkpoint

    def work(connection: Connection) -> int:
        source = store.run_folder(parent) / "checkpoints" / checkpoint
        if checkpoints.get(connection, parent, checkpoint) is None or not source.is_dir():
            raise Missing.one(
                "checkpoint", checkpoint, _("run {run} has no such checkpoint").format(run=parent),
                _("GET /api/v1/runs/{run}/checkpoints lists those it keeps.").format(run=parent),
            )  # fmt: skip
        run = runs.create(connection, new)
        link_folder(source, parent_checkpoint_folder(store.run_folder(run), checkpoint))
        return run

    return store.writer.do(work)


def newest(connection: Connection, run: int) -> str | None:
    """Return the checkpoint with the most steps, from which a run resumes, or None."""
    known = checkpoints.list_(connection, run)
    return str(max(known, key=age)["id"]) if known else None


def age(checkpoint: Mapping[str, Any]) -> tuple[int, int]:
    """Return what sorts checkpoints: the step, then the number at the end of the name."""
    number = str(checkpoint["id"]).rsplit("-", 1)[-1]
    return int(checkpoint["step"]), int(number) if number.isdecimal() else 0


def link_folder(source: Path, target: Path) -> None:
    """Make `target` hold the same files as `source`: by hard links where possible, checkpoints never change."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in source.iterdir():
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copy2(path, target / path.name)


def remove_files(store: Store, run: int) -> None:
    """Remove the folder of a deleted run."""
    shutil.rmtree(store.run_folder(run), ignore_errors=True)
