"""Algorithms and environments as the API gives them."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from app.protocol.base import SAVED, Answer, Identifier, Request, Values

SavedName = Annotated[str, StringConstraints(pattern=SAVED)]


class Health(Answer):
    """The server lives."""

    status: str = Field("ok", examples=["ok"])


class PresetInfo(Answer):
    """One named configuration."""

    name: str
    environment: str
    summary: str
    source: str
    total_steps: int
    config: dict[str, Any]
    environment_config: dict[str, Any] = Field(default_factory=dict)


class AlgorithmInfo(Answer):
    """One algorithm."""

    id: str
    name: str
    summary: str
    family: str
    version: int
    step_unit: str
    default_steps: int
    config_schema: dict[str, Any] = Field(
        description="JSON schema of `config`; `hyper` holds unit, symbol, scale and when an edit takes effect."
    )
    live: dict[str, str] = Field(
        description="Hyperparameters that may change while it runs, and when each takes effect."
    )
    fits: list[str] = Field(description="Environments it can train on.")
    misfits: dict[str, str] = Field(description="Environments it cannot train on, and why.")
    presets: list[PresetInfo]
    emits: list[str] = Field(description="Scalars it reports beside the shared ones.")
    equations: str = Field(description="Its numbered equations: Markdown with LaTeX in $$ … $$.")
    references: list[str]
    parent: str | None = None
    links: dict[str, str] = Field(default_factory=dict)


class AlgorithmList(Answer):
    """Every algorithm."""

    items: list[AlgorithmInfo]


class ReferenceInfo(Answer):
    """A published or exact number."""

    label: str
    value: float | None
    source: str


class AxisInfo(Answer):
    """One dimension of an observation."""

    name: str
    unit: str
    low: float
    high: float


class WorldSave(Request):
    """A world to keep under a name: an environment with options of its own."""

    name: SavedName = Field(description="What to find it by.", examples=["Two rooms"])
    environment: Identifier = Field("gridworld", description="Id from /environments.", examples=["gridworld"])
    environment_config: Values = Field(
        description="Options that differ from the defaults.", examples=[{"layout": "S..#.../...#..G", "slip": 0.1}]
    )
    replace: Annotated[bool, Field(strict=True)] = Field(
        False, description="Put it in the place of another one of the same name."
    )


class SavedWorld(Answer):
    """A world kept under a name; `environment_config` is all that POST /runs needs to start in it."""

    environment: str
    name: str
    environment_config: dict[str, Any]
    created: str
    links: dict[str, str] = Field(default_factory=dict)


class SavedLink(Answer):
    """The name of a saved world; `links.self` answers with its options."""

    name: str
    created: str
    links: dict[str, str] = Field(default_factory=dict)


class EnvironmentInfo(Answer):
    """One environment with its default options."""

    id: str
    name: str
    summary: str
    version: int
    kind: str
    config_schema: dict[str, Any]
    actions: list[str]
    drawing: str
    size: str
    observation_size: int
    n_states: int | None = None
    max_episode_steps: int
    axes: list[AxisInfo]
    threshold: float | None = None
    success: float | None = None
    references: list[ReferenceInfo] = Field(description="Known numbers of the return: optimum, published scores.")
    fits: list[str] = Field(description="Algorithms that can train on it.")
    source: str
    live: dict[str, str] = Field(
        default_factory=dict, description="Options that may change while a run goes, and when each takes effect."
    )
    saved: list[SavedLink] = Field(
        default_factory=list, description="Worlds saved under a name, by name; only of one environment."
    )
    links: dict[str, str] = Field(default_factory=dict)


class EnvironmentList(Answer):
    """Every environment."""

    items: list[EnvironmentInfo]
