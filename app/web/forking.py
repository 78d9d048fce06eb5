"""Forks: a new run that continues from a kept checkpoint of another, with other hyperparameters where its state allows.

What is not named is as in the checkpoint, not as in the parent now: forking from before an edit undoes the edit. A fork into
another algorithm is the next stage of a chain: it starts at step 0 from the model in the checkpoint.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from app.core.errors import InvalidInput, Missing, Refused, Violation, shorten
from app.core.specs import AlgorithmSpec
from app.core.text import _, filled
from app.jobs import labels, lineage
from app.protocol.runs import ForkRequest
from app.store import checkpoints
from app.store import runs as run_rows
from app.store.database import Store
from app.store.runs import TERMINAL, RunNew, RunRow
from app.web import failing, forms
from app.web.forms import Field

PRICE_OF_LEAVING = 1.0  # β where a reward model rewards


def new_run(store: Store, connection: Any, catalog: ModuleType, *, parent: int, body: ForkRequest) -> RunNew:
    """Return the row of a fork.

    Raises:
        Missing: no such run or checkpoint.
        Refused: nothing to fork from, or the algorithm's code changed since.
        InvalidInput: a value out of bounds, or one that the checkpoint has settled.
        CheckpointDamaged: the checkpoint's manifest cannot be read.
    """
    row = run_rows.get(connection, parent)
    if row is None:
        raise Missing.one("run", parent, _("there is no such run"))
    spec = catalog.algorithm(row.algorithm)
    _check_versions(row, spec, catalog.environment(row.environment).version)
    saved = _checkpoint(connection, row, body.checkpoint)
    kept, world = lineage.configs_of(store, connection, row.id, checkpoint=saved["id"])
    if body.algorithm is not None and body.algorithm != row.algorithm:
        return _next_stage(catalog, row, body, kept=kept, world=world, checkpoint=saved["id"])
    if body.preset is not None:
        rule, way_out = (
            _("a fork goes on with its checkpoint's configuration"),
            _("Leave it out, or name another stage."),
        )
        raise InvalidInput.one("preset", body.preset, rule, way_out)
    total = body.total_steps or (
        row.total_steps if row.total_steps > saved["step"] else saved["step"] + row.total_steps
    )
    if total <= saved["step"]:
        rule = filled(_("the checkpoint is at step {step} already"), step=saved["step"])
        raise InvalidInput.one("total_steps", total, rule, _("Name a larger budget or an earlier checkpoint."))
    recipe = catalog.resolve(
        row.algorithm,
        row.environment,
        config={**kept, **body.config},
        environment_config=world,
        preset="",
        total_steps=total,
        seed=row.seed if body.seed is None else body.seed,
    ).as_dict()
    check_settled(spec, recipe["config"], kept)
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
        speed=row.speed,
    )


def _next_stage(
    catalog: ModuleType, row: RunRow, body: ForkRequest, *, kept: dict[str, Any], world: dict[str, Any], checkpoint: str
) -> RunNew:
    """Return the row of a run of another algorithm that starts from the model of a checkpoint."""
    source, spec = catalog.algorithm(row.algorithm), catalog.algorithm(body.algorithm)
    is_language = {source.family, spec.family} == {"language"}
    if not is_language and labels.wants(body.config) and "labels" in spec.config.model_fields:
        return _learning_from(catalog, row, body, world=world)
    if not is_language:
        rule = _("does not go on from a checkpoint of {name}").format(name=source.name)
        way_out = _("Only the stages of a language model's training start from each other's model; start a new run.")
        raise InvalidInput.one("algorithm", spec.id, rule, way_out)
    shape = {name: kept[name] for name in _of_every_stage(catalog, spec.family) if name in kept}
    rewards = _reward_of(spec, row) if body.config.get("reward", lineage.REWARD_MODEL) == lineage.REWARD_MODEL else {}
    recipe = catalog.resolve(
        spec.id,
        row.environment,
        config={**rewards, **shape, **body.config},
        environment_config=world,
        preset=body.preset,
        total_steps=body.total_steps,
        seed=row.seed if body.seed is None else body.seed,
    ).as_dict()
    check_settled(spec, recipe["config"], shape)
    name = _("{name} → {stage}").format(name=row.name or f"#{row.id}", stage=spec.name)[:200]
    return RunNew(
        **recipe,
        name=name if body.name is None else body.name,
        tags=row.tags,
        step_unit=spec.step_unit,
        parent_run=row.id,
        parent_checkpoint=checkpoint,
    )


def _of_every_stage(catalog: ModuleType, family: str) -> set[str]:
    """Return the settled hyperparameters that every algorithm of a family has: those that shape the model they share."""
    stages = [spec for spec in catalog.algorithms().values() if spec.family == family]
    return set[str].intersection(*(set(spec.config.settled_names()) for spec in stages))


def _reward_of(spec: AlgorithmSpec, row: RunRow) -> dict[str, Any]:
    """Return who rewards a stage, where it can choose: the reward model of what it starts from, if there is one.

    Its score is right near what the reference writes alone, so leaving the reference has a price where there was none:
    with β = 0 PPO and GRPO follow the score to completions of which none is right, with 1 PPO, RLOO and GRPO keep 90 % and more.
    """
    fields = spec.config.model_fields
    if "reward" not in fields or not lineage.has_reward_model(row.algorithm, row.config):
        return {}
    is_free = "beta" in fields and fields["beta"].default == 0
    return {"reward": lineage.REWARD_MODEL} | ({"beta": PRICE_OF_LEAVING} if is_free else {})


def _learning_from(catalog: ModuleType, row: RunRow, body: ForkRequest, *, world: dict[str, Any]) -> RunNew:
    """Return the row of a run that starts with fresh networks, and learns from the labels of another."""
    spec = catalog.algorithm(body.algorithm)
    recipe = catalog.resolve(
        spec.id,
        row.environment,
        config=body.config,
        environment_config=world,
        preset=body.preset,
        total_steps=body.total_steps,
        seed=row.seed if body.seed is None else body.seed,
    ).as_dict()
    name = _("{name} → {stage}").format(name=row.name or f"#{row.id}", stage=spec.name)[:200]
    named = name if body.name is None else body.name
    return RunNew(**recipe, name=named, tags=row.tags, step_unit=spec.step_unit, parent_run=row.id)


def check_settled(spec: AlgorithmSpec, config: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
    """Refuse other values of what a checkpoint's state was built from; raises `InvalidInput`."""
    names = spec.config.settled_names()
    way_out = _(
        "Leave it out: a fork goes on with what the checkpoint was made of. Start a new run, or a new stage, to change it."
    )
    rule = _("the checkpoint's state was built with {value}")
    changed = [
        Violation(f"config.{name}", shorten(config[name]), rule.format(value=shorten(kept[name])), way_out)
        for name in names
        if name in kept and config[name] != kept[name]
    ]
    if changed:
        raise InvalidInput(changed)


def inputs(spec: AlgorithmSpec) -> list[Field]:
    """Return the empty inputs of what a fork may change."""
    settled = spec.config.settled_names()
    return [_empty(field) for field in forms.fields(spec.config, {}) if field.key not in settled]


def request_of(spec: AlgorithmSpec, form: Mapping[str, str]) -> dict[str, Any]:
    """Return the body that a form asks for; what is left empty is as in the checkpoint."""
    filled = {name: text for name, text in form.items() if text.strip()}
    filled |= {f"{name}.shown": "1" for name in filled}  # a switch that is named is meant
    body = {"config": forms.parse(spec.config, filled), "checkpoint": filled.get("checkpoint")}
    whole = {name: forms.whole(filled, name) for name in ("total_steps", "seed")}
    return {**body, **whole, "name": filled["name"].strip() if "name" in filled else None}


def _empty(field: Field) -> Field:
    is_switch = field.kind == "check"  # a choice here, so that it can be left open
    kind, choices = ("choice", ("true", "false")) if is_switch else (field.kind, field.choices)
    return replace(field, value="", default=_("as in the checkpoint"), kind=kind, choices=choices)


def _checkpoint(connection: Any, row: RunRow, wanted: str | None) -> dict[str, Any]:
    saved = failing.offered(connection, row) if wanted is None else checkpoints.get(connection, row.id, wanted)
    if saved is not None:
        return saved
    if wanted is not None:
        raise Missing.one("checkpoint", wanted, _("there is no such checkpoint"), _("Its run lists those kept."))
    if row.state not in TERMINAL:
        rule, way_out = _("this run has saved no state yet"), _("Wait a moment or start a new run.")
    else:
        rule, way_out = _("this run ended before it saved a state"), _("Start a new run.")
        if row.state == failing.FAILED:
            way_out = _(
                "Start a new run, with a lower learning rate if training diverged; the run's page links its recipe."
            )
    raise Refused.one("checkpoint", "none", rule, way_out)


def _check_versions(row: RunRow, spec: AlgorithmSpec, environment_version: int) -> None:
    now = {"algorithm_version": spec.version, "environment_version": environment_version}
    for name, version in now.items():
        then = row.provenance.get(name, version)
        if then != version:
            rule = _("the code is at version {version} now").format(version=version)
            raise Refused.one(name, then, rule, _("Start a new run with the same configuration."))
