"""From rows and SPECs to the models of the protocol."""

import inspect
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar, cast

from app.core.codecs import finite_or_null
from app.core.errors import Missing, UnknownName
from app.core.specs import AlgorithmSpec, EnvironmentSpec
from app.protocol.catalog import AlgorithmInfo, AxisInfo, EnvironmentInfo, PresetInfo, ReferenceInfo
from app.protocol.runs import Parent, Run, State, StepUnit
from app.store.runs import RunRow

API = "/api/v1"
Spec = TypeVar("Spec", AlgorithmSpec, EnvironmentSpec)


def run_model(row: RunRow, queue_position: int | None = None) -> Run:
    """Return a run as the API gives it."""
    parent = Parent(run=row.parent_run, checkpoint=row.parent_checkpoint) if row.parent_run else None
    return Run(
        id=row.id,
        name=row.name,
        tags=row.tags,
        algorithm=row.algorithm,
        environment=row.environment,
        environment_config=row.environment_config_now,
        preset=row.preset,
        config=row.config_now,
        seed=row.seed,
        state=cast(State, row.state),
        reason=row.reason,
        attempt=row.attempt,
        step=row.step,
        total_steps=row.total_steps,
        step_unit=cast(StepUnit, row.step_unit),
        speed=row.speed,
        queue_position=queue_position,
        progress=1.0 if row.state == "finished" else min(1.0, row.step / row.total_steps),
        latest={name: _finite(value) for name, value in row.latest.items()},
        best=row.best,
        clock_s=row.clock_s,
        receipt=row.receipt,
        created=row.created,
        started=row.started,
        ended=row.ended,
        provenance=row.provenance,
        parent=parent,
        flags=row.flags,
        links=run_links(row.id),
    )


def run_links(run: int) -> dict[str, str]:
    """Return the addresses of a run and of what belongs to it."""
    base = f"{API}/runs/{run}"
    parts = ("metrics", "frames", "events", "checkpoints", "episodes")
    return {"self": base, "page": f"/runs/{run}", **{part: f"{base}/{part}" for part in parts}}


def algorithm_info(catalog: ModuleType, spec: AlgorithmSpec) -> AlgorithmInfo:
    """Return an algorithm as the API gives it."""
    reasons = {name: catalog.misfit(spec, world) for name, world in catalog.environments().items()}
    presets = [
        PresetInfo(
            name=preset.name,
            environment=preset.environment,
            summary=preset.summary,
            source=preset.source,
            total_steps=preset.total_steps,
            config=dict(preset.config),
            environment_config=dict(preset.environment_config),
        )
        for name, reason in reasons.items()
        if not reason
        for preset in catalog.presets_for(spec.id, name).values()
    ]
    return AlgorithmInfo(
        id=spec.id,
        name=spec.name,
        summary=spec.summary,
        family=spec.family,
        version=spec.version,
        step_unit=spec.step_unit,
        default_steps=spec.default_steps,
        config_schema=spec.config.model_json_schema(),
        live={name: str(when) for name, when in spec.config.live_names().items()},
        fits=[name for name, reason in reasons.items() if not reason],
        misfits={name: reason for name, reason in reasons.items() if reason},
        presets=presets,
        emits=list(spec.emits),
        equations=_docstring(spec.agent),
        references=list(spec.references),
        parent=spec.parent,
        links={"self": f"{API}/algorithms/{spec.id}", "page": f"/learn/{spec.id}"},
    )


def environment_info(catalog: ModuleType, spec: EnvironmentSpec) -> EnvironmentInfo:
    """Return an environment, with its default options, as the API gives it."""
    config = spec.config()
    world = spec.make(config)
    references = [
        ReferenceInfo(label=item.label, value=finite_or_null(item.value), source=item.source)
        for item in spec.references(config)
    ]
    return EnvironmentInfo(
        id=spec.id,
        name=spec.name,
        summary=spec.summary,
        version=spec.version,
        kind=spec.kind,
        config_schema=spec.config.model_json_schema(),
        actions=list(spec.actions[: world.n_actions]),
        drawing=spec.drawing,
        size=spec.size,
        observation_size=world.observation_size,
        n_states=world.mdp.n_states if world.mdp is not None else None,
        max_episode_steps=world.max_episode_steps,
        axes=[AxisInfo(name=axis.name, unit=axis.unit, low=axis.low, high=axis.high) for axis in spec.axes],
        threshold=spec.threshold,
        success=spec.success,
        references=references,
        fits=[name for name, other in catalog.algorithms().items() if not catalog.misfit(other, spec)],
        source=spec.source,
        live={name: str(when) for name, when in spec.config.live_names().items()},
        links={"self": f"{API}/environments/{spec.id}", "page": f"/learn/environments/{spec.id}"},
    )


def known(lookup: Callable[[str], Spec], name: str) -> Spec:
    """Return what an address names; an unknown name there is a missing page and not a wrong value."""
    try:
        return lookup(name)
    except UnknownName as error:
        raise Missing(error.violations) from None


def _docstring(agent: Any) -> str:
    module = inspect.getmodule(agent)
    return inspect.cleandoc(module.__doc__ or "") if module else ""


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None
