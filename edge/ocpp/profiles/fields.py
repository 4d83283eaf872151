"""Reading one field of a payload, tolerantly: a number in quotes is a number, a field of value null is absent.

Each reader raises RequestMalformed with the field's name when the value can't be what it should.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from edge.ocpp.profiles.model import Moment
from edge.ocpp.profiles.refusal import Malformation, RequestMalformed

_MOST = 10**9  # W, s, ids; real ones are far below, and floats are exact to the second and beyond
_LONGEST_TEXT = 64  # of a number or a time
_LAST_MOMENT = 253_000_000_000.0  # in the year 9987: a zone's offset can't carry it out of what a date can say

E = TypeVar("E", bound=StrEnum)


def entries(value: object, name: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise RequestMalformed(Malformation.TYPE, f"{name} is not an object")
    return value


def required(raw: Mapping[str, Any], name: str) -> Any:
    """The field's value, whatever it is."""
    value = raw.get(name)
    if value is None:
        raise RequestMalformed(Malformation.MISSING, f"{name} is missing")
    return value


def elements(raw: Mapping[str, Any], name: str) -> Sequence[Any]:
    """A list with something in it; an object alone counts as a list of one."""
    value = required(raw, name)
    if isinstance(value, dict):
        return (value,)
    if not isinstance(value, list):
        raise RequestMalformed(Malformation.TYPE, f"{name} is not a list")
    if not value:
        raise RequestMalformed(Malformation.MISSING, f"{name} is empty")
    return value


def number(raw: Mapping[str, Any], name: str) -> float | None:
    """A finite number, None when absent."""
    value = raw.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise RequestMalformed(Malformation.TYPE, f"{name} is not a number")
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise RequestMalformed(Malformation.TYPE, f"{name} is not a number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise RequestMalformed(Malformation.TYPE, f"{name} is not a number") from None
    if not math.isfinite(found) or abs(found) > _MOST:
        raise RequestMalformed(Malformation.VALUE, f"{name} is not between -{_MOST} and {_MOST}")
    return found


def whole(raw: Mapping[str, Any], name: str, *, most: int = 2**31) -> int | None:
    """A whole number of at most 32 bits (or ``most``), None when absent."""
    value = raw.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    else:
        as_float = number(raw, name)
        if as_float is None:
            return None
        if as_float != int(as_float):
            raise RequestMalformed(Malformation.TYPE, f"{name} is not a whole number")
        found = int(as_float)
    if abs(found) > most:
        raise RequestMalformed(Malformation.VALUE, f"{name} is not between -{most} and {most}")
    return found


def required_whole(raw: Mapping[str, Any], name: str) -> int:
    """A whole number that must be there."""
    required(raw, name)
    found = whole(raw, name)
    assert found is not None  # noqa: S101 - required() has seen it
    return found


def text(raw: Mapping[str, Any], name: str) -> str | None:
    """A text, None when absent; a whole number counts as its digits (transaction ids of OCPP 1.6)."""
    value = raw.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RequestMalformed(Malformation.TYPE, f"{name} is not a text")
    return str(value)


def member(raw: Mapping[str, Any], name: str, kind: type[E]) -> E | None:
    """One of an enumeration's words, None when absent."""
    value = text(raw, name)
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(kind)
        raise RequestMalformed(Malformation.VALUE, f"{name} is {value[:_LONGEST_TEXT]!r}, none of {known}") from None


def moment(raw: Mapping[str, Any], name: str) -> Moment | None:
    """An ISO 8601 time with or without fraction and offset; one without a zone is in UTC (OCPP 1.6 §3.14, §3.15)."""
    value = raw.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise RequestMalformed(Malformation.TYPE, f"{name} is not a time")
    try:
        stamp = datetime.fromisoformat(value.strip())
        found = (stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp).timestamp()
    except (ValueError, OverflowError):
        raise RequestMalformed(Malformation.TYPE, f"{name} is not an ISO 8601 time") from None
    if not 0 <= found <= _LAST_MOMENT:
        raise RequestMalformed(Malformation.VALUE, f"{name} is before 1970 or after 9987")
    return found


def moment_text(at: Moment) -> str:
    """A moment as OCPP writes it, in UTC: whole seconds where it has no fraction."""
    stamp = datetime.fromtimestamp(at, UTC)
    return stamp.isoformat(timespec="microseconds" if stamp.microsecond else "seconds").replace("+00:00", "Z")
