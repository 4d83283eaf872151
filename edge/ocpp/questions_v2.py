"""What a station of OCPP 2.x is asked when it has connected."""

from collections.abc import Iterable

from edge.domain.site import Station
from edge.ocpp import local_rules
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.dossier import Variable
from edge.ocpp.fields import fields, text
from edge.ocpp.profiles import foreign
from edge.ocpp.wire import CallError, CallResult

# OCPP 2.x part 2 §2.10: the largest stack level, the units, and the length of a schedule that the station takes.
CONTROLLER, STACK_LEVEL = "SmartChargingCtrlr", "ProfileStackLevel"
STATUS = "GetTransactionStatus"
CONNECTORS = (3, 2, 1)  # CCS, CHAdeMO and Type 2, of which one EVSE serves one at a time
RATE_UNIT, MAX_PERIODS = "RateUnit", "PeriodsPerSchedule"


def questions(
    station: Station, guarded: Iterable[Variable], running: Iterable[str] = (), *, of_cards: bool = False
) -> list[OwnCall]:
    """How limits are told and what is guarded, then the state of each EVSE, what of cards it lets be judged without
    its cloud (``of_cards``), what limits it holds, and whether the transactions that are known to be ``running`` are:
    an end may have been told while nobody listened.

    An EVSE of several connectors is asked for the others before the first: that the first is free says nothing of it,
    and a car would be overlooked. Most stations have none, and refuse these questions.
    """
    variables = (*((CONTROLLER, name) for name in (STACK_LEVEL, RATE_UNIT, MAX_PERIODS)), *guarded)
    calls = [_get(variables)]
    if station.is_controller:
        return [*calls, OwnCall(action="TriggerMessage", payload={"requestedMessage": "MeterValues"})]
    for evse in station.evses:
        number = evse.key.evse
        for message, place in (
            *(("StatusNotification", {"id": number, "connectorId": connector}) for connector in CONNECTORS),
            ("TransactionEvent", {"id": number}),
            ("MeterValues", {"id": number}),
        ):
            payload = {"requestedMessage": message, "evse": place}
            calls.append(OwnCall(action="TriggerMessage", payload=payload))
    if of_cards:
        calls.append(_get(local_rules.VARIABLES[True]))
    calls.append(foreign.QUESTION)
    return calls + [OwnCall(action=STATUS, payload={"transactionId": transaction}) for transaction in running]


def _get(variables: Iterable[Variable]) -> OwnCall:
    asked = [{"component": {"name": component}, "variable": {"name": name}} for component, name in variables]
    return OwnCall(action="GetVariables", payload={"getVariableData": asked})


def over_by(work: OwnCall, answer: CallResult | CallError) -> str | None:
    """The transaction of which the station says that it is over, and that no event of it is on its way (part 2 E14)."""
    if work.action != STATUS or isinstance(answer, CallError):
        return None
    said = fields(answer.payload)
    is_over = said.get("ongoingIndicator") is False and said.get("messagesInQueue") is False
    return text(work.payload.get("transactionId")) if is_over else None
