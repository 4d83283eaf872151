"""Prices and costs over OCPP 1.6: DataTransfers that name a transaction, by the number that the cloud gave it.

OCA's application note "OCPP & California Pricing Requirements" §3: the cloud tells what a session costs so far
(RunningCost) and has cost (FinalCost), and the station when its cable was taken out (ConnectorUnplugged), up to when
standing there is charged for. That "is queued like other transaction-related messages". Their data is JSON in a text.
"""

from collections.abc import Mapping
from json import dumps
from typing import Any

import orjson

from edge.offline.message import mapping, whole
from edge.offline.message import text as text_in
from edge.offline.splice import replace_value

ACTION = "DataTransfer"
UNPLUGGED = "ConnectorUnplugged"
_VENDOR = "org.openchargealliance.costmsg"
_OF_TRANSACTIONS = frozenset({"RunningCost", "FinalCost", UNPLUGGED})
_DATA, _NUMBER = (3, "data"), "transactionId"


def is_one(action: str, payload: Mapping[str, Any]) -> bool:
    """Whether a CALL of 1.6 is one of these."""
    is_cost = action == ACTION and payload.get("vendorId") == _VENDOR
    return is_cost and text_in(payload.get("messageId")) in _OF_TRANSACTIONS


def is_unplugged(action: str, payload: Mapping[str, Any]) -> bool:
    """Whether the station tells by it that a session's cable is out."""
    return is_one(action, payload) and payload.get("messageId") == UNPLUGGED


def transaction(payload: Mapping[str, Any]) -> int | None:
    """The number in one of them; None where there is none."""
    data = payload.get("data")
    if isinstance(data, str):
        try:
            data = orjson.loads(data)
        except ValueError:
            return None
    return whole(mapping(data).get(_NUMBER))


def with_transaction(text: str, payload: Mapping[str, Any], number: int) -> str:
    """The frame ``text`` of one with another number in it, and nothing else changed.

    :raises NotFound: there is none in it.
    """
    data = text_in(payload.get("data"))
    if data is None:  # some send the object itself
        return replace_value(text, (*_DATA, _NUMBER), str(number))
    return replace_value(text, _DATA, dumps(replace_value(data, (_NUMBER,), str(number)), ensure_ascii=False))
