"""The OCPP-J envelope (OCPP-J 1.6 §4.2): text to frame and back.

Only the envelope is read here. A payload that breaks its schema is none of the relay's business: it is forwarded in the
very text it came in, which every frame therefore carries along.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import orjson

from edge.errors import FrameError


class MessageType(IntEnum):
    """First element of every OCPP-J message."""

    CALL = 2
    CALLRESULT = 3
    CALLERROR = 4


class ErrorCode(StrEnum):
    """The error codes of OCPP-J 1.6 §4.2.3 that the gateway itself sends."""

    GENERIC = "GenericError"
    SECURITY = "SecurityError"


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


Frame = Call | CallResult | CallError


def parse(text: str | bytes) -> Frame:
    """Read one WebSocket message.

    Raises :class:`edge.errors.FrameError`, and nothing else, for whatever is no OCPP-J message.
    """
    if isinstance(text, bytes):
        raise FrameError("a binary message where OCPP-J has text")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise FrameError(f"not JSON ({exc.msg} at character {exc.pos})") from exc
    if not isinstance(message, list):
        raise FrameError("JSON, but not an array")
    if len(message) < 2:
        raise FrameError(f"an array of {len(message)} where OCPP-J has at least three elements")
    kind, identifier = message[0], message[1]
    if not isinstance(identifier, str) or not identifier:
        raise FrameError("the message id is not a text")
    # True == 1 and 2.0 == 2 in Python, but neither is a message type.
    if type(kind) is not int:
        raise FrameError("the message type is not a whole number")
    match kind:
        case MessageType.CALL:
            if len(message) < 3 or not isinstance(message[2], str):
                raise FrameError("a CALL without an action")
            payload = message[3] if len(message) > 3 else {}
            return Call(id=identifier, action=message[2], payload=payload, text=text)
        case MessageType.CALLRESULT:
            payload = message[2] if len(message) > 2 else {}
            return CallResult(id=identifier, payload=payload, text=text)
        case MessageType.CALLERROR:
            code, description = ([part if isinstance(part, str) else "" for part in message[2:4]] + ["", ""])[:2]
            return CallError(id=identifier, code=code, description=description, text=text)
        case _:
            raise FrameError(f"message type {kind} is none of OCPP 1.6")


def call_text(identifier: str, action: str, payload: Mapping[str, Any]) -> str:
    """A CALL of our own."""
    return orjson.dumps([MessageType.CALL, identifier, action, payload]).decode()


def result_text(identifier: str, payload: Mapping[str, Any]) -> str:
    """A CALLRESULT of our own."""
    return orjson.dumps([MessageType.CALLRESULT, identifier, payload]).decode()


def error_text(identifier: str, code: ErrorCode, description: str) -> str:
    """A CALLERROR of our own. ``description`` has at most 255 characters (OCPP-J 1.6 §4.2.3)."""
    return orjson.dumps([MessageType.CALLERROR, identifier, code, description[:255], {}]).decode()
