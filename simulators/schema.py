"""JSON schemas as functions, for the many payloads that are sound: a validator takes fifty times as long to say so."""

import sys
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from typing import Any, Final

Check = Callable[[Any], bool]

ANNOTATIONS: Final = frozenset({"$schema", "$id", "id", "title", "description", "format"})  # they forbid nothing
KEYWORDS: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems"}),
    "string": frozenset({"maxLength", "enum", "additionalProperties"}),  # the last concerns objects only
    "integer": frozenset(),
    "number": frozenset({"multipleOf"}),
    "boolean": frozenset(),
}


def sound(schema: Mapping[str, Any]) -> Check:
    """A function that says True of nothing that breaks the schema (of draft 4, without formats).

    It may say False of what doesn't: of what has a keyword that isn't known here, say. A validator decides then, and
    tells what is wrong.
    """
    kind = schema.get("type")
    if not isinstance(kind, str) or not KEYWORDS.get(kind, frozenset()) | ANNOTATIONS | {"type"} >= schema.keys():
        return _unknown
    match kind:
        case "object":
            return _object(schema)
        case "array":
            return _array(schema)
        case "string":
            return _string(schema)
        case "number":
            return _number(schema)
        case "integer":
            return lambda instance: type(instance) is int
        case _:
            return lambda instance: type(instance) is bool


def _unknown(_instance: Any) -> bool:
    return False


def _object(schema: Mapping[str, Any]) -> Check:
    parts = {name: sound(part) for name, part in schema.get("properties", {}).items()}
    required = tuple(schema.get("required", ()))
    others = schema.get("additionalProperties", True)
    if not isinstance(others, bool):
        return _unknown

    def check(instance: Any) -> bool:
        if type(instance) is not dict:
            return False
        for name in required:
            if name not in instance:
                return False
        for name, value in instance.items():
            part = parts.get(name)
            if not (others if part is None else part(value)):
                return False
        return True

    return check


def _array(schema: Mapping[str, Any]) -> Check:
    items = schema.get("items", {})
    part = sound(items) if isinstance(items, dict) else _unknown
    least = schema.get("minItems", 0)
    return lambda instance: type(instance) is list and len(instance) >= least and all(map(part, instance))


def _string(schema: Mapping[str, Any]) -> Check:
    most = schema.get("maxLength", sys.maxsize)
    if "enum" not in schema:
        return lambda instance: type(instance) is str and len(instance) <= most
    allowed = frozenset(schema["enum"])
    return lambda instance: type(instance) is str and instance in allowed and len(instance) <= most


def _number(schema: Mapping[str, Any]) -> Check:
    step = schema.get("multipleOf")
    if step is None:
        return lambda instance: type(instance) in (int, float, Decimal)
    if not isinstance(step, int | Decimal):
        return _unknown  # what a binary fraction is a multiple of is the validator's to say

    def check(instance: Any) -> bool:
        try:
            return type(instance) in (int, Decimal) and instance % step == 0
        except DecimalException:
            return False

    return check
