"""A CALL as the rules see it, and reading of payloads that may be anything: what isn't as it should be is absent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

_WHOLE_NUMBER = re.compile(r"\s*-?[0-9]{1,15}\s*", re.ASCII)
TOO_LARGE = 10**15  # for a whole number
LONGEST_MOMENT = 256  # characters: the longest of a timestamp has 40, and blanks around it do no harm


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A CALL. ``action`` and ``payload`` are those of the plain message, ``text`` is the whole frame as it came.

    ``signed``: the frame is a signed message (OCPP 2.x part 4 §7), so that not one byte of it may change.
    """

    id: str
    action: str
    payload: Any
    text: str
    signed: bool = False
    asked_again_as: str | None = None  # the station has made it anew under this id: that one wants the answer

    @property
    def answer_id(self) -> str:
        """The id that its answer bears."""
        return self.id if self.asked_again_as is None else self.asked_again_as

    @property
    def fields(self) -> Mapping[str, Any]:
        """The payload as an object; empty when it is none."""
        return self.payload if isinstance(self.payload, dict) else {}


def mapping(value: object) -> Mapping[str, Any]:
    """The value as an object; empty when it is none."""
    return value if isinstance(value, dict) else {}


def whole(value: object) -> int | None:
    """A whole number of at most 15 digits, also one in quotes or written 1.0; None when it is none."""
    if isinstance(value, str):
        value = int(value) if _WHOLE_NUMBER.fullmatch(value) else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) < TOO_LARGE else None


def text(value: object) -> str | None:
    """A text that isn't empty; None when it is none."""
    return value if isinstance(value, str) and value else None


def moment(value: object) -> datetime | None:
    """A timestamp, in UTC where it names no zone (OCPP 1.6 §3.15 recommends UTC); None when it is none."""
    return _moment(value) if isinstance(value, str) and len(value) <= LONGEST_MOMENT else None


@lru_cache(maxsize=64)  # a message's is looked at again and again
def _moment(value: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None


def stamp(at: datetime) -> str:
    """A timestamp as OCPP writes it: UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fingerprint(*parts: object) -> str:
    """What tells whether two messages are the same by content."""
    return sha256(orjson.dumps([part if isinstance(part, str | int | float) else None for part in parts])).hexdigest()[
        :32
    ]


def result(identifier: str, payload: Mapping[str, Any]) -> str:
    """A CALLRESULT."""
    return orjson.dumps([3, identifier, dict(payload)]).decode()


def refusal(identifier: str, code: str, description: str) -> str:
    """A CALLERROR."""
    return orjson.dumps([4, identifier, code, description[:255], {}]).decode()
