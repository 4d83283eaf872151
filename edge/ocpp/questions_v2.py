"""What a station of OCPP 2.x is asked when it has connected."""

from collections.abc import Iterable

from edge.domain.site import Station
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.dossier import Variable

# OCPP 2.x part 2 §2.10: the largest stack level, the units, and the length of a schedule that the station takes.
CONTROLLER, STACK_LEVEL = "SmartChargingCtrlr", "ProfileStackLevel"
RATE_UNIT, MAX_PERIODS = "RateUnit", "PeriodsPerSchedule"


def questions(station: Station, guarded: Iterable[Variable]) -> list[OwnCall]:
    """How limits are told and what is guarded, then the state of each EVSE.

    An EVSE of two connectors is asked for the second before the first: that the first is free says nothing of it, and a
    car would be overlooked. Most stations have none, and refuse that question.
    """
    variables = (*((CONTROLLER, name) for name in (STACK_LEVEL, RATE_UNIT, MAX_PERIODS)), *guarded)
    asked = [{"component": {"name": component}, "variable": {"name": name}} for component, name in variables]
    calls = [OwnCall(action="GetVariables", payload={"getVariableData": asked})]
    if station.is_controller:
        return [*calls, OwnCall(action="TriggerMessage", payload={"requestedMessage": "MeterValues"})]
    for evse in station.evses:
        number = evse.key.evse
        for message, place in (
            ("StatusNotification", {"id": number, "connectorId": 2}),
            ("StatusNotification", {"id": number, "connectorId": 1}),
            ("TransactionEvent", {"id": number}),
            ("MeterValues", {"id": number}),
        ):
            payload = {"requestedMessage": message, "evse": place}
            calls.append(OwnCall(action="TriggerMessage", payload=payload))
    return calls
