"""Reading payloads that may be anything: what isn't as it should be is as if absent."""

import re
from collections.abc import Mapping
from typing import Any

LONGEST_KEY = 255  # characters
_WHOLE_NUMBER = re.compile(r"\s*-?[0-9]{1,15}\s*", re.ASCII)


def fields(payload: object) -> Mapping[str, Any]:
    """The payload as an object; empty when it is none."""
    return payload if isinstance(payload, dict) else {}


def elements(value: object) -> list[Any]:
    """A list as it is, an object as a list of one, anything else as empty."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def whole_number(value: object) -> int | None:
    """An integer of at most 15 digits, also one in quotes or written 1.0; None when it is none.

    JSON carries no more digits from hand to hand unharmed; OCPP's own integers have 32 bits.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = int(value) if _WHOLE_NUMBER.fullmatch(value) else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and abs(value) < 10**15 else None


def number(value: object) -> float | None:
    """A number of at most 15 digits; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 10**15 else None  # a NaN is no JSON


def key(value: object) -> str | None:
    """A text by which something is remembered: no longer than OCPP has any for that (2.x identifierString[255])."""
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_KEY else None


def text(value: object) -> str | None:
    """A text that isn't empty; None when it is none."""
    return value if isinstance(value, str) and value else None
