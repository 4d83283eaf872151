"""Stations that tell of their configuration less at once than they are asked for, or later."""

from edge.ocpp.arbiter import OwnCall
from edge.ocpp.wire import CallError

_UNKNOWN_ACTION = frozenset({"NotImplemented", "NotSupported"})  # OCPP-J 1.6 §4.2.3, 2.x part 4 §4.3
_LISTS = {"GetVariables": "getVariableData", "GetConfiguration": "key"}
# Whose answers are as good when they come late: a station that starts, or hangs on a slow line, has much to do.
STILL_TRUE = frozenset({*_LISTS, "ChangeConfiguration", "SetVariables"})


def is_question(work: OwnCall) -> bool:
    """Whether a CALL of ours asks for the station's configuration."""
    return work.action in _LISTS


def one_by_one(work: OwnCall, refusal: CallError) -> list[OwnCall]:
    """A refused question about several variables, or keys of 1.6, as one about each: a station has its
    ItemsPerMessageGetVariables (2.x part 2 B06.FR.16), or GetConfigurationMaxKeys (1.6 §9.1.9), and refuses the whole
    of what has more. Of any other CALL none, nor of one that the station doesn't know at all."""
    name = _LISTS.get(work.action)
    if name is None or len(work.payload[name]) < 2 or refusal.code in _UNKNOWN_ACTION:
        return []
    return [OwnCall(action=work.action, payload={name: [each]}) for each in work.payload[name]]
