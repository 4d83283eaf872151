"""Signed messages (OCPP 2.x part 4 §7): the plain one inside. They are relayed as they are; facts are copied out."""

import base64
import binascii
from dataclasses import replace

import orjson

from edge.ocpp.wire import Call

SUFFIX = "-Signed"


def action_of(call: Call) -> str:
    """The action of a CALL, without what says that it is signed."""
    return call.action.removesuffix(SUFFIX)


def plain(call: Call) -> Call:
    """The CALL that is encapsulated, with the text of the whole; its payload is ``{}`` when it can't be read.

    The signed payload is a JWS in flattened JSON serialisation (RFC 7515 §7.2.2). Its signature is the CSMS's to check.
    """
    if not call.action.endswith(SUFFIX):
        return call
    encoded = call.payload.get("payload") if isinstance(call.payload, dict) else None
    payload: object = {}
    if isinstance(encoded, str):
        try:
            payload = orjson.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        except (binascii.Error, ValueError):
            payload = {}
    return replace(call, action=action_of(call), payload=payload)
