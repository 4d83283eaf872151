"""The OCPP-J envelope (OCPP-J 1.6 §4.2, OCPP 2.x part 4 §4.2): text to frame and back.

Only the envelope is read here. A payload that breaks its schema is none of the relay's business: it is forwarded in the
very text it came in, which every frame therefore carries along.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import orjson

from edge.errors import FrameError
from edge.ocpp.versions import Version


class MessageType(IntEnum):
    """First element of every OCPP-J message."""

    CALL = 2
    CALLRESULT = 3
    CALLERROR = 4
    CALLRESULTERROR = 5  # OCPP 2.1 part 4 §4.2.4
    SEND = 6  # OCPP 2.1 part 4 §4.2.5


class ErrorCode(StrEnum):
    """The error codes of OCPP-J 1.6 §4.2.3 and 2.x part 4 §4.3 that the gateway itself sends."""

    GENERIC = "GenericError"
    SECURITY = "SecurityError"
    MESSAGE_TYPE = "MessageTypeNotSupported"
    FRAMEWORK = "RpcFrameworkError"
    INTERNAL = "InternalError"
    NOT_IMPLEMENTED = "NotImplemented"
    MISSING_V16 = "OccurenceConstraintViolation"  # so spelled there
    MISSING_V2 = "OccurrenceConstraintViolation"
    TYPE = "TypeConstraintViolation"
    VALUE = "PropertyConstraintViolation"


# Levels of lists and objects in a message. What can be read to 1024 levels can only be written again to 254, and some
# of it is written again: packed into a report, or kept on the disk. Real messages have a dozen.
MOST_DEEP = 200
# Lists and objects in a message: to read them is what a long one costs. A StopTransaction of 4 MiB has 175,000 at most,
# where each of its samples has no more than a time and a value.
MOST_PARTS = 200_000
# Characters of a message id: OCPP-J has 36 (1.6 §4.1.4), and some write more. It is kept as long as an answer may come.
LONGEST_ID = 1_024
# What is longer is a station's only where it brings all samples of a session: of other messages much is remembered.
LONG = 256 * 1024  # characters
_TOO_LONG = f"a message of more than {LONG // 1024} KiB that brings no session's samples"
_LONG_ONES = frozenset({"StopTransaction", "TransactionEvent", "TransactionEvent-Signed"})

# Control characters that stand nowhere in JSON, as they are written in its strings (RFC 8259 §7).
_ESCAPES = {place: f"\\u{place:04x}" for place in range(0x20) if chr(place) not in "\t\n\r"}

UNREADABLE_ID = "-1"  # stands for the id of a message that has none that can be read (OCPP 2.x part 4 §4.2.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request. ``payload`` is whatever JSON value stood there, ``{}`` when there was none."""

    id: str
    action: str
    payload: Any
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """The answer to the CALL of the same id."""

    id: str
    payload: Any
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallError:
    """The refusal of the CALL of the same id."""

    id: str
    code: str
    description: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResultError:
    """The complaint of who made the CALL of this id about the answer it got. Nothing answers it."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A message that nothing answers, and that no other has to wait for."""

    id: str
    action: str
    payload: Any
    text: str


Frame = Call | CallResult | CallError | CallResultError | Send


def parse(text: str | bytes, version: Version = Version.V16) -> Frame:
    """Read one WebSocket message of a peer that speaks ``version``.

    Raises :class:`edge.errors.FrameError`, and nothing else, for whatever is no OCPP-J message.
    """
    if isinstance(text, bytes):
        raise FrameError("a binary message where OCPP-J has text")
    parts = text.count("[") + text.count("{") if len(text) > 2 * MOST_DEEP else 0
    if parts > MOST_PARTS:
        raise FrameError(f"a message of more than {MOST_PARTS:,} lists and objects")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise FrameError(f"not JSON ({exc.msg} at character {exc.pos})") from exc
    if not isinstance(message, list):
        raise FrameError("JSON, but not an array")
    if parts > MOST_DEEP:
        _check_depth(message)
    if len(message) < 2:
        raise FrameError(f"an array of {len(message)} where OCPP-J has at least three elements")
    kind, identifier = message[0], message[1]
    # True == 1 and 2.0 == 2 in Python, but neither is a message type.
    if type(kind) is not int:
        raise FrameError("the message type is not a whole number")
    if not isinstance(identifier, str):
        raise FrameError("the message id is not a text", message_type=kind)
    if len(identifier) > LONGEST_ID:
        raise FrameError(f"a message id of more than {LONGEST_ID:,} characters", message_type=kind)
    match kind:
        case MessageType.CALL:
            action, payload = _request(message, "a CALL", identifier)
            return Call(id=identifier, action=action, payload=payload, text=text)
        case MessageType.CALLRESULT:
            payload = message[2] if len(message) > 2 else {}
            return CallResult(id=identifier, payload=payload, text=text)
        case MessageType.CALLERROR:
            code, description = ([part if isinstance(part, str) else "" for part in message[2:4]] + ["", ""])[:2]
            return CallError(id=identifier, code=code, description=description, text=text)
        case MessageType.CALLRESULTERROR if version is Version.V21:
            return CallResultError(id=identifier, text=text)
        case MessageType.SEND if version is Version.V21:
            action, payload = _request(message, "a SEND", identifier)
            return Send(id=identifier, action=action, payload=payload, text=text)
        case _:
            what = f"message type {kind} is none of {version}"
            raise FrameError(what, message_id=identifier, message_type=kind)


def parse_of_station(text: str | bytes, version: Version = Version.V16) -> Frame:
    """As :func:`parse`, of a station that is controlled. The frame's text is JSON, also where control characters stand
    as they are in the station's: some send what is behind the end of a field (evcc-io/evcc issue 3685)."""
    if isinstance(text, bytes):
        return parse(text, version)
    try:
        return _parse_of_station(text, version)
    except FrameError:
        escaped = text.rstrip("\0").translate(_ESCAPES) if len(text) <= LONG else text
        if escaped == text:
            raise
    return _parse_of_station(escaped, version)


def _parse_of_station(text: str, version: Version) -> Frame:
    if len(text) <= LONG:
        return parse(text, version)
    if not any(f'"{name}"' in text for name in _LONG_ONES):
        raise FrameError(_TOO_LONG)  # what it costs to read is spared
    frame = parse(text, version)
    if not isinstance(frame, Call) or frame.action not in _LONG_ONES:
        kind = MessageType.CALL if isinstance(frame, Call) else MessageType.CALLRESULT
        raise FrameError(_TOO_LONG, message_id=frame.id, message_type=kind)
    return frame


def _check_depth(message: list[Any]) -> None:
    """Raise FrameError for more than MOST_DEEP levels. Level by level: what it costs is bounded by what was read."""
    level: list[Any] = [message]
    for _ in range(MOST_DEEP):
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return
    raise FrameError(f"nested more than {MOST_DEEP} deep")


def _request(message: list[Any], what: str, identifier: str) -> tuple[str, Any]:
    """Action and payload. A signed message may have its extension before them (OCPP 2.x part 4 §7.1)."""
    first = 3 if len(message) > 3 and isinstance(message[2], dict) else 2
    if len(message) <= first or not isinstance(message[first], str):
        raise FrameError(f"{what} without an action", message_id=identifier, message_type=message[0])
    return message[first], message[first + 1] if len(message) > first + 1 else {}


def call_text(identifier: str, action: str, payload: Mapping[str, Any]) -> str:
    """A CALL of our own."""
    return orjson.dumps([MessageType.CALL, identifier, action, payload]).decode()


def result_text(identifier: str, payload: Mapping[str, Any]) -> str:
    """A CALLRESULT of our own."""
    return orjson.dumps([MessageType.CALLRESULT, identifier, payload]).decode()


def error_text(identifier: str, code: ErrorCode, description: str) -> str:
    """A CALLERROR of our own. ``description`` has at most 255 characters (OCPP-J 1.6 §4.2.3)."""
    return orjson.dumps([MessageType.CALLERROR, identifier, code, description[:255], {}]).decode()


def complaint(error: FrameError, version: Version) -> str | None:
    """What a peer of this edition is to be answered to a message that can't be read; None for nothing.

    1.6 knows no such answer. An unknown message type is told by 2.0.1 (part 4 §4.4) and ignored by 2.1 (§4.1.3). What
    is no CALL is never complained of.
    """
    identifier = UNREADABLE_ID if error.message_id is None else error.message_id
    match version:
        case Version.V201 | Version.V21 if error.message_type in (None, MessageType.CALL):
            return error_text(identifier, ErrorCode.FRAMEWORK, error.what)
        case Version.V201 if error.message_type not in (MessageType.CALLRESULT, MessageType.CALLERROR):
            return error_text(identifier, ErrorCode.MESSAGE_TYPE, error.what)
        case _:
            return None


# Array, number, comma: then the literal of the id.
_UP_TO_ID = re.compile(r'\s*\[\s*-?[0-9]+\s*,\s*("(?:[^"\\]|\\.)*")', re.ASCII)


def with_id(text: str, identifier: str) -> str:
    """The very same message under another id; every other character stays. ``text`` has been parsed before."""
    found = _UP_TO_ID.match(text)
    if found is None:
        raise ValueError(f"no message: {text[:40]!r}")
    return text[: found.start(1)] + orjson.dumps(identifier).decode() + text[found.end(1) :]
