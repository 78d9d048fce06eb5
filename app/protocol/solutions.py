"""The exact solution of an environment, as the API gives it."""

from typing import Annotated, Any

from pydantic import Field

from app.protocol.base import SAFE_INTEGER, Answer, Fault, Request, Values

Gamma = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class SolutionRequest(Request):
    """Which world, and how much a later reward counts."""

    environment_config: Values = Field(
        default_factory=dict,
        description="Options that differ from the defaults.",
        examples=[{"layout": "S..G/.X..", "slip": 0.1}],
    )
    gamma: Gamma = Field(0.99, description="Discount γ; at 1 every state must be able to end.", examples=[0.99])
    step: Annotated[int, Field(strict=True, ge=0, le=SAFE_INTEGER)] = Field(
        0, description="Of a world that changes by itself: how it is at this step of a run."
    )
    explain: Annotated[bool, Field(strict=True)] = Field(
        False,
        description="Answer a world that cannot be solved with its `faults` and status 200: for editors, where an "
        "unfinished drawing is no error.",
    )


class Solution(Answer):
    """V* and the optimal actions of every state, from the exact model."""

    environment_config: dict[str, Any] = Field(description="Every option, as checked.")
    gamma: float
    n_states: int = 0
    n_actions: int = 0
    layout: dict[str, Any] | None = Field(None, description="rows, cols and cells of a world that can be drawn.")
    v: list[float] = Field(default_factory=list, description="V* of each state.")
    policy: list[list[int]] = Field(
        default_factory=list, description="Optimal actions of each state; empty where nobody acts."
    )
    reachable: list[bool] = Field(default_factory=list, description="Whether an agent may have to act there.")
    start_value: float | None = Field(None, description="V* where episodes begin, averaged over the starts.")
    faults: list[Fault] = Field(default_factory=list, description="With `explain`: why it cannot be solved.")
