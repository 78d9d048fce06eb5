"""The API reference, made from the application's own OpenAPI document: operations by tag, and models."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Entry:
    """One field of a model or one parameter of an operation."""

    name: str
    type: str
    description: str
    required: bool
    place: str = ""


@dataclass(frozen=True)
class Model:
    """One schema."""

    name: str
    description: str
    fields: list[Entry]


@dataclass(frozen=True)
class Operation:
    """One method of one path; an answer is (status, text, model's name)."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Entry]
    body: Model | None
    example: str
    answers: list[tuple[str, str, str]]


def tags(document: Mapping[str, Any]) -> list[tuple[str, list[Operation]]]:
    """Return the operations by tag, in the document's order."""
    groups: dict[str, list[Operation]] = {}
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                tag = (operation.get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append(_operation(document, path, method, operation))
    return list(groups.items())


def models(document: Mapping[str, Any]) -> list[Model]:
    """Return every schema of the document by name."""
    schemas = document.get("components", {}).get("schemas", {})
    return [_model(name, schema) for name, schema in sorted(schemas.items())]


def type_of(schema: Mapping[str, Any]) -> str:
    """Return a schema's type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(type_of(item) for item in schema[key]))
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"array of {type_of(schema.get('items', {}))}"
    inside = schema.get("additionalProperties")
    return f"object of {type_of(inside)}" if kind == "object" and isinstance(inside, dict) and inside else kind


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Operation:
    parameters = [
        Entry(
            item["name"],
            type_of(item.get("schema", {})),
            _described(item),
            bool(item.get("required")),
            item.get("in", ""),
        )
        for item in operation.get("parameters", [])
    ]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = _first_reference(content)
    schema = document.get("components", {}).get("schemas", {}).get(name, {})
    return Operation(
        id=operation.get("operationId", f"{method}-{path}"),
        method=method,
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=parameters,
        body=_model(name, schema) if name else None,
        example=_example(schema),
        answers=[
            (status, answer.get("description", ""), _answer_model(answer))
            for status, answer in sorted(operation.get("responses", {}).items())
        ],
    )


def _model(name: str, schema: Mapping[str, Any]) -> Model:
    required = set(schema.get("required", []))
    fields = [
        Entry(key, type_of(item), _described(item), key in required)
        for key, item in schema.get("properties", {}).items()
    ]
    return Model(name, str(schema.get("description", "")).split("\n\n")[0], fields)


def _described(item: Mapping[str, Any]) -> str:
    schema = item.get("schema", item)
    words = [str(item.get("description") or schema.get("description") or "")]
    if schema.get("default") not in (None, "", [], {}):
        words.append(f"Default {json.dumps(schema['default'])}.")
    return " ".join(word for word in words if word)


def _example(schema: Mapping[str, Any]) -> str:
    given = {key: item["examples"][0] for key, item in schema.get("properties", {}).items() if item.get("examples")}
    return json.dumps(given, indent=2, ensure_ascii=False) if given else ""


def _first_reference(schema: Mapping[str, Any]) -> str:
    for item in (schema, *schema.get("anyOf", []), *schema.get("allOf", [])):
        if "$ref" in item:
            return str(item["$ref"]).rsplit("/", 1)[-1]
    return ""


def _answer_model(answer: Mapping[str, Any]) -> str:
    for content in answer.get("content", {}).values():
        name = _first_reference(content.get("schema", {}))
        if name:
            return name
    return ""
