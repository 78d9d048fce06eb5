"""Preferences as the API takes and gives them: two things that a run made, and which of them is better."""

from typing import Annotated, Literal

from pydantic import Field

from app.protocol.base import SAFE_INTEGER, Answer, Request, Seed

Choice = Literal["left", "right", "tie"]
Whole = Annotated[int, Field(strict=True, ge=0, le=SAFE_INTEGER)]


class PieceRef(Request):
    """One of the two: a completion by the step it was kept at and its place there, or a clip by its episode and first step."""

    step: Whole = Field(description="When it was made.", examples=[200])
    number: Whole = Field(
        description="Place among the completions of that step, or number of the episode.", examples=[3]
    )
    start: Whole = Field(0, description="Of a clip: the step of its episode with which it begins.")


class Piece(Answer):
    """A completion, or a clip of an episode."""

    step: int = Field(description="The step of the run at which it was made.")
    number: int = Field(description="Place among the completions of that step, or number of the episode.")
    start: int = Field(0, description="Of a clip: the first of its steps.")
    length: int = Field(0, description="Of a clip: how many steps it has.")
    text: str | None = Field(None, description="Of a completion: what was written; ⏎ where it ended by itself.")


class Judged(Piece):
    """One of the two, with what it earned, which nobody is told before choosing."""

    earned: float = Field(description="Its true reward.")


class Pair(Answer):
    """Two things to compare."""

    number: int = Field(description="Which pair of the run it is; each number stands for one pair.")
    kind: Literal["completions", "clips"]
    prompt: str | None = Field(None, description="Of completions: what both continue.")
    left: Piece
    right: Piece


class LabelNew(Request):
    """What a rater says of two things; they need not be a pair that was asked for."""

    left: PieceRef
    right: PieceRef
    choice: Choice = Field(description="Which is better; `tie` says neither.", examples=["left"])


class Label(Answer):
    """A stored comparison."""

    id: int
    prompt: str | None = None
    left: Judged
    right: Judged
    choice: Choice
    rater: Literal["person", "simulated"]
    created: str


class Ability(Answer):
    """How good what was made at one step is, on the scale of Bradley and Terry."""

    step: int
    ability: float = Field(
        description="Its difference to another is the log-odds of being preferred to it; all add up to 0."
    )
    half_width: float = Field(description="Of the 95 % interval, from the observed information.")
    compared: int = Field(description="Comparisons with other steps.")


class PreferencePage(Answer):
    """Labels of a run, oldest first, and what follows from all of them."""

    items: list[Label]
    next_cursor: str | None = None
    total: int = Field(description="How many labels the run has.")
    abilities: list[Ability] = Field(description="One for each step that was compared with another.")
    agreement: float | None = Field(description="Share of choices, ties apart, for what earned more; null without any.")


class RaterRequest(Request):
    """A simulated rater: it knows the true reward, and errs as much as it is told to."""

    count: Annotated[int, Field(strict=True, ge=1, le=1_000)] = Field(description="Pairs to label.", examples=[100])
    rationality: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = Field(
        None,
        description="β: it prefers the left one with probability 1 / (1 + exp(−β · difference of the true rewards)). "
        "Null: always what earned more.",
        examples=[5.0],
    )
    error_share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        0.0, description="Share of its answers that are left or right by the toss of a coin.", examples=[0.1]
    )
    seed: Seed = Field(0, description="Its chance.")


class Rated(Answer):
    """What a simulated rater did."""

    added: int
    total: int
