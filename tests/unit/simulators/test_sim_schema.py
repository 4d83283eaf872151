"""Soundness by a schema as a function: it must never call sound what the validator refuses."""

import json
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator  # type: ignore[import-untyped]  # comes with ocpp, without types

from simulators.schema import sound

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["A", "W", "TxProfile", "Absolute", "x" * 30, "2026-11-21T12:00:00Z", "Voltage"])
    | st.sampled_from([Decimal("16.0"), Decimal("16.05"), Decimal("1e400"), Decimal("-0.1")]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["limit", "id", "idTag"]), inner),
    max_leaves=4,
)


def schema(action: str) -> Any:
    """OCPP 1.6's, of a request."""
    text = files("ocpp.v16").joinpath("schemas", f"{action}.json").read_text(encoding="utf-8-sig")
    return json.loads(text, parse_float=Decimal)


def profile(limit: Any = Decimal("16.0"), **fields: Any) -> dict[str, Any]:
    """A SetChargingProfile.req of one period."""
    return {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
            **fields,
        },
    }


def meter_values(**sample: Any) -> dict[str, Any]:
    """A MeterValues.req of one sample."""
    sampled = {"value": "1.0", "measurand": "Voltage", "phase": "L1-N", "unit": "V", **sample}
    return {"connectorId": 1, "meterValue": [{"timestamp": "2026-11-21T12:00:00Z", "sampledValue": [sampled]}]}


@pytest.mark.parametrize(
    ("action", "payload", "expected"),
    [
        ("SetChargingProfile", profile(), True),
        ("SetChargingProfile", profile(Decimal("16.05")), False),
        ("SetChargingProfile", profile(Decimal("1e400")), False),
        ("SetChargingProfile", profile(True), False),
        ("SetChargingProfile", profile(stackLevel=True), False),
        ("SetChargingProfile", profile(chargingProfileKind="Never"), False),
        ("SetChargingProfile", profile(vendorSays="hello"), False),
        ("SetChargingProfile", {"connectorId": 1}, False),
        ("SetChargingProfile", [], False),
        ("MeterValues", meter_values(), True),
        ("MeterValues", meter_values(value=1.0), False),
        ("MeterValues", meter_values(measurand="Noise"), False),
        ("MeterValues", {"connectorId": 1, "meterValue": []}, False),
        ("Authorize", {"idTag": "x" * 20}, True),
        ("Authorize", {"idTag": "x" * 21}, False),
    ],
)
def test_what_real_peers_send_is_told_from_what_breaks_the_schema(action: str, payload: Any, expected: bool) -> None:
    """The messages that pass most are told sound, and no broken field of them is missed."""
    assert sound(schema(action))(payload) is expected


@given(st.sampled_from(["SetChargingProfile", "MeterValues", "GetConfiguration", "StatusNotification"]), VALUES, VALUES)
def test_never_sound_where_the_validator_finds_something(action: str, one: Any, other: Any) -> None:
    """Whatever a field holds: what is called sound has no error by the validator."""
    base = {
        "SetChargingProfile": profile(limit=one, transactionId=other),
        "MeterValues": meter_values(context=one, unit=other),
        "GetConfiguration": {"key": one},
        "StatusNotification": {"connectorId": one, "errorCode": other, "status": "Available"},
    }[action]
    form = schema(action)
    if sound(form)(base):
        assert next(Draft4Validator(form).iter_errors(base), None) is None


def test_an_unknown_keyword_is_left_to_the_validator() -> None:
    """What isn't understood is never called sound."""
    assert not sound({"type": "string", "pattern": "^a"})("a")
    assert not sound({"type": "number", "multipleOf": 0.1})(1)
    assert not sound({"type": "object", "additionalProperties": {"type": "string"}})({"a": "b"})
    assert not sound({})({})
