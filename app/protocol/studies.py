"""Recipes and studies as the API takes and gives them."""

from typing import Annotated

from pydantic import Field

from app.protocol.base import Answer, Identifier, Request, Seed
from app.protocol.runs import State


class StudyCreate(Request):
    """Which recipe to start."""

    recipe: Identifier = Field(description="Id from /recipes.", examples=["something_to_reinforce"])
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=8)] | None = Field(
        None, description="Every stage runs once with each. Unset: those of the recipe.", examples=[[0, 1, 2]]
    )


class RecipeStage(Answer):
    """One stage of a recipe."""

    id: str
    label: str
    algorithm: str
    total_steps: int
    after: str = Field("", description="The stage whose last model it starts from; empty: a fresh model.")


class RecipeInfo(Answer):
    """A question, and the runs that answer it."""

    id: str
    name: str
    question: str
    answer: str = Field(description="What is to be seen.")
    environment: str
    seeds: list[int]
    stages: list[RecipeStage]


class RecipeList(Answer):
    """Every recipe."""

    items: list[RecipeInfo]


class Interval(Answer):
    """A share with bounds."""

    mean: float
    low: float
    high: float


class StudyRun(Answer):
    """A run of a study, or one that shall be."""

    stage: str
    seed: int
    run: int | None = Field(None, description="Null until it is queued.")
    state: State | None = None
    step: int = 0
    total_steps: int
    score: float | None = Field(None, description="Mean reward of its newest evaluation.")
    problem: str = Field("", description="Why it never starts.")
    pass_at: dict[int, Interval] = Field(
        default_factory=dict, description="k → pass@k on held-out prompts, with its 95 % interval over them."
    )


class StageResult(Answer):
    """What the seeds of a stage reached together."""

    id: str
    label: str
    algorithm: str
    total_steps: int
    seeds: int = Field(description="How many have ended.")
    pass_at: dict[int, Interval] = Field(
        default_factory=dict,
        description="k → mean over seeds, lowest and highest seed; of one seed its 95 % interval over prompts.",
    )


class Verdict(Answer):
    """What was to be seen, and whether it is."""

    words: str
    stage: str
    k: int
    low: float
    high: float
    value: float | None = Field(None, description="Null until a seed of the stage has ended.")
    is_reached: bool | None = None


class Study(Answer):
    """A started recipe."""

    id: int
    recipe: str
    name: str
    question: str = ""
    answer: str = ""
    state: str = Field(description="running, ended or stopped", examples=["running"])
    created: str
    stopped: str | None = None
    runs: list[StudyRun]
    stages: list[StageResult]
    expected: list[Verdict]
    links: dict[str, str] = Field(default_factory=dict)


class StudyLink(Answer):
    """A started recipe in a list."""

    id: int
    recipe: str
    name: str
    created: str
    stopped: str | None = None
    links: dict[str, str] = Field(default_factory=dict)


class StudyList(Answer):
    """The newest studies first."""

    items: list[StudyLink]


class Axis(Answer):
    """One axis of a figure."""

    label: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    ticks: list[float] | None = None


class Mark(Answer):
    """One line, band or row of dots; x, y and low name arrays."""

    kind: str
    x: str
    y: str
    low: str = ""
    name: str = ""
    color: int = 0


class FigureInfo(Answer):
    """One figure: what is drawn over what."""

    title: str
    words: str
    x: Axis
    y: Axis
    marks: list[Mark]


class StudyFigures(Answer):
    """The figures of a study and the numbers in them."""

    figures: list[FigureInfo]
    arrays: dict[str, list[float | None]]
    words: str = ""
