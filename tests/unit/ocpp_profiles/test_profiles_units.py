"""Amperes or watts."""

from datetime import UTC, datetime

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.site import EvseKey
from edge.ocpp import limit_v2
from edge.ocpp.profiles import writer
from edge.ocpp.profiles.model import RateUnit
from edge.ocpp.profiles.units import Units, in_watts, watts
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, evse, is_valid, limit, result
from tests.unit.ocpp_profiles.profile_bench import V16, V201

A, W = RateUnit.AMPERES, RateUnit.WATTS
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "unit"),
    [("Current", A), ("Power", W), ("Current,Power", A), (" power , current", A), ("W", W), ("A,W", A), ("horses", A)],
)
def test_what_a_station_allows(value: str, unit: RateUnit) -> None:
    """1.6 §9.4.2 says Current and Power, 2.x A and W; amperes are wanted where they are known."""
    units = Units()
    units.allows(value)
    assert units.unit is unit


def test_one_refusal_is_chance_two_in_a_row_are_a_way() -> None:
    """An acceptance between them starts the count anew; silence says nothing; who refuses both is asked in turn."""
    bench, seen = Bench(), []
    bench.connect()
    for number, outcome in enumerate(("Rejected", "Accepted", "Rejected", None, "Rejected", "Rejected", "Rejected")):
        identifier, _, payload = bench.write(limit(number)).own_call
        seen.append(payload["csChargingProfiles"]["chargingSchedule"]["chargingRateUnit"])
        if outcome is None:
            bench.wait(11.0)
        else:
            bench.station_says(result(identifier, {"status": outcome}))
    assert seen == [A, A, A, A, A, W, W]


def test_what_was_accepted_comes_first() -> None:
    """Also after the station has told once more that it takes both: it has been found to mean one of them."""
    units = Units()
    for _ in range(2):
        units.refused()
    units.accepted()
    units.allows("Current,Power")
    assert units.unit is W
    units.allows("Current")
    assert units.unit is A


def test_who_takes_amperes_refuses_something_else() -> None:
    """A limit for a session whose start's answer was lost, say: watts are for when no rung of the ladder helps."""
    units = Units()
    units.allows("Current,Power")
    assert [units.refused() for _ in range(4)] == [False, True, False, True]
    assert units.unit is A
    units.use_spare()
    assert units.unit is A
    assert [units.refused() for _ in range(2)] == [False, False]
    assert units.unit is W


def test_who_has_told_amperes_is_told_amperes_again() -> None:
    """It refused everything for some minutes, and took watts when that was over: not for ever, and if it means it, the
    tries become seldom.
    """
    units = Units()
    units.allows("Current,Power")
    units.use_spare()
    seen = []
    for _ in range(22):
        seen.append(units.unit)
        if units.unit is W:
            units.accepted()
        else:
            units.refused()
    assert "".join(seen) == "AA" + "W" * 5 + "AA" + "W" * 10 + "AA" + "W"
    while units.unit is W:
        units.accepted()
    units.accepted()
    units.allows("Current,Power")
    assert units.unit is A


def test_who_connects_anew_when_amperes_are_due_is_told_them() -> None:
    """And says its units again: a car on three phases stood for eleven minutes more (`bakery-3`, seed 3005)."""
    units = Units()
    units.allows("Current,Power")
    units.use_spare()
    while units.unit is A:
        units.refused()
    while units.unit is W:
        units.accepted()
    units.allows("Current,Power")
    assert units.unit is A
    while units.unit is A:
        units.refused()
    units.allows("Current,Power")
    assert units.unit is W


def test_who_has_told_watts_alone_is_told_watts() -> None:
    """However often it takes them."""
    units = Units()
    units.allows("Power")
    for _ in range(50):
        units.accepted()
        assert units.unit is W


def test_who_knows_one_unit_is_never_told_another() -> None:
    """Whatever it refuses."""
    units = Units()
    units.allows("Power")
    for _ in range(5):
        units.refused()
    assert units.unit is W


@pytest.mark.parametrize(("limit_a", "told_w"), [(10.0, 2070.0), (6.1, 1262.0), (0.0, 0.0)])
def test_watts_are_of_one_phase_at_the_lowest_voltage(limit_a: float, told_w: float) -> None:
    """So that no car can draw more than the limit on any phase."""
    assert watts(limit_a, 230.0) == told_w
    assert told_w / (230.0 * 0.9) <= limit_a


@pytest.mark.parametrize("version", [V16, V201])
def test_a_profile_in_watts(version: object) -> None:
    """Every period is converted, all else stays."""
    command = limit(purpose=Purpose.SESSION, transaction_id="77", limit_a=10.0)
    if version is V16:
        before = writer.request(command, start=NOON, stack_level=3)
        after = in_watts(before, V16, 230.0)
        schedule = after["csChargingProfiles"]["chargingSchedule"]
        assert after["csChargingProfiles"]["chargingProfileId"] == before["csChargingProfiles"]["chargingProfileId"]
        assert is_valid("SetChargingProfile", after)
    else:
        before = limit_v2.request(command, start=NOON, stack_level=3)
        after = in_watts(before, V201, 230.0)
        (schedule,) = after["chargingProfile"]["chargingSchedule"]
        assert is_valid("SetChargingProfile", after, V201)
    assert schedule["chargingRateUnit"] == "W"
    assert [period["limit"] for period in schedule["chargingSchedulePeriod"]] == [2070.0, 1242.0]


def test_a_station_that_refuses_amperes_is_told_watts() -> None:
    """Twice refused, then told in the other unit; each refusal is the control's to hear."""
    bench = Bench(evse())
    bench.connect()
    units = []
    for number in range(1, 4):
        identifier, _, payload = bench.write(limit(number)).own_call
        units.append(payload["csChargingProfiles"]["chargingSchedule"]["chargingRateUnit"])
        step = bench.station_says(result(identifier, {"status": "Rejected" if number < 3 else "Accepted"}))
        assert step.outcomes == [(number, "refused" if number < 3 else "accepted")]
    assert units == ["A", "A", "W"]


@pytest.mark.parametrize("version", [V16, V201])
def test_a_station_that_takes_whole_amperes_only(version: Version) -> None:
    """A limit with tenths that it refuses is told without them; twice seen, and no tenth is told any more. It was told
    watts, a third of what a car on three phases may have, or nothing at all."""
    bench = Bench(evse(), version=version)
    bench.connect()
    told = []
    for number, limit_a in enumerate((16.0, 9.5, 9.5, 16.0, 9.6, 9.6, 7.4, 0.0, 11.9)):
        identifier, _, payload = bench.write(limit(number, limit_a=limit_a)).own_call
        body = payload["csChargingProfiles" if version is V16 else "chargingProfile"]
        schedule = body["chargingSchedule"] if version is V16 else body["chargingSchedule"][0]
        assert schedule["chargingRateUnit"] == "A"
        amps = schedule["chargingSchedulePeriod"][0]["limit"]
        told.append(amps)
        status = "Accepted" if float(amps).is_integer() else "Rejected"
        bench.station_says(result(identifier, {"status": status}))
    assert told == [16.0, 9.5, 9, 16.0, 9.6, 9, 7, 0, 11]
    assert [type(amps) for amps in told[-3:]] == [int, int, int]


def test_a_neighbour_does_not_end_the_trial() -> None:
    """Of two EVSEs the one whose tenths were refused is told none the next time, whatever the other took in between."""
    one, other = EvseKey(station="CP-1", evse=1), EvseKey(station="CP-1", evse=2)
    units = Units()
    units.refused(tenths=True, key=one)
    units.accepted(tenths=True, key=other)
    assert units.whole_amperes
    units.accepted(tenths=True, key=one)
    assert not units.whole_amperes


def test_a_refusal_by_chance_costs_no_tenths() -> None:
    """A session may have ended while its limit was on the way: what was told without tenths behind that proves nothing
    as long as tenths are taken, too. Nor does a refusal of both."""
    units = Units()
    seen = []
    for _ in range(5):
        units.refused(tenths=True)
        seen.append(units.whole_amperes)
        units.accepted(tenths=True)
        seen.append(units.whole_amperes)
        units.accepted(tenths=True)
    assert seen == [True, False] * 5
    units.refused(tenths=True)
    units.refused(tenths=True)
    assert (units.unit, units.whole_amperes) == (W, False)
    units.refused(tenths=True)
    units.refused(tenths=True)
    assert (units.unit, units.whole_amperes) == (A, False)
