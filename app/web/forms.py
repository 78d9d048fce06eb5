"""Forms made from a `Config`'s JSON schema: one declaration gives label, symbol, unit, range, help, parsing and errors."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from app.core.config import Config
from app.core.errors import InvalidInput, Violation
from app.core.text import THIN, _, grouped


@dataclass(frozen=True)
class Field:
    """One input of a form.

    Attributes:
        name: form name, for example `config.alpha`.
        key: name in the Config.
        kind: number, whole, choice, check, text or area.
        value: what the input shows, as text; what the user typed where it was refused.
        bounds: the allowed range in words.
        live: when an edit takes effect, or empty where it cannot change while running.
        is_changed: differs from the base, the preset or the defaults.
    """

    name: str
    key: str
    label: str
    kind: str
    value: str
    default: str
    symbol: str = ""
    unit: str = ""
    help: str = ""
    bounds: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    live: str = ""
    is_advanced: bool = False
    is_changed: bool = False
    error: str = ""


@cache
def schema_of(config: type[Config]) -> dict[str, Any]:
    """Return the JSON schema of a configuration; a page asks for it four times, 8 ms each. Not to be changed."""
    return config.model_json_schema()


def fields(
    config: type[Config],
    values: Mapping[str, Any],
    *,
    prefix: str = "config",
    base: Mapping[str, Any] | None = None,
    violations: Iterable[Violation] = (),
) -> list[Field]:
    """Return the inputs of a configuration.

    Args:
        config: the class that declares the hyperparameters.
        values: what the inputs show; the base where a name is missing.
        prefix: of the form names.
        base: what counts as unchanged; the Config's defaults where a name is missing.
        violations: refused values, shown beside their inputs.
    """
    errors = {item.where: f"{item.rule}. {item.way_out}".strip() for item in violations}
    properties = schema_of(config).get("properties", {})
    made = []
    for key, schema in properties.items():
        default = (base or {}).get(key, schema.get("default"))
        name = f"{prefix}.{key}"
        made.append(_field(name, schema, default=default, value=values.get(key, default), error=errors.get(name, "")))
    return made


def retyped(inputs: Iterable[Field], form: Mapping[str, str], violations: Iterable[Violation]) -> list[Field]:
    """Return the inputs with what was typed into them and why it was refused."""
    errors = {item.where: f"{item.rule}. {item.way_out}".strip() for item in violations}
    return [
        replace(field, value=form.get(field.name, field.value), error=errors.get(field.name, "")) for field in inputs
    ]


def parse(
    config: type[Config], form: Mapping[str, str], prefix: str = "config", base: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the typed values of a form's fields; text that is no number stays text, for the Config to refuse.

    Text equal to how a value of `base` is shown gives that value, so that a rounded number is not taken for a change.
    An absent checkbox means no change of meaning only where its marker `prefix.key.shown` is absent too.
    """
    properties = schema_of(config).get("properties", {})
    found: dict[str, Any] = {}
    for key, schema in properties.items():
        name = f"{prefix}.{key}"
        kind = _kind(schema)
        if kind == "check" and f"{name}.shown" in form:
            found[key] = form.get(name) == "true"
        elif base is not None and key in base and form.get(name) == show(base[key]):
            found[key] = base[key]
        elif name in form and (form[name].strip() != "" or kind in {"text", "area", "choice"}):
            found[key] = _typed(kind, form[name], schema)
    return found


def whole(form: Mapping[str, str], name: str) -> Any:
    """Return a whole number of the form, None where it is empty, the text itself where it is no number."""
    text = form.get(name, "").strip().replace(" ", "").replace("_", "")
    return _typed("whole", text, {}) if text else None


def differences(values: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that differ from the base: what a URL or a request needs to name."""
    return {key: value for key, value in values.items() if key not in base or base[key] != value}


def violations_of(error: InvalidInput) -> dict[str, str]:
    """Return where → sentence of every refused value."""
    return {item.where: f"{item.rule}. {item.way_out}".strip() for item in error.violations}


def show(value: Any) -> str:
    """Return a value as its input shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, list | tuple):
        return ", ".join(show(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return "" if value is None else str(value)


def _field(name: str, schema: Mapping[str, Any], *, default: Any, value: Any, error: str) -> Field:
    hyper = schema.get("hyper", {})
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    key = name.split(".", 1)[1]
    return Field(
        name=name,
        key=key,
        label=key.replace("_", " ").strip(),
        kind=_kind(schema),
        value=show(value),
        default=show(default),
        symbol=str(hyper.get("symbol") or ""),
        unit=str(hyper.get("unit") or ""),
        help=str(schema.get("description") or ""),
        bounds=_bounds(schema),
        low=low,
        high=schema.get("maximum"),
        choices=tuple(hyper.get("choices") or schema.get("enum") or ()),
        live=str(hyper.get("live") or ""),
        is_advanced=bool(hyper.get("advanced")),
        is_changed=show(value) != show(default),
        error=error,
    )


def _kind(schema: Mapping[str, Any]) -> str:
    if (schema.get("hyper") or {}).get("choices") or schema.get("enum"):
        return "choice"
    kinds = {schema.get("type"), *(item.get("type") for item in schema.get("anyOf", []))}
    for known, kind in (("boolean", "check"), ("number", "number"), ("integer", "whole"), ("array", "list")):
        if known in kinds:
            return kind
    return "area" if (schema.get("maxLength") or 0) > 100 or "object" in kinds else "text"


def _typed(kind: str, text: str, schema: Mapping[str, Any]) -> Any:
    text = text.strip()
    if kind in ("whole", "number"):
        text = text.replace(THIN, "")  # as numbers are written to be read, so that they can be copied
    try:
        if kind == "check" and text in ("true", "false"):
            return text == "true"
        if kind == "whole":
            return int(text) if not any(letter in text for letter in ".eE") else _whole_of(text)
        if kind == "number":
            return float(text)
        if kind == "list":
            inside = (schema.get("items") or {}).get("type")
            parts = [part for part in text.strip("[]()").replace(";", ",").split(",") if part.strip()]
            return [_typed("whole" if inside == "integer" else "number", part, {}) for part in parts]
    except ValueError:
        return text
    return text.replace("\r\n", "\n")


def _whole_of(text: str) -> Any:
    number = float(text)
    return int(number) if number.is_integer() else number


def _bounds(schema: Mapping[str, Any]) -> str:
    low, above, high = schema.get("minimum"), schema.get("exclusiveMinimum"), schema.get("maximum")
    if low is not None and high is not None:
        return _("{low} to {high}").format(low=_told(low), high=_told(high))
    if above is not None and high is not None:
        return _("above {low}, to {high}").format(low=_told(above), high=_told(high))
    if low is not None:
        return _("{low} or more").format(low=_told(low))
    if above is not None:
        return _("above {low}").format(low=_told(above))
    return _("up to {high}").format(high=_told(high)) if high is not None else ""


def _told(bound: float) -> str:
    return grouped(bound) if float(bound).is_integer() else show(bound)
