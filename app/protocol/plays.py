"""Playing a recorded episode again, by hand: from the same start, in the same world."""

from typing import Annotated, Any

from pydantic import Field

from app.protocol.base import Answer, Request

MOST_STEPS = 100
Whole = Annotated[int, Field(strict=True, ge=0, le=10_000)]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]


class Control(Answer):
    """One key and what it does."""

    key: str = Field(description="As a browser names it.", examples=["ArrowLeft"])
    name: str = Field(description="What it does, in words.", examples=["Left"])
    action: int = Field(description="The action, or of continuous actions the place of the number that it sets.")
    value: float | None = Field(None, description="Of continuous actions: what it sets that number to.")


class Reached(Answer):
    """How far a game is, and the states that the last steps led to."""

    states: list[list[float | None]]
    played_return: float | None = Field(alias="return", description="Sum of the rewards so far.")
    length: int = Field(description="Steps so far.")
    terminated: bool
    truncated: bool


class Play(Reached):
    """A game that has just begun: its first state, and how it is played."""

    id: str
    drawing: str = Field(description="Scene of the browser that draws the states.")
    layout: dict[str, Any] | None = Field(None, description="Where states lie, for those on maps.")
    controls: list[Control]
    idle: int | None = Field(None, description="The action that is taken while no key is held, where there is one.")
    rest: list[float] | None = Field(None, description="Of continuous actions: each number while no key sets it.")


class PlaySteps(Request):
    """What the player does next."""

    actions: list[Whole] | list[Annotated[list[Number], Field(max_length=64)]] = Field(
        min_length=1,
        max_length=MOST_STEPS,
        description="Numbers of actions, or of continuous actions the numbers of each; the end of the episode ends them.",
        examples=[[1]],
    )
