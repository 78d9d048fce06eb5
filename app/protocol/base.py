"""What every model of the REST protocol is built from: bounded numbers, plain text, and problem details (RFC 9457)."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SAFE_INTEGER = 2**53 - 1  # the largest integer that JavaScript keeps exact
PLAIN = r"^[^\x00-\x1f\x7f-\x9f]*$"  # no control characters
WORD, WORD_OR_EMPTY, LONG_WORD = (rf"^[A-Za-z0-9_-]{{{length}}}$" for length in ("1,64", "0,64", "1,100"))
SAVED = r"^\w[^\x00-\x1f\x7f-\x9f/\\]{0,59}$"
PATTERNS = {  # what is said of a text that does not match: the rule, the way out; translated where it is said
    PLAIN: ("holds a control character", "Leave it out."),
    WORD: (
        "must be 1–64 letters, digits, _ or -",
        "/algorithms and /environments list the ids; ALE/Pong-v5 is ALE-Pong-v5 here.",
    ),
    WORD_OR_EMPTY: ("must be at most 64 letters, digits, _ or -", "/algorithms lists the presets."),
    SAVED: ("must be 1–60 characters without / and \\, a letter or digit first", "Choose a short name."),
    LONG_WORD: ("must be 1–100 letters, digits, _ or -", "The run's /checkpoints lists the ids."),
}

Identifier = Annotated[str, StringConstraints(pattern=WORD)]
PresetName = Annotated[str, StringConstraints(pattern=WORD_OR_EMPTY)]
CheckpointId = Annotated[str, StringConstraints(pattern=LONG_WORD)]
RunName = Annotated[str, StringConstraints(max_length=200, pattern=PLAIN)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=PLAIN)]
Tags = Annotated[list[Tag], Field(max_length=20)]
Seed = Annotated[int, Field(strict=True, ge=0, le=SAFE_INTEGER)]
Steps = Annotated[int, Field(strict=True, ge=1, le=10**12)]
Speed = Annotated[float, Field(strict=True, ge=0.01, le=1e12, allow_inf_nan=False)]
Values = Annotated[dict[str, Any], Field(max_length=200)]


class Request(BaseModel):
    """Something sent to the server: unknown fields are refused."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")


class Answer(BaseModel):
    """Something the server sends: a client ignores fields it does not know yet."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore")


class Fault(Answer):
    """One refused value."""

    where: str = Field(description="Dotted path of the value.", examples=["config.gamma"])
    value: str = Field(description="The value, shortened.", examples=["1.2"])
    rule: str = Field(description="The rule that refused it.", examples=["must be ≤ 1"])
    way_out: str = Field("", description="What to do instead.", examples=["Allowed: ≥ 0 and ≤ 1; default 0.99."])


class Problem(Answer):
    """Problem details (RFC 9457): every error of the API."""

    type: str = Field(
        description="Which kind of problem, as a URL relative to the server.", examples=["/docs#problem-invalid"]
    )
    title: str = Field(description="The kind in a few words.", examples=["Invalid input"])
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(description="What is wrong with this request.", examples=["config.gamma=1.2: must be ≤ 1."])
    instance: str | None = Field(None, description="The path that was asked for.", examples=["/api/v1/runs"])
    errors: list[Fault] = Field(default_factory=list, description="Each refused value.")
