"""OCPP-J 1.6 framing: what one WebSocket text message is, and how one is written.

Numbers with a fraction are read as Decimal, so that "at most one digit fraction" can be checked exactly.
"""

import json
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from enum import IntEnum, StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jsonschema import Draft4Validator  # type: ignore[import-untyped]  # comes with ocpp, without types

from simulators.schema import Check, sound

Payload = dict[str, Any]

CALLRESULT = "[3,"  # nothing is checked of the numbers in these


class MessageType(IntEnum):
    """OCPP-J 1.6 §4.1.3."""

    CALL = 2
    CALLRESULT = 3
    CALLERROR = 4


class ErrorCode(StrEnum):
    """OCPP-J 1.6 §4.2.3, spelt as there."""

    NOT_IMPLEMENTED = "NotImplemented"
    FORMATION_VIOLATION = "FormationViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    PROTOCOL_ERROR = "ProtocolError"


class CallRefused(Exception):
    """Ends the handling of a CALL: the answer is a CALLERROR with this code and description."""

    def __init__(self, code: ErrorCode, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """[2, message id, action, payload]"""

    message_id: str
    action: str
    payload: Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """[3, message id, payload]"""

    message_id: str
    payload: Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class CallError:
    """[4, message id, code, description, details]"""

    message_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """Not a frame. With a message id it was meant as a CALL and can be answered; without, nothing can be done."""

    message_id: str | None
    reason: str


Frame = Call | CallResult | CallError | Malformed


def parse(text: str | bytes) -> Frame:
    """Read one message. Never raises: what can't be read is Malformed; unknown message types too (they are
    ignored, OCPP-J 1.6 §4.1.3)."""
    if isinstance(text, bytes):
        return Malformed(message_id=None, reason="a binary message")
    try:
        parts = orjson.loads(text) if text.startswith(CALLRESULT) else _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        return Malformed(message_id=None, reason=f"not JSON: {error}")
    match parts:
        case [2, str(message_id), str(action), dict(payload)]:
            return Call(message_id=message_id, action=action, payload=payload)
        case [3, str(message_id), dict(payload)]:
            return CallResult(message_id=message_id, payload=payload)
        case [4, str(message_id), str(code), *_]:
            return CallError(message_id=message_id, code=code)
        case [2, str(message_id), *_]:
            return Malformed(message_id=message_id, reason="a CALL is [2, id, action, payload object]")
        case _:
            return Malformed(message_id=None, reason="not a CALL, CALLRESULT or CALLERROR of OCPP 1.6")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


def call_text(message_id: str, action: str, payload: Payload) -> str:
    """The text of a CALL."""
    return _dump([MessageType.CALL, message_id, action, payload])


def result_text(message_id: str, payload: Payload) -> str:
    """The text of a CALLRESULT."""
    return _dump([MessageType.CALLRESULT, message_id, payload])


def error_text(message_id: str, code: ErrorCode, description: str) -> str:
    """The text of a CALLERROR; the description is cut to the 255 characters that OCPP-J 1.6 §4.2.3 allows."""
    return _dump([MessageType.CALLERROR, message_id, code, description[:255], {}])


def _dump(frame: list[Any]) -> str:
    return orjson.dumps(frame).decode()


# Which error a broken schema keyword is; whatever isn't named is a property constraint (enum, maxLength, multipleOf …).
_CODE_OF_KEYWORD = {
    "required": ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
    "minItems": ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
    "type": ErrorCode.TYPE_CONSTRAINT_VIOLATION,
    "additionalProperties": ErrorCode.FORMATION_VIOLATION,
}


def check_payload(action: str, payload: Payload) -> None:
    """Hold a CALL's payload against the official JSON schema of its action.

    Raises CallRefused. `action` must be one of OCPP 1.6.
    """
    validator, is_sound = _validator(action)
    if is_sound(payload):
        return
    try:
        error = next(validator.iter_errors(payload), None)
    except DecimalException:  # a number with more digits than a decimal division can take
        raise CallRefused(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "a number is out of range") from None
    if error is not None:
        where = ".".join(str(step) for step in error.absolute_path) or "the payload"
        code = _CODE_OF_KEYWORD.get(error.validator, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
        raise CallRefused(code, f"{where}: {error.message}")


@cache
def _validator(action: str) -> tuple[Any, Check]:
    text = files("ocpp.v16").joinpath("schemas", f"{action}.json").read_text(encoding="utf-8-sig")
    schema = json.loads(text, parse_float=Decimal)
    return Draft4Validator(schema), sound(schema)
