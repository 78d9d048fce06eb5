"""What a model says of a refused value, in our words: the rule, and the way out of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from app.core.errors import Violation, shorten
from app.core.text import _, grouped

LISTED = 20
Patterns = Mapping[str, tuple[str, str]]
NO_PATTERNS: Patterns = MappingProxyType({})
BOUNDS = {
    "greater_than_equal": ("ge", _("must be ≥ {bound}"), _("The smallest allowed is {bound}.")),
    "less_than_equal": ("le", _("must be ≤ {bound}"), _("The largest allowed is {bound}.")),
    "greater_than": ("gt", _("must be > {bound}"), _("Allowed is what lies above {bound}.")),
    "less_than": ("lt", _("must be < {bound}"), _("Allowed is what lies below {bound}.")),
    "string_too_long": ("max_length", _("must have at most {bound} characters"), _("Shorten it.")),
    "string_too_short": ("min_length", _("must have at least {bound} characters"), _("Leave it out or fill it in.")),
    "too_long": ("max_length", _("must have at most {bound} entries"), _("Leave some out.")),
    "too_short": ("min_length", _("must have at least {bound} entries"), _("Add some.")),
    "literal_error": ("expected", _("must be one of {bound}"), _("Choose one of them.")),
    "enum": ("expected", _("must be one of {bound}"), _("Choose one of them.")),
}
WHOLE = (_("must be a whole number"), _("For example 1, without quotes or a fraction."))
NUMBER = (_("must be a number"), _("For example 0.5, without quotes."))
TEXT = (_("must be text"), _("Put it in double quotes."))
SWITCH = (_("must be true or false"), _("Send true or false, without quotes."))
OBJECT = (_("must be an object"), _('Send names with values: {"name": value}.'))
RANGE = (_("is beyond the range of numbers"), _("Send a smaller number."))
KINDS = {
    "extra_forbidden": (_("unknown name"), _("Leave it out; /docs lists what is known.")),
    "missing": (_("is required"), _("Add it; /docs has an example.")),
    "finite_number": (_("must be a finite number"), _("JSON has no NaN and no infinity; send a finite number.")),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), WHOLE),
    **dict.fromkeys(("float_type", "float_parsing"), NUMBER),
    **dict.fromkeys(("string_type", "string_unicode"), TEXT),
    **dict.fromkeys(("bool_type", "bool_parsing"), SWITCH),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), OBJECT),
    **dict.fromkeys(("list_type", "tuple_type"), (_("must be a list"), _("Send values in brackets: [value, …]."))),
    "int_parsing_size": RANGE,
    "json_invalid": (_("is not JSON"), _("Send one JSON object; /docs has an example.")),
}
ELSEWHERE = _("/docs describes what is expected here.")


def violations(error: ValidationError, whole: str, patterns: Patterns = NO_PATTERNS) -> tuple[Violation, ...]:
    """Return the refused values of a model, at most 20; `whole` names the model itself."""
    items = error.errors()[:LISTED]
    return tuple(violation(item, ".".join(str(part) for part in item["loc"]) or whole, patterns) for item in items)


def violation(item: Mapping[str, Any], where: str, patterns: Patterns = NO_PATTERNS) -> Violation:
    """Return one refused value of a validation error.

    Args:
        item: one of its `errors()`.
        patterns: pattern → what is said of a text that does not match.
    """
    rule, way_out = rule_of(item)
    if item["type"] == "string_pattern_mismatch":
        rule, way_out = map(_, patterns.get(str(item["ctx"]["pattern"]), (rule, way_out)))
    value = _("nothing") if item["type"] == "missing" else shorten(item.get("input"))
    return Violation(shorten(where), value, rule, way_out)


def rule_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """Return (rule, way out) of one refused value."""
    kind, context = str(item["type"]), item.get("ctx") or {}
    if kind in BOUNDS:
        key, rule, way_out = BOUNDS[kind]
        bound = _bound(context.get(key))
        return rule.format(bound=bound), way_out.format(bound=bound)
    if kind in KINDS:
        return KINDS[kind]
    message = str(context.get("error") or item["msg"])
    return message[:1].lower() + message[1:], ELSEWHERE


def _bound(value: Any) -> str:
    return grouped(value) if isinstance(value, int | float) else str(value)
