"""Forks: a new run that continues from a kept checkpoint of another, with other live hyperparameters."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from app.core.errors import InvalidInput, Missing, Refused, Violation, shorten
from app.core.specs import AlgorithmSpec
from app.core.text import _
from app.protocol.runs import ForkRequest
from app.store import checkpoints, edits
from app.store import runs as run_rows
from app.store.runs import RunNew, RunRow


def new_run(connection: Any, catalog: ModuleType, parent: int, body: ForkRequest) -> RunNew:
    """Return the row of a fork.

    Raises:
        Missing: no such run or checkpoint.
        Refused: nothing to fork from, or the algorithm's code changed since.
        InvalidInput: a value out of bounds, or one that cannot change after an agent was built.
    """
    row = run_rows.get(connection, parent)
    if row is None:
        raise Missing.one("run", parent, _("there is no such run"))
    spec = catalog.algorithm(row.algorithm)
    _check_versions(row, spec, catalog.environment(row.environment).version)
    saved = _checkpoint(connection, row, body.checkpoint)
    total = body.total_steps or (
        row.total_steps if row.total_steps > saved["step"] else saved["step"] + row.total_steps
    )
    if total <= saved["step"]:
        rule = _("the checkpoint is at step {step} already").format(step=saved["step"])
        raise InvalidInput.one("total_steps", total, rule, _("Name a larger budget or an earlier checkpoint."))
    recipe = catalog.resolve(
        row.algorithm,
        row.environment,
        config={**_config_at(row, edits.list_(connection, parent), saved), **body.config},
        environment_config=row.environment_config,
        preset="",
        total_steps=total,
        seed=row.seed if body.seed is None else body.seed,
    ).as_dict()
    check_live(spec, body.config)
    name = body.name if body.name is not None else _("{name} (fork)").format(name=row.name or f"#{row.id}")[:200]
    return RunNew(
        **{**recipe, "preset": row.preset},
        name=name,
        tags=row.tags,
        step_unit=row.step_unit,
        parent_run=row.id,
        parent_checkpoint=saved["id"],
        eval_every_steps=row.eval_every_steps,
        eval_episodes=row.eval_episodes,
    )


def check_live(spec: AlgorithmSpec, changes: Mapping[str, Any]) -> None:
    """Refuse changes of what an agent was built from; raises `InvalidInput`."""
    live = spec.config.live_names()
    way_out = _("May change: {names}. Start a new run for the others.").format(names=", ".join(live) or _("nothing"))
    fixed = [
        Violation(f"config.{shorten(name)}", shorten(value), _("cannot change once the agent exists"), way_out)
        for name, value in changes.items()
        if name not in live
    ]
    if fixed:
        raise InvalidInput(fixed)


def _checkpoint(connection: Any, row: RunRow, wanted: str | None) -> dict[str, Any]:
    saved = checkpoints.last(connection, row.id) if wanted is None else checkpoints.get(connection, row.id, wanted)
    if saved is not None:
        return saved
    if wanted is not None:
        raise Missing.one("checkpoint", wanted, _("there is no such checkpoint"), _("Its run lists those kept."))
    raise Refused.one(
        "checkpoint", "none", _("this run has saved no state yet"), _("Wait a moment or start a new run.")
    )


def _config_at(row: RunRow, made: list[dict[str, Any]], saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration in force in the checkpoint: as started, then the edits made before it."""
    config = dict(row.config)
    for edit in made:
        step = edit["step"]
        is_before = step is not None and step <= saved["step"]
        if is_before and not (step == saved["step"] and saved["kind"] == "before_edit"):
            config.update(edit["config"])
    return config


def _check_versions(row: RunRow, spec: AlgorithmSpec, environment_version: int) -> None:
    now = {"algorithm_version": spec.version, "environment_version": environment_version}
    for name, version in now.items():
        then = row.provenance.get(name, version)
        if then != version:
            rule = _("the code is at version {version} now").format(version=version)
            raise Refused.one(name, then, rule, _("Start a new run with the same configuration."))
