"""Runs as the API takes and gives them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.protocol.base import (
    Answer,
    CheckpointId,
    Identifier,
    PresetName,
    Request,
    RunName,
    Seed,
    Speed,
    Steps,
    Tags,
    Values,
)

State = Literal["queued", "starting", "running", "pausing", "paused", "stopping", "finished", "stopped", "failed"]
TERMINAL: tuple[State, ...] = ("finished", "stopped", "failed")
StepUnit = Literal["env_step", "sweep", "update"]


class RunCreate(Request):
    """What to train on what. Only `algorithm` and `environment` are needed; the answer shows what was resolved."""

    algorithm: Identifier = Field(description="Id from /algorithms.", examples=["q_learning"])
    environment: Identifier = Field(description="Id from /environments.", examples=["CliffWalking-v1"])
    config: Values = Field(
        default_factory=dict, description="Hyperparameters that differ from the preset.", examples=[{"alpha": 0.5}]
    )
    environment_config: Values = Field(
        default_factory=dict,
        description="Options of the environment; what is not named is as the preset says, else as its defaults.",
        examples=[{}],
    )
    seed: Seed = Field(0, description="The run's randomness; the same seed gives the same curve.", examples=[1])
    total_steps: Steps | None = Field(None, description="Budget. Unset: the preset's.", examples=[20000])
    name: RunName = Field("", description="Free text.", examples=["first try"])
    tags: Tags = Field(default_factory=list, description="Words to find it by.", examples=[["lesson-1"]])
    preset: PresetName | None = Field(
        None,
        description="Base of the configuration. Unset: `tuned` where it exists, else the defaults; empty: the defaults.",
        examples=["tuned"],
    )
    speed: Speed | None = Field(None, description="Steps a second; unset is full speed.", examples=[1000.0])


class RunPatch(Request):
    """What may change while a run exists; what is not named stays."""

    name: RunName | None = Field(None, description="New name.", examples=["renamed"])
    tags: Tags | None = Field(None, description="New tags, replacing all.", examples=[["kept"]])
    speed: Speed | None = Field(None, description="Steps a second; null is full speed.", examples=[25.0])
    config: Values | None = Field(
        None,
        description="Live edit of hyperparameters that may change while the agent runs.",
        examples=[{"alpha": 0.1}],
    )
    environment_config: Values | None = Field(
        None,
        description="Live edit of the world, where it may change while the agent runs; rows and columns stay. "
        "Not together with `config`.",
        examples=[{"slip": 0.1}],
    )


class StepRequest(Request):
    """How far a paused run goes."""

    unit: Literal["step", "update", "episode"] = Field(
        "step",
        description="What is counted. An agent's `n_envs` environments step together: "
        "steps are rounded up to a multiple of that.",
    )
    count: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = Field(1, description="How many.")


class ForkRequest(Request):
    """A new run that continues from a kept checkpoint, or the next stage of a chain, which starts from its model."""

    checkpoint: CheckpointId | None = Field(
        None,
        description="Id from /checkpoints. Unset: the last one; of a failed run the one before its newest edit, else the best.",
    )
    algorithm: Identifier | None = Field(
        None,
        description="Another stage of a language model's training. Unset: the parent's.",
        examples=["grpo_language"],
    )
    preset: PresetName | None = Field(None, description="Of another stage. Unset: `tuned` where it exists.")
    config: Values = Field(default_factory=dict, description="Hyperparameters that differ.", examples=[{"alpha": 0.05}])
    seed: Seed | None = Field(None, description="Unset: the parent's.")
    total_steps: Steps | None = Field(
        None,
        description="Unset: the parent's; where that is reached already, as much again. Of another stage: its usual.",
    )
    name: RunName | None = Field(None, description="Unset: made from the parent's.")


class Parent(Answer):
    """Where a fork came from."""

    run: int
    checkpoint: str | None = None


class EditAnswer(Answer):
    """When a live edit takes effect."""

    id: int = Field(description="The edit's number; it is in the event log.")
    effective: str = Field(description="At the next `step`, `update` or `episode`.")
    step: int | None = Field(None, description="The step where it took effect, once known.")


class Run(Answer):
    """One training run."""

    id: int = Field(examples=[7])
    name: str = Field(examples=["first try"])
    tags: list[str] = Field(examples=[["lesson-1"]])
    algorithm: str = Field(examples=["q_learning"])
    environment: str = Field(examples=["CliffWalking-v1"])
    environment_config: dict[str, Any] = Field(description="Options of the environment in force now.")
    preset: str | None = None
    config: dict[str, Any] = Field(description="Hyperparameters in force now.")
    seed: int = Field(examples=[1])
    state: State = Field(description="Always true; the last three never change again.", examples=["running"])
    reason: str = Field("", description="Why it is in this state.")
    attempt: int = Field(description="How often a worker has taken it up.")
    step: int = Field(description="How far it is.")
    total_steps: int
    step_unit: StepUnit = "env_step"
    speed: float | None = Field(None, description="Steps a second; null is full speed.")
    queue_position: int | None = Field(None, description="1 is next; null when it does not wait.")
    progress: float = Field(description="0 to 1.")
    latest: dict[str, float | None] = Field(
        default_factory=dict, description="Newest value of each scalar; null where it is not finite."
    )
    receipt: dict[str, Any] | None = Field(
        None, description="Of a stop: asked, acknowledged, process gone, checkpoint."
    )
    created: str
    started: str | None = None
    ended: str | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)
    clock_s: float = Field(0.0, description="Seconds of training so far, pauses left out.")
    best: dict[str, Any] | None = Field(None, description="Best evaluation so far: value and step.")
    parent: Parent | None = Field(None, description="Of a fork: where it came from.")
    flags: dict[str, Any] = Field(default_factory=dict, description="For example `nondeterministic`.")
    links: dict[str, str] = Field(default_factory=dict)
    edit: EditAnswer | None = Field(None, description="Answer to a PATCH with `config` or `environment_config`.")


class RunPage(Answer):
    """One page of runs; the `Link` header carries the same cursor."""

    items: list[Run]
    next_cursor: str | None = None


class Accepted(Answer):
    """An action was taken in; poll the run to see it done."""

    run: str = Field(description="Where to poll.", examples=["/api/v1/runs/7"])
    state: State = Field(description="The run's state now.")
