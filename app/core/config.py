# house: parameters: one declaration carries everything that form, schema, URL, check and help need
"""Hyperparameters: one declaration from which form, schema, URL, validation, help and table all follow.

class QLearningConfig(Config):
    alpha: float = Hyper(0.1, low=0, high=1, symbol=r"\\alpha", live="step", help="Step size: raising it ...")
"""

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from app.core.errors import InvalidInput, Violation, shorten
from app.core.refusals import rule_of
from app.core.text import _, grouped

Live = Literal["step", "update", "episode"]
LONGEST_TEXT = 40_000  # of any text a configuration holds, in letters; a door that knows no schema refuses longer ones


def Hyper(  # noqa: N802 - reads as the noun it declares
    default: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] = (),
    unit: str = "",
    symbol: str = "",
    help: str,
    scale: Literal["linear", "log"] = "linear",
    live: Live | None = None,
    advanced: bool = False,
    settled: bool = False,
    pattern: str | None = None,
    max_length: int | None = None,
) -> Any:
    """Declare one hyperparameter of a `Config`.

    Args:
        default: the value of the cited source.
        low, high: inclusive bounds; `above` is an exclusive lower bound.
        choices: the allowed strings, where the value is one of a few names.
        unit: what one unit of the value is, for example `env steps`.
        symbol: the letter of the equations, as LaTeX.
        help: one sentence that says what raising it does.
        scale: how a slider spaces the values.
        live: when an edit of a running agent takes effect; None where it cannot change.
        advanced: folded away in the form.
        settled: a saved state has settled it: the shape of its arrays, or what their numbers mean. A fork keeps it.
        max_length: of a text, at most `LONGEST_TEXT`.
    """
    if max_length is not None and max_length > LONGEST_TEXT:
        raise ValueError(f"max_length={max_length}: must be at most {LONGEST_TEXT}")
    extra: dict[str, Any] = {
        "unit": unit, "symbol": symbol, "scale": scale, "live": live, "advanced": advanced, "choices": list(choices),
        "settled": settled,
    }  # fmt: skip
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    field: Any = Field
    return field(
        default,
        description=help,
        ge=low,
        le=high,
        gt=above,
        strict=None if isinstance(default, str | tuple) else True,
        allow_inf_nan=False if is_number and isinstance(default, float) else None,
        pattern="^(" + "|".join(choices) + ")$" if choices else pattern,
        max_length=max_length,
        json_schema_extra={"hyper": extra},
    )


class BrokenRule(ValueError):
    """What a validator raises where a value within its range breaks another rule: the rule, and the way out that helps."""

    def __init__(self, rule: str, way_out: str) -> None:
        super().__init__(rule)
        self.way_out = way_out


class Config(BaseModel):
    """A frozen set of hyperparameters; unknown keys and values out of bounds are refused."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def parse(cls, values: dict[str, Any], where: str = "config") -> Self:
        """Return the checked configuration.

        Raises:
            InvalidInput: naming each refused value, its rule and the way out.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InvalidInput([_violation(cls, item, where) for item in error.errors()]) from None

    @classmethod
    def live_names(cls) -> dict[str, Live]:
        """Return name → when an edit takes effect, for the hyperparameters that may change while an agent runs."""
        names = {name: hyper_of(field)["live"] for name, field in cls.model_fields.items()}
        return {name: live for name, live in names.items() if live}

    @classmethod
    def settled_names(cls) -> tuple[str, ...]:
        """Return the hyperparameters that a saved state has settled, so that a fork keeps them."""
        return tuple(name for name, field in cls.model_fields.items() if hyper_of(field)["settled"])

    def edited(self, changes: dict[str, Any]) -> Self:
        """Return a copy with `changes` applied and everything checked again."""
        return type(self).parse({**self.model_dump(), **changes})


def hyper_of(field: FieldInfo) -> dict[str, Any]:
    """Return the `Hyper` extras of a model field (`unit`, `symbol`, `scale`, `live`, `advanced`, `choices`)."""
    extra = field.json_schema_extra
    hyper = extra.get("hyper") if isinstance(extra, dict) else None
    return dict(hyper) if isinstance(hyper, dict) else {}


def _violation(config: type[Config], item: Any, where: str) -> Violation:
    path = ".".join([where, *(str(part) for part in item["loc"])])
    value = shorten(item.get("input"))
    name = str(item["loc"][0]) if item["loc"] else ""
    if item["type"] == "extra_forbidden":
        known = ", ".join(config.model_fields) or _("none")
        return Violation(path, value, _("unknown name"), _("Known here: {names}.").format(names=known))
    field = config.model_fields.get(name)
    if field is None:
        return Violation(path, value, *rule_of(item))
    return Violation(path, value, _rule(item, field), _way_out(item, field))


def _way_out(item: Any, field: FieldInfo) -> str:
    if item["type"] != "value_error":
        return bounds_of(field)
    error = item["ctx"]["error"]  # a rule of its own: the range may hold the refused value, and the default be no help
    return error.way_out if isinstance(error, BrokenRule) else field.description or ""


def _rule(item: Any, field: FieldInfo) -> str:
    choices = hyper_of(field).get("choices")
    if item["type"] == "string_pattern_mismatch" and choices:
        return _("must be one of {names}").format(names=", ".join(choices))
    return rule_of(item)[0]


def bounds_of(field: FieldInfo) -> str:
    """Return a sentence with the allowed range and the default of one hyperparameter."""
    allowed = _allowed(field)
    is_count = type(field.default) is int
    default = grouped(field.default) if is_count else shorten(field.default, 32) or _("empty")
    if not allowed:
        return _("Default: {default}.").format(default=default)
    return _("Allowed: {bounds}; default {default}.").format(bounds=allowed, default=default)


def _allowed(field: FieldInfo) -> str:
    low, high, above = limits_of(field)
    parts = [f"≥ {grouped(low)}" if low is not None else "", f"> {grouped(above)}" if above is not None else "",
             f"≤ {grouped(high)}" if high is not None else ""]  # fmt: skip
    return _(" and ").join(part for part in parts if part)


def limits_of(field: FieldInfo) -> tuple[float | None, float | None, float | None]:
    """Return the lowest and the highest value and what every value lies above, each None where there is none."""
    found: dict[str, float | None] = {"ge": None, "le": None, "gt": None}
    for item in field.metadata:
        for key in found:
            found[key] = getattr(item, key, found[key])
    return found["ge"], found["le"], found["gt"]
