"""What stations get wrong, as told."""

from typing import Any

import pytest

from edge.ocpp import wire
from edge.ocpp.diagnosis import FIRST, MOST_DUE, THEN_EVERY, Diagnosis
from edge.ocpp.routing import FROM_CLOUD, FROM_STATION
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallResult
from tests.unit.ocpp.ocpp_bench import call, result

SOUND = {"connectorId": 1, "meterValue": [{"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [{"value": "9"}]}]}


def look(diagnosis: Diagnosis, text: str, version: Version) -> tuple[int, list[str]] | None:
    """Show it what a station has sent, then let it look."""
    frame = wire.parse(text, version)
    assert isinstance(frame, Call)
    diagnosis.asks(frame, version)
    return diagnosis.look()


def sampled(**fields: Any) -> dict[str, Any]:
    """MeterValues.req with one odd sampledValue."""
    value = [{"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [{"value": "1", **fields}]}]
    return {"connectorId": 1, "meterValue": value}


@pytest.mark.parametrize(
    ("version", "action", "payload", "violations"),
    [
        (Version.V16, "MeterValues", SOUND, []),
        (
            Version.V16,
            "StatusNotification",
            {"connectorId": 1, "status": "Available", "errorCode": "Error"},  # lbbrhzn/ocpp issue 1248
            ["StatusNotification: errorCode: breaks enum ('Error')"],
        ),
        (
            Version.V16,
            "MeterValues",
            {"connectorId": 1, "meterValue": {}},  # lbbrhzn/ocpp issue 1144
            ["MeterValues: meterValue: breaks type (an object)"],
        ),
        (
            Version.V16,
            "MeterValues",
            sampled(unit="Hz"),
            ["MeterValues: meterValue.[].sampledValue.[].unit: breaks enum ('Hz')"],
        ),
        (
            Version.V201,
            "StatusNotification",
            {"connectorStatus": "Available", "evseId": 1, "connectorId": 1},
            ["StatusNotification: payload: breaks required (an object)"],
        ),
        (
            Version.V21,
            "Heartbeat",
            {"idTag": "DEADBEEF"},
            ["Heartbeat: payload: breaks additionalProperties (an object)"],
        ),
        (Version.V16, "Authorize", {"idTag": "X" * 25}, ["Authorize: idTag: breaks maxLength (a text)"]),
    ],
)
def test_violations(version: Version, action: str, payload: dict[str, Any], violations: list[str]) -> None:
    """Where, and which rule; the value only where it should be a word of a list."""
    assert look(Diagnosis(), call("1", action, payload), version) == (len(violations), violations)


@pytest.mark.parametrize("version", Version)
def test_every_action_has_a_schema(version: Version) -> None:
    """None is missing under the name that is looked for, and an empty object is never a fault of ours."""
    for action in FROM_STATION[version]:
        looked = look(Diagnosis(), call("1", action), version)
        assert looked is not None
        assert looked[0] == len(looked[1])


@pytest.mark.parametrize("version", Version)
def test_every_answer_has_a_schema(version: Version) -> None:
    """None is missing under the name that is looked for."""
    for action in FROM_CLOUD[version]:
        diagnosis = Diagnosis()
        diagnosis.answers(action, CallResult(id="1", payload={}, text='[3,"1",{}]'), version)
        assert diagnosis.look() is not None


def test_answers_are_judged() -> None:
    """Those that a station gives the cloud and the gateway, by what was asked."""
    diagnosis = Diagnosis()
    payload = {"status": "accepted"}
    diagnosis.answers("Reset", CallResult(id="1", payload=payload, text=result("1", payload)), Version.V16)
    assert diagnosis.look() == (1, ["answer to Reset: status: breaks enum ('accepted')"])


def test_a_flood_makes_no_queue() -> None:
    """Only some messages wait to be looked at."""
    diagnosis = Diagnosis()
    for action in list(FROM_STATION[Version.V21])[: 2 * MOST_DUE]:
        diagnosis.asks(Call(id="1", action=action, payload={}, text=call("1", action)), Version.V21)
    assert sum(diagnosis.look() is not None for _ in range(3 * MOST_DUE)) == MOST_DUE


def test_numbers_are_taken_as_they_are_written() -> None:
    """8.1 is a multiple of 0.1, which a float isn't (citrineos-core pull 959)."""
    period = '{"startPeriod":0,"limit":8.1}'
    schedule = f'{{"chargingRateUnit":"A","chargingSchedulePeriod":[{period}],"id":1}}'
    payload = f'{{"timeBase":"2026-06-01T12:00:00Z","evseId":1,"chargingSchedule":{schedule}}}'
    text = f'[2,"1","NotifyEVChargingSchedule",{payload}]'
    assert look(Diagnosis(), text, Version.V201) == (0, [])


def test_each_kind_is_told_once_and_counted_further() -> None:
    """The first frames are all looked at, then one of many."""
    diagnosis = Diagnosis()
    text = call("1", "MeterValues", sampled(unit="Hz"))
    looks = [look(diagnosis, text, Version.V16) for _ in range(2 * THEN_EVERY + 1)]
    assert [each is not None for each in looks[: FIRST + 1]] == [True] * FIRST + [False]
    found = [each for each in looks if each is not None]
    assert sum(count for count, _ in found) == FIRST + 2
    assert sum(len(news) for _, news in found) == 1


@pytest.mark.parametrize("text", ['[2,"1","VendorThing",{}]', '[2,"1","Authorize-Signed",{}]'])
def test_what_has_no_schema_is_not_judged(text: str) -> None:
    """Vendors' own, and signed ones."""
    assert look(Diagnosis(), text, Version.V201) is None
