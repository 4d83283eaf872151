"""What the simulated station answers to frames and payloads that are not as OCPP-J 1.6 has them."""

from typing import Any

import pytest

from simulators.charger.frames import CallRefused, check_payload
from tests.unit.simulators.sim_charger_bench import (
    NOON_S,
    Bench,
    limit_profile,
)


@pytest.mark.parametrize(
    "text",
    ["", "hello", "{}", "[]", "[9,\"1\",{}]", "[2]", "[3,\"nobody\",{}]", "[4,\"nobody\",\"X\",\"\",{}]",
     "[2,1,\"Reset\",{\"type\":\"Hard\"}]", "[NaN]", "[" * 100_000, b"[2,\"1\",\"Reset\",{}]"],
)  # fmt: skip
def test_what_is_no_frame_is_ignored(text: str | bytes) -> None:
    """OCPP-J §4.1.3: unreadable messages, unknown types and answers to nothing have no effect."""
    bench = Bench().connect()
    bench.send(text)
    assert bench.replies == []
    assert bench.disconnects == 0
    assert bench.call("GetLocalListVersion", {}) == {"listVersion": 0}


@pytest.mark.parametrize("text", ['[2,"7","Reset"]', '[2,"7","Reset",[]]', '[2,"7",5,{}]', '[2,"7","Reset",{},1]'])
def test_a_malformed_call_with_an_id_gets_a_formation_violation(text: str) -> None:
    """OCPP-J §4.2.3: who can be answered is."""
    bench = Bench().connect()
    bench.send(text)
    assert [reply[:3] for reply in bench.replies] == [[4, "7", "FormationViolation"]]


REFUSALS: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown action": ("MakeCoffee", {}, "NotImplemented"),
    "known but not done here": ("ReserveNow", {}, "NotImplemented"),
    "missing field": ("Reset", {}, "OccurenceConstraintViolation"),
    "wrong type": ("Reset", {"type": 1}, "TypeConstraintViolation"),
    "wrong value": ("Reset", {"type": "Gentle"}, "PropertyConstraintViolation"),
    "extra field": ("ClearCache", {"really": True}, "FormationViolation"),
    "two digits after the point": (
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": limit_profile(8.15)},
        "PropertyConstraintViolation",
    ),
    "a number beyond all reason": (
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": limit_profile(10**60)},
        "PropertyConstraintViolation",
    ),
    "unknown unit": (
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": limit_profile(8, schedule={"chargingRateUnit": "kW"})},
        "PropertyConstraintViolation",
    ),
    "no such connector": (
        "SetChargingProfile",
        {"connectorId": 3, "csChargingProfiles": limit_profile(8)},
        "PropertyConstraintViolation",
    ),
    "no time": (
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": limit_profile(8, validTo="noon")},
        "TypeConstraintViolation",
    ),
    "unknown composite unit": (
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 10, "chargingRateUnit": "kW"},
        "PropertyConstraintViolation",
    ),
}


@pytest.mark.parametrize(("action", "payload", "code"), REFUSALS.values(), ids=REFUSALS)
def test_callerrors(action: str, payload: dict[str, Any], code: str) -> None:
    """OCPP-J §4.2.3, errata 3.24, 3.38, 3.39, 3.71: each kind of wrong gets its code."""
    assert Bench().connect().refusal(action, payload) == code


def test_a_limit_of_8_1_is_one_digit() -> None:
    """errata 3.71's own example must pass the check of one digit, though 8.1 is no binary fraction."""
    bench = Bench().connect()
    assert bench.set_profile(1, limit_profile(8.1)) == "Accepted"


def test_the_bench_itself_would_notice_a_wrong_payload() -> None:
    """The schema check that every frame of these tests goes through does refuse."""
    with pytest.raises(CallRefused, match="Additional properties"):
        check_payload("Heartbeat", {"now": NOON_S})
