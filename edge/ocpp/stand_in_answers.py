"""What whoever stands in for a cloud makes of the station's answers to that cloud."""

from collections.abc import Mapping
from typing import Any

from edge.ocpp.routing import FROM_CLOUD, TO_STAND_IN
from edge.ocpp.stand_in import StandIn
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult


def answer_instead(
    stand_in: StandIn | None, version: Version, call: Call, answer: CallResult | CallError
) -> Mapping[str, Any] | None:
    """What the cloud is told in place of the station's ``answer`` to its ``call``; None to pass that on."""
    if stand_in is None or FROM_CLOUD[version].get(call.action) not in TO_STAND_IN:
        return None
    if isinstance(answer, CallResult):
        return stand_in.list_answered(call.action, call.payload, answer=answer.payload)
    return stand_in.list_answered(call.action, call.payload, error=answer.code)
