"""What a run leaves behind, as the API gives it: series, frames, events, checkpoints, episodes."""

from typing import Any, Literal

from pydantic import Field

from app.protocol.base import Answer


class Series(Answer):
    """One curve, reduced to buckets of the full data: their starts, means, smallest and largest values."""

    steps: list[float] = Field(description="Where each bucket starts.")
    values: list[float | None] = Field(description="Mean of each bucket; null where it is not finite.")
    min: list[float | None]
    max: list[float | None]
    nonfinite: bool = Field(False, description="True where a null stands for NaN or infinity.")


class Metrics(Answer):
    """Curves by scalar name; `cursor` is the number of points read of each."""

    series: dict[str, Series]
    cursor: dict[str, int] = Field(default_factory=dict)


class PanelFrames(Answer):
    """One picture that fits the run, and the steps at which it was kept."""

    panel: str
    name: str
    element: str = Field(description="Drawing element of the browser.")
    options_schema: dict[str, Any] = Field(description="JSON schema of what a viewer may choose.")
    steps: list[int]


class FrameList(Answer):
    """Every picture of a run."""

    panels: list[PanelFrames]


class FrameArray(Answer):
    """One array of a picture, row by row."""

    shape: list[int]
    data: list[float | None]


class FrameBody(Answer):
    """One picture at one moment."""

    panel: str
    step: int
    meta: dict[str, Any]
    arrays: dict[str, FrameArray]


class FrameBodies(Answer):
    """Pictures of one panel, oldest first; fewer than asked for where they would be many or large."""

    items: list[FrameBody]


class Event(Answer):
    """One line of the run's log."""

    id: int
    step: int | None = None
    event: str = Field(examples=["paused"])
    text: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    time: str | None = None


class RunWorld(Answer):
    """The world of a run from one step on."""

    from_step: int
    environment_config: dict[str, Any] = Field(description="Its options; a world may also change while they stay.")
    words: str = Field(description="The options that are not the environment's own defaults; a drawing is only named.")
    change: str = Field("", description="What differs from the world before it.")


class DashedLine(Answer):
    """A known number of the return, and between which steps it holds."""

    label: str
    value: float
    from_step: int | None = Field(None, description="null: from the begin on.")
    to_step: int | None = Field(None, description="null: to the end.")


class RunWorlds(Answer):
    """The worlds that a run has lived in, oldest first: edited, or changed by themselves."""

    items: list[RunWorld]
    references: list[DashedLine] = Field(description="Known numbers of the return, of the newest worlds.")


class EventPage(Answer):
    """Events in order; pass `next_cursor` to go on."""

    items: list[Event]
    next_cursor: str | None = None


class Checkpoint(Answer):
    """One saved state, from which a run can be forked."""

    id: str
    step: int
    kind: str
    size_bytes: int
    created: str | None = None


class CheckpointList(Answer):
    """Every kept saved state, oldest first."""

    items: list[Checkpoint]


class Episode(Answer):
    """One recorded episode."""

    number: int
    step: int
    kind: str
    episode_return: float | None = Field(None, alias="return")
    length: int
    terminated: bool
    truncated: bool
    evaluation: int = Field(0, description="Number of the evaluation that it was played in.")
    place: Literal["", "best", "median", "worst"] = Field(
        "", description="Among the episodes of that evaluation; empty where an older version kept one only."
    )
    lane: int = Field(0, description="The environment of the evaluation that it was played in; chance follows from it.")


class EpisodeList(Answer):
    """Every recorded episode, by number, oldest evaluation first."""

    items: list[Episode]


class EpisodeDetail(Episode):
    """One recorded episode with what happened: T+1 states, T actions, T rewards."""

    states: list[list[float | None]]
    actions: list[int] | list[list[float]] = Field(
        description="The number of each action, or where an action is made of continuous numbers, these numbers."
    )
    rewards: list[float | None]
    drawing: str = Field(description="Scene of the browser that draws the states.")
    layout: dict[str, Any] | None = Field(
        None, description="Where states lie, for those on maps: rows, cols, cells, planes, cell_states, …"
    )
