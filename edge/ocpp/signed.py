"""Signed messages (OCPP 2.x part 4 §7): the plain one inside. They are relayed as they are; facts are copied out."""

import base64
import binascii
import re
from dataclasses import replace

import orjson

from edge.ocpp.wire import Call, CallError, CallResult

SUFFIX = "-Signed"
# RFC 7515 §2: base64url without padding; some pad it all the same. What else is in it each reader makes something of.
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}", re.ASCII)


def action_of(call: Call) -> str:
    """The action of a CALL, without what says that it is signed."""
    return call.action.removesuffix(SUFFIX)


def plain(call: Call) -> Call:
    """The CALL that is encapsulated, with the text of the whole; its payload is ``{}`` when it can't be read.

    The signed payload is a JWS in flattened JSON serialisation (RFC 7515 §7.2.2). Its signature is the CSMS's to check.
    """
    if not call.action.endswith(SUFFIX):
        return call
    return replace(call, action=action_of(call), payload=_read(encapsulated(call)))


def plain_answer(call: Call, answer: CallResult | CallError) -> CallResult | CallError:
    """The answer that is encapsulated, with the text of the whole: to a signed CALL a station's is signed, too (part 4
    §7.2). The very answer where it isn't."""
    if not call.action.endswith(SUFFIX) or not isinstance(answer, CallResult) or not _is_jws(answer.payload):
        return answer
    return replace(answer, payload=_read(encapsulated(answer)))


def _is_jws(payload: object) -> bool:
    return isinstance(payload, dict) and "payload" in payload and "signature" in payload


def _read(inner: bytes | None) -> object:
    try:
        return orjson.loads(inner) if inner is not None else {}
    except ValueError:
        return {}


def encapsulated(message: Call | CallResult) -> bytes | None:
    """The text of the payload that a signed CALL or CALLRESULT encapsulates; None where there is none."""
    encoded = message.payload.get("payload") if isinstance(message.payload, dict) else None
    if not isinstance(encoded, str) or _BASE64URL.fullmatch(encoded) is None:
        return None
    bare = encoded.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        return None
