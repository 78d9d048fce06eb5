"""Forks: a new run that starts from a checkpoint of another, which it keeps for itself so that the parent may be deleted."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.core.codecs import content_hash
from app.core.errors import CheckpointDamaged, InvalidInput, Missing
from app.core.text import _
from app.jobs import labels
from app.store import checkpoints, runs
from app.store.database import Store
from app.training.checkpoints import MANIFEST

INHERITED = "parent"
REWARD_MODEL = "reward_model"  # the stage that trains one, and the choice of learning from it
Connection = Any  # the store's; jobs only hand it from one function of the store to another


def parent_checkpoint_folder(run_folder: Path, checkpoint: str) -> Path:
    """Return where a forked run keeps the checkpoint it started from."""
    return run_folder / INHERITED / checkpoint


def origin_of(row: runs.RunRow, run_folder: Path) -> str | None:
    """Return the checkpoint of an earlier stage whose model a run starts from; None for a fork of the same algorithm."""
    if row.parent_checkpoint is None:
        return None
    folder = parent_checkpoint_folder(run_folder, row.parent_checkpoint)
    try:
        algorithm = json.loads((folder / MANIFEST).read_bytes())["meta"].get("algorithm", row.algorithm)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None  # the worker that reads it says what is wrong with it
    return None if algorithm == row.algorithm else str(folder)


def insert(store: Store, connection: Connection, new: runs.RunNew) -> int:
    """Create a queued run and return its id; a fork keeps the checkpoint `new.parent_checkpoint` of `new.parent_run`.

    Raises:
        Missing: the parent or its checkpoint does not exist (any more).
        InvalidInput: a reward model is to reward it, and what it starts from has none.
        Refused: it is to learn from stored labels and the parent has none.
    """
    source = None
    _check_reward(connection, new)
    if new.parent_run is not None and new.parent_checkpoint is not None:
        source = _kept_folder(store, connection, new.parent_run, checkpoint=new.parent_checkpoint)
    run = runs.create(connection, new)
    if source is not None:
        link_folder(source, parent_checkpoint_folder(store.run_folder(run), str(new.parent_checkpoint)))
    if labels.wants(new.config) and not _goes_on(connection, new):
        labels.hand_over(connection, new.parent_run, labels.folder_of(store.run_folder(run)))
    return run


def has_reward_model(algorithm: str, config: Mapping[str, Any]) -> bool:
    """Whether the checkpoints of a run hold a reward model: it trained one, or learned from one."""
    return REWARD_MODEL in (algorithm, config.get("reward"))


def _check_reward(connection: Connection, new: runs.RunNew) -> None:
    if new.config.get("reward") != REWARD_MODEL:
        return
    parent = runs.get(connection, new.parent_run) if new.parent_run is not None else None
    if parent is None or not has_reward_model(parent.algorithm, parent.config):
        rule = _("what this stage starts from has no reward model")
        way_out = _("Fork a run that trained one, naming this stage as `algorithm`; or let the task reward.")
        raise InvalidInput.one("config.reward", REWARD_MODEL, rule, way_out)


def _goes_on(connection: Connection, new: runs.RunNew) -> bool:
    """Whether a run is a fork of the same algorithm, whose checkpoint holds what it learned from."""
    parent = runs.get(connection, new.parent_run) if new.parent_run is not None else None
    return parent is not None and parent.algorithm == new.algorithm and new.parent_checkpoint is not None


def configs_of(
    store: Store, connection: Connection, run: int, *, checkpoint: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (hyperparameters, options of the environment) in force when a checkpoint was made, as its manifest says.

    Raises:
        Missing: the checkpoint does not exist (any more).
        CheckpointDamaged: its manifest cannot be read or was changed.
    """
    folder = _kept_folder(store, connection, run, checkpoint=checkpoint)
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        claimed, meta = manifest.pop("sha256"), manifest["meta"]
        config, world = dict(meta["config"]), dict(meta.get("environment_config") or {})
        is_whole = content_hash(manifest) == claimed
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        is_whole = False
    if not is_whole:
        raise CheckpointDamaged(_("checkpoint {id}: its {file} is damaged. Fork from another checkpoint.").format(
            id=checkpoint, file=MANIFEST
        ))  # fmt: skip
    return config, world


def _kept_folder(store: Store, connection: Connection, run: int, *, checkpoint: str) -> Path:
    folder = store.run_folder(run) / "checkpoints" / checkpoint
    if checkpoints.get(connection, run, checkpoint) is None or not folder.is_dir():
        raise Missing.one(
            "checkpoint", checkpoint, _("run {run} has no such checkpoint").format(run=run),
            _("GET /api/v1/runs/{run}/checkpoints lists those it keeps.").format(run=run),
        )  # fmt: skip
    return folder


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
