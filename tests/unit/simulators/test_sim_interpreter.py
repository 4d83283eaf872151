"""What stands between a station or cloud that thinks in OCPP 1.6 and a socket that speaks 2.x."""

import json
from typing import Any

import pytest
from ocpp.messages import MessageType, get_validator  # type: ignore[import-untyped] # ocpp 2.1 ships no types

from simulators.interpreter import CloudInterpreter, StationInterpreter

EDITIONS = ("2.0.1", "2.1")
NOON, LATER = "2026-06-01T12:00:00.000Z", "2026-06-01T12:10:00.000Z"
NOON_S = 1_780_315_200.0
STATUS = {"connectorId": 1, "errorCode": "NoError", "timestamp": NOON}
SAMPLE = {"value": "16.00", "phase": "L1", "unit": "A", "measurand": "Current.Import", "context": "Sample.Periodic"}
METER = [{"timestamp": NOON, "sampledValue": [{**SAMPLE, "location": "Outlet"}]}]
START = {"connectorId": 1, "idTag": "CARD", "meterStart": 100, "timestamp": NOON}
STOP = {"meterStop": 900, "timestamp": LATER, "reason": "Local", "idTag": "CARD", "transactionId": 7}
UNIT = {
    "chargePointVendor": "Simulated",
    "chargePointModel": "Post",
    "chargePointSerialNumber": "1",
    "firmwareVersion": "1.0",
}
# Everything that a station's logic says, and whether it belongs to the transaction 7.
SAID: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("BootNotification", UNIT, False),
    ("Heartbeat", {}, False),
    ("Authorize", {"idTag": "CARD"}, False),
    ("StatusNotification", {**STATUS, "status": "Available"}, False),
    ("StatusNotification", {**STATUS, "status": "Finishing"}, False),
    ("StatusNotification", {**STATUS, "status": "Faulted", "errorCode": "GroundFailure"}, False),
    ("MeterValues", {"connectorId": 1, "meterValue": METER}, False),
    ("StartTransaction", START, True),
    ("StatusNotification", {**STATUS, "status": "Charging", "transactionId": 7}, True),
    ("MeterValues", {"connectorId": 1, "meterValue": METER, "transactionId": 7}, True),
    ("StopTransaction", {**STOP, "reason": "HardReset"}, True),
)


class Interpreted:
    """One station's interpreter, and the cloud's. A transaction runs where `runs` says so."""

    def __init__(self) -> None:
        self.transaction: int | None = None
        self.runs = True
        self.station = StationInterpreter("CP-1", transaction=lambda: self.transaction, runs=lambda _evse: self.runs)
        self.cloud = CloudInterpreter()
        self.station.linked(NOON_S)
        self._calls = 0

    def says(
        self, action: str, payload: dict[str, Any], *, in_transaction: bool = False
    ) -> tuple[list[Any], list[Any]]:
        """The CALL as those hear it who judge in 1.6, and as it goes."""
        self._calls += 1
        self.transaction = 7 if in_transaction else None
        read, goes = self.station.says(json.dumps([2, str(self._calls), action, payload]))
        assert goes is not None
        return json.loads(read), json.loads(goes)

    def answered(self, payload: dict[str, Any]) -> dict[str, Any]:
        """What the station's logic hears of the cloud's answer to the last CALL."""
        goes = self.cloud.says(json.dumps([3, str(self._calls), payload]))
        heard, at_once = self.station.hears(goes)
        assert at_once is None
        answer: dict[str, Any] = json.loads(heard[0])[2]
        return answer

    def asked(self, action: str, payload: dict[str, Any]) -> tuple[list[list[Any]], list[Any] | None]:
        """What the logic hears of a CALL of 2.x, and what is answered at once."""
        heard, at_once = self.station.hears(json.dumps([2, "ask", action, payload]))
        return [json.loads(each) for each in heard], None if at_once is None else json.loads(at_once)


def is_valid(edition: str, kind: MessageType, action: str, payload: dict[str, Any]) -> bool:
    """By the Open Charge Alliance's schema."""
    return not list(get_validator(kind, action, edition).iter_errors(payload))


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(("action", "payload", "in_transaction"), SAID)
def test_what_a_station_says_fits_the_schema_and_is_the_same_to_both_ends(
    edition: str, action: str, payload: dict[str, Any], in_transaction: bool
) -> None:
    """Who judges at the station and who keeps the cloud's books read the same, but for a transaction's number."""
    both = Interpreted()
    both.cloud.hears(json.dumps(both.says("StartTransaction", START, in_transaction=True)[1]))
    both.answered({"transactionId": 1001, "idTagInfo": {"status": "Accepted"}})
    read, goes = both.says(action, payload, in_transaction=in_transaction)
    assert is_valid(edition, MessageType.Call, goes[2], goes[3]), goes
    heard = json.loads(both.cloud.hears(json.dumps(goes)))
    assert read[3].pop("transactionId", None) in (None, 7)
    assert heard[3].pop("transactionId", None) in (None, 1001)
    assert heard == read
    assert read[2] == action


def test_a_session_is_a_sequence_of_events() -> None:
    """Numbered from 0; what is said again is the same event, and what was kept is marked as such (E04)."""
    both = Interpreted()
    events: list[dict[str, Any]] = []
    for action, payload, in_transaction in SAID[7:]:
        events += [both.says(action, payload, in_transaction=in_transaction)[1][3] for _ in range(2)]
    assert [event["seqNo"] for event in events] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [event["eventType"] for event in events[::2]] == ["Started", "Updated", "Updated", "Ended"]
    assert {event["transactionInfo"]["transactionId"] for event in events} == {"CP-1-7"}
    assert "offline" not in events[0]
    both = Interpreted()
    both.station.linked(NOON_S + 60.0)
    assert both.says("StartTransaction", START, in_transaction=True)[1][3]["offline"] is True


def test_a_station_that_names_its_transactions_keeps_its_number() -> None:
    """Whatever the cloud's books call it; an event may be answered without a word of its token."""
    both = Interpreted()
    both.cloud.hears(json.dumps(both.says("StartTransaction", START, in_transaction=True)[1]))
    heard = both.answered({"transactionId": 1001, "idTagInfo": {"status": "Blocked", "parentIdTag": "FLEET"}})
    assert heard == {"transactionId": 7, "idTagInfo": {"status": "Blocked", "parentIdTag": "FLEET"}}
    both.says("StartTransaction", START, in_transaction=True)
    heard_of, _ = both.station.hears(json.dumps([3, "2", {}]))
    assert json.loads(heard_of[0])[2] == {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}


def profile(**more: Any) -> dict[str, Any]:
    """A ChargingProfileType whose limit is finer than 1.6 has it."""
    schedule = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.19}]}
    whole = {"id": 3, "stackLevel": 9, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Absolute"}
    return {**whole, "chargingSchedule": [schedule], **more}


def test_a_profile_is_told_as_1_6_has_it() -> None:
    """Rounded down; a transaction of another station is no transaction of this one."""
    both = Interpreted()
    heard, _ = both.asked("SetChargingProfile", {"evseId": 1, "chargingProfile": profile(transactionId="CP-1-7")})
    told = heard[0][3]["csChargingProfiles"]
    assert (told["transactionId"], told["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]) == (7, 10.1)
    heard, _ = both.asked("SetChargingProfile", {"evseId": 1, "chargingProfile": profile(transactionId="CP-2-7")})
    assert heard[0][3]["csChargingProfiles"]["transactionId"] < 0


def test_variables_are_keys() -> None:
    """Those that have one; one write of several is several of 1.6, and answered when all are."""
    both = Interpreted()
    places = [("SampledDataCtrlr", "TxUpdatedInterval"), ("SampledDataCtrlr", "Enabled"), ("Foo", "Bar")]
    data = [{"component": {"name": component}, "variable": {"name": name}} for component, name in places]
    heard, _ = both.asked("GetVariables", {"getVariableData": data})
    assert heard[0][2:] == [
        "GetConfiguration",
        {"key": ["MeterValueSampleInterval", "SampledDataCtrlr.Enabled", "Foo.Bar"]},
    ]
    found = {"configurationKey": [{"key": "MeterValueSampleInterval", "readonly": False, "value": "10"}]}
    _, goes = both.station.says(json.dumps([3, "ask", {**found, "unknownKey": ["Foo.Bar"]}]))
    assert goes is not None
    results = json.loads(goes)[2]["getVariableResult"]
    assert [each.get("attributeValue") for each in results] == ["10", "true", None]
    writes = [{**each, "attributeValue": "60"} for each in (data[0], data[2])]
    heard, _ = both.asked("SetVariables", {"setVariableData": writes})
    assert [each[2] for each in heard] == ["ChangeConfiguration"] * 2
    first = both.station.says(json.dumps([3, heard[0][1], {"status": "Accepted"}]))[1]
    second = both.station.says(json.dumps([3, heard[1][1], {"status": "NotSupported"}]))[1]
    assert first is None
    assert second is not None
    results = json.loads(second)[2]["setVariableResult"]
    assert [each["attributeStatus"] for each in results] == ["Accepted", "UnknownVariable"]


def test_what_no_station_of_a_world_does_is_said_so() -> None:
    """And a transaction that doesn't run isn't told of."""
    both = Interpreted()
    heard, at_once = both.asked("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"})
    assert heard == []
    assert at_once is not None
    assert at_once[:3] == [4, "ask", "NotImplemented"]
    both.runs = False
    trigger = {"requestedMessage": "TransactionEvent", "evse": {"id": 1}}
    assert both.asked("TriggerMessage", trigger) == ([], [3, "ask", {"status": "Rejected"}])
    both.runs = True
    elsewhere = {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 2}}
    assert both.asked("TriggerMessage", elsewhere) == ([], [3, "ask", {"status": "Rejected"}])
    heard, _ = both.asked("TriggerMessage", trigger)
    assert heard[0][3] == {"requestedMessage": "MeterValues", "connectorId": 1}


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Reset", {"type": "Hard"}),
        ("ClearChargingProfile", {}),
        ("ClearChargingProfile", {"id": 3, "chargingProfilePurpose": "ChargePointMaxProfile"}),
        (
            "SetChargingProfile",
            {
                "connectorId": 0,
                "csChargingProfiles": {
                    "chargingProfileId": 1,
                    "stackLevel": 0,
                    "chargingProfilePurpose": "ChargePointMaxProfile",
                    "chargingProfileKind": "Absolute",
                    "chargingSchedule": {
                        "startSchedule": "2020-01-01T00:00:00Z",
                        "chargingRateUnit": "A",
                        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 500.0}],
                    },
                },
            },
        ),
    ],
)
def test_what_the_cloud_asks_for_comes_to_the_station(edition: str, action: str, payload: dict[str, Any]) -> None:
    """Through 2.x and back it is what the cloud has asked."""
    both = Interpreted()
    goes = json.loads(both.cloud.says(json.dumps([2, "ask", action, payload])))
    assert is_valid(edition, MessageType.Call, goes[2], goes[3]), goes
    heard, _ = both.asked(goes[2], goes[3])
    assert heard == [[2, "ask", action, payload]]


def test_a_composite_that_the_gateway_tells_is_told_as_1_6_has_it() -> None:
    """The cloud's own CALL, and its answer."""
    both = Interpreted()
    asked = {"connectorId": 1, "duration": 60, "chargingRateUnit": "A"}
    goes = json.loads(both.cloud.says(json.dumps([2, "ask", "GetCompositeSchedule", asked])))
    assert is_valid("2.0.1", MessageType.Call, goes[2], goes[3])
    periods = [{"startPeriod": 0, "limit": 16.0}]
    of_2 = {"evseId": 1, "duration": 60, "scheduleStart": NOON, "chargingRateUnit": "A"}
    answer = {"status": "Accepted", "schedule": {**of_2, "chargingSchedulePeriod": periods}}
    told = json.loads(both.cloud.hears(json.dumps([3, "ask", answer])))[2]
    schedule = {"startSchedule": NOON, "duration": 60, "chargingRateUnit": "A", "chargingSchedulePeriod": periods}
    assert told == {"status": "Accepted", "connectorId": 1, "scheduleStart": NOON, "chargingSchedule": schedule}


def test_a_remote_stop_names_the_station_s_transaction() -> None:
    """By the number of the cloud's books."""
    both = Interpreted()
    both.cloud.hears(json.dumps(both.says("StartTransaction", START, in_transaction=True)[1]))
    both.answered({"transactionId": 1001, "idTagInfo": {"status": "Accepted"}})
    goes = json.loads(both.cloud.says(json.dumps([2, "ask", "RemoteStopTransaction", {"transactionId": 1001}])))
    assert goes[2:] == ["RequestStopTransaction", {"transactionId": "CP-1-7"}]
    heard, _ = both.asked(goes[2], goes[3])
    assert heard[0][2:] == ["RemoteStopTransaction", {"transactionId": 7}]
