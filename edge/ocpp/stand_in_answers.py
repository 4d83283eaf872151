"""What whoever stands in for a cloud makes of the station's answers to that cloud."""

from collections.abc import Mapping
from typing import Any

from edge.domain.token import LocalRules
from edge.ocpp import local_rules
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


class RulesHeard:
    """What a station's configuration lets whoever stands in judge, as its answers tell it."""

    def __init__(self, stand_in: StandIn | None) -> None:
        self._stand_in = stand_in
        self._rules = LocalRules()

    @property
    def are_wanted(self) -> bool:
        """Whether the station is to be asked for them."""
        return self._stand_in is not None and self._stand_in.wants_rules

    def answered(self, action: str, request: object, answer: CallResult | CallError) -> None:
        """The station has answered a CALL, of the cloud or ours."""
        if self._stand_in is None or not isinstance(answer, CallResult):
            return
        before, self._rules = self._rules, local_rules.learned(self._rules, action, request, answer.payload)
        if self._rules != before:
            self._stand_in.allows(self._rules)
