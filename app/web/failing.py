"""What is said of a run that failed: which checkpoint a fork of it goes on from, and where its recipe is filled in again."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from app.core.text import _, filled
from app.store import checkpoints, edits
from app.store.runs import RunRow
from app.web import forms, recipe

FAILED = "failed"


def offered(connection: Any, row: RunRow) -> dict[str, Any] | None:
    """Return the checkpoint that a fork goes on from where none is named, or None where the run keeps none."""
    return soundest(row, checkpoints.list_(connection, row.id), edits.list_(connection, row.id))


def soundest(row: RunRow, kept: Sequence[dict[str, Any]], made: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the checkpoint of a run that a fork had best go on from, or None where none is kept.

    It is the last. One written shortly before a failure may be spoilt already: of a failed run it is the one before the
    newest edit of its hyperparameters, else the best, else the last.

    Args:
        row: the run.
        kept: its checkpoints, oldest first.
        made: its edits.
    """
    last = max(kept, key=lambda item: (item["created"], item["step"]), default=None)
    if row.state != FAILED:
        return last
    edited = {edit["step"] for edit in made if edit["kind"] == edits.CONFIG and not edit["refused"]}
    sound = [item for item in kept if item["kind"] == "before_edit" and item["step"] in edited]
    sound = sound or [item for item in kept if item["kind"] == "best"]
    return sound[-1] if sound else last


def preset_id(row: RunRow, kept: Sequence[dict[str, Any]], made: Sequence[dict[str, Any]]) -> str:
    """Return the id of the soundest checkpoint, which the form of a fork starts with; empty where none is kept."""
    found = soundest(row, kept, made)
    return str(found["id"]) if found else ""


def told(connection: Any, row: RunRow) -> str:
    """Return the reason of a run's state; of a failed one with what can be forked."""
    if row.state != FAILED:
        return row.reason
    saved = offered(connection, row)
    way_on = _("It kept no checkpoint, so there is nothing to fork from.")
    if saved is not None:
        way_on = filled(
            _("A fork goes on from step {step} ({kind}), unless another checkpoint is chosen."),
            step=saved["step"],
            kind=saved["kind"].replace("_", " "),
        )
    reason = row.reason if not row.reason or row.reason.endswith((".", "!", "?")) else f"{row.reason}."
    return f"{reason} {way_on}".strip()


def recipe_url(catalog: ModuleType, row: RunRow) -> str:
    """Return the address of Play with the recipe that a run was started with; empty where it can no longer be chosen."""
    asked = {"environment": row.environment, "algorithm": row.algorithm, "preset": recipe.DEFAULTS}
    for prefix, values in (("config", row.config), ("environment_config", row.environment_config)):
        asked |= {f"{prefix}.{name}": forms.show(value) for name, value in values.items()}
    choice = recipe.read(catalog, {**asked, "total_steps": str(row.total_steps), "seed": str(row.seed)})
    return "" if choice.notice else choice.url()
