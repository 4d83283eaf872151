"""Habits of real stations in the simulators."""

from typing import Any

import pytest

from simulators.charger.quirks import WRITERS, named, with_quirks, written
from simulators.charger.spec import ConnectorSpec, Obedience, Quirk, StationSpec
from simulators.errors import ScenarioError

SPEC = StationSpec(
    identity="CP-01",
    connectors=(ConnectorSpec(connector_id=1, max_a=16.0),),
    vendor="V",
    model="M",
    firmware="1",
    serial="S",
)
SAMPLE = {"value": "9.6", "measurand": "Current.Import", "phase": "L1"}
VOLTAGE = {"value": "230", "measurand": "Voltage", "unit": "V"}
METER = {"connectorId": 1, "meterValue": [{"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [SAMPLE, VOLTAGE]}]}


@pytest.mark.parametrize(
    ("quirk", "payload"),
    [
        (Quirk.NO_ZONE, {"meterValue": [{"timestamp": "2026-06-01T12:00:00", "sampledValue": [SAMPLE, VOLTAGE]}]}),
        (Quirk.YEAR_1970, {"meterValue": [{"timestamp": "1970-01-01T00:01:00Z", "sampledValue": [SAMPLE, VOLTAGE]}]}),
        (Quirk.ERROR_CODE, {}),
        (Quirk.OBJECT_FOR_LIST, {"meterValue": METER["meterValue"][0]}),  # type: ignore[index]
        (
            Quirk.ODD_UNIT,
            {
                "meterValue": [
                    {"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [SAMPLE, {**VOLTAGE, "unit": "Hz"}]}
                ]
            },
        ),
        (
            Quirk.PHASE_N,
            {
                "meterValue": [
                    {"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [{**SAMPLE, "phase": "L1-N"}, VOLTAGE]}
                ]
            },
        ),
        (
            Quirk.BLANKS,
            {
                "meterValue": [
                    {
                        "timestamp": "2026-06-01T12:00:00Z",
                        "sampledValue": [{**SAMPLE, "value": " 9.6"}, {**VOLTAGE, "value": " 230"}],
                    }
                ]
            },
        ),
    ],
)
def test_what_is_written_otherwise(quirk: Quirk, payload: dict[str, Any]) -> None:
    """In meter values; all else stays, and so does the payload that came in."""
    assert written([quirk], "MeterValues", METER) == {**METER, **payload}
    assert written([], "MeterValues", METER) is METER


def test_an_error_code_of_its_own() -> None:
    """In a StatusNotification of 1.6; there is none in 2.x."""
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert written([Quirk.ERROR_CODE], "StatusNotification", status) == {**status, "errorCode": "Error"}
    assert written([Quirk.ERROR_CODE], "StatusNotification", {"evseId": 1}) == {"evseId": 1}


def test_what_is_done_otherwise() -> None:
    """Every quirk either changes the specification or has its writer."""
    assert with_quirks(SPEC, [Quirk.LOCAL_TIME_AS_UTC]).clock_offset_s == 7200.0
    assert with_quirks(SPEC, [Quirk.ACCEPTS_AND_IGNORES]).obedience is Obedience.IGNORES
    assert with_quirks(SPEC, [Quirk.REFUSES_PROFILES]).obedience is Obedience.REFUSES
    for quirk in Quirk:
        assert (quirk in WRITERS) is (with_quirks(SPEC, [quirk]).quirks == {quirk})


def test_names() -> None:
    """One that isn't there is told, with those that are."""
    assert named(["phase-n", "blanks", "phase-n"]) == (Quirk.PHASE_N, Quirk.BLANKS)
    with pytest.raises(ScenarioError, match="there is no quirk 'phase'; there are: no-zone, "):
        named(["phase"])
