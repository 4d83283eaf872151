"""Payloads made of an edition's JSON schemas: every property is there, and every enumeration has its turn."""

import importlib.resources
import json
import random
from typing import Any

from edge.ocpp.versions import Version

_PACKAGES = {Version.V16: "ocpp.v16", Version.V201: "ocpp.v201", Version.V21: "ocpp.v21"}
_DEPTH = 8  # 2.1's tariffs and schedules nest that deep
_ODD_TEXT = 'é "quoted" \\ /\u2028'  # what a relay that writes texts anew would write otherwise


class Examples:
    """Makes payloads; the same ones for the same seed."""

    def __init__(self, version: Version, chance: random.Random) -> None:
        self._version = version
        self._chance = chance

    def request(self, action: str) -> Any:
        """A payload of the action's request."""
        return self._of(action if self._version is Version.V16 else f"{action}Request")

    def answer(self, action: str) -> Any:
        """A payload of its answer; an empty one where it has none (SEND)."""
        return self._of(f"{action}Response")

    def text(self, payload: Any) -> str:
        """As a peer may write it: with blanks, escapes, and numbers in forms that Python wouldn't choose."""
        return json.dumps(payload, indent=self._chance.choice([None, 1]), ensure_ascii=self._chance.random() < 0.5)

    def _of(self, name: str) -> Any:
        path = importlib.resources.files(_PACKAGES[self._version]) / "schemas" / f"{name}.json"
        if not path.is_file():
            return {}
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
        return self._value(schema, schema.get("definitions", {}), _DEPTH)

    def _value(self, schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Any:
        if "$ref" in schema:
            return self._value(definitions[schema["$ref"].rpartition("/")[2]], definitions, depth)
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                required = schema.get("required", [])
                properties = schema.get("properties", {}).items()
                wanted = {key: part for key, part in properties if depth > 0 or key in required}
                return {key: self._value(part, definitions, depth - 1) for key, part in wanted.items()}
            case "array":
                return [self._value(schema["items"], definitions, depth - 1) for _ in range(schema.get("minItems", 1))]
            case "string":
                if schema.get("format") == "date-time":
                    return "2026-06-01T12:00:00.10Z"
                return _ODD_TEXT[: schema.get("maxLength", 40)]
            case "integer":
                return self._chance.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 2**31 - 1)))
            case "number":
                return self._chance.choice([0.1, 1e-07, 8.10, 1e22])
            case "boolean":
                return self._chance.random() < 0.5
            case _:
                return {"any": [None, 1.0, _ODD_TEXT]}
