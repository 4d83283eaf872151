"""Limits as dead-man profiles of 2.x: amperes, watts, phases."""

from typing import Any

import pytest

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.station import NeedStated
from edge.ocpp import limit_v2
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import NOON, Bench, call, is_valid, limit, result

V2 = [Version.V201, Version.V21]
DC: dict[str, Any] = {"limit_a": 40.0, "safe_a": 7.2, "limit_w": 27_600.0, "safe_w": 5_000.0}


def session(**what: Any) -> LimitCommand:
    """A limit of the session "t"."""
    return limit(purpose=Purpose.SESSION, transaction_id="t", **what)


@pytest.mark.parametrize("version", V2)
@pytest.mark.parametrize(
    "command",
    [
        limit(limit_a=0.0),
        limit(limit_a=8.1, safe_a=6.4),
        session(limit_a=31.99),
        session(limit_a=16.0, phases=1),
        session(limit_a=16.0, phases=3),
        limit(**DC),
        session(**DC),
        session(connector=100_000, limit_a=6.0),
    ],
)
def test_what_is_written_fits_the_schema(version: Version, command: LimitCommand) -> None:
    """Of both editions, whatever the unit and the number of phases."""
    assert is_valid("SetChargingProfile", limit_v2.request(command, start=NOON, stack_level=3), version)


def test_watts_and_phases_are_in_every_period() -> None:
    """The same as in 1.6: no lease's end changes the unit or brings a phase back."""
    schedule = limit_v2.request(session(**DC), start=NOON, stack_level=0)["chargingProfile"]["chargingSchedule"][0]
    assert schedule["chargingRateUnit"] == "W"
    assert [period["limit"] for period in schedule["chargingSchedulePeriod"]] == [27_600.0, 5_000.0]
    payload = limit_v2.request(session(limit_a=16.0, phases=1), start=NOON, stack_level=0)
    (schedule,) = payload["chargingProfile"]["chargingSchedule"]
    assert [period["numberPhases"] for period in schedule["chargingSchedulePeriod"]] == [1, 1]


@pytest.mark.parametrize("transaction", [None, "", 37 * "x"])
def test_a_session_without_a_transaction_of_2_x_is_refused(transaction: str | None) -> None:
    """identifierString[36]."""
    with pytest.raises(ValueError, match="no id of up to 36 characters"):
        limit_v2.request(limit(purpose=Purpose.SESSION, transaction_id=transaction), start=NOON, stack_level=0)


@pytest.mark.parametrize("version", list(Version))
def test_a_dc_station_that_takes_watts_only_is_told_its_watts(version: Version) -> None:
    """Its limit is in watts already and isn't taken for amperes: 27.6 kW stay 27.6 kW."""
    bench = Bench(version=version)
    bench.connect(settled=False)
    identifier, action, payload = bench.wait(1.0).own_call
    if version is Version.V16:
        assert action == "GetConfiguration"
        key = "ChargingScheduleAllowedChargingRateUnit"
        answer: Any = {"configurationKey": [{"key": key, "readonly": True, "value": "Power"}]}
    else:
        wanted = next(each for each in payload["getVariableData"] if each["variable"]["name"] == "RateUnit")
        answer = {"getVariableResult": [{**wanted, "attributeStatus": "Accepted", "attributeValue": "W"}]}
    step = bench.station_says(result(identifier, answer))
    while step.down:
        step = bench.station_says(result(step.own_call[0]))
    _, action, told = bench.write(limit(**DC)).own_call
    body = told["csChargingProfiles"] if version is Version.V16 else told["chargingProfile"]
    schedule = body["chargingSchedule"] if version is Version.V16 else body["chargingSchedule"][0]
    assert (action, schedule["chargingRateUnit"]) == ("SetChargingProfile", "W")
    assert [period["limit"] for period in schedule["chargingSchedulePeriod"]] == [27_600.0, 5_000.0]
    assert is_valid(action, told, version)


@pytest.mark.parametrize("version", V2)
def test_needs_of_a_car_become_facts(version: Version) -> None:
    """NotifyEVChargingNeeds: what energy, and by when."""
    bench = Bench(version=version)
    bench.connect()
    ac = {"energyAmount": 11_000, "evMinCurrent": 6, "evMaxCurrent": 16, "evMaxVoltage": 400}
    needs = {"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": ac}
    payload = {"evseId": 1, "chargingNeeds": {**needs, "departureTime": "2026-06-01T14:00:01Z"}}
    assert is_valid("NotifyEVChargingNeeds", payload, version)
    (fact,) = bench.station_says(call("n", "NotifyEVChargingNeeds", payload)).facts
    assert isinstance(fact, NeedStated)
    assert (fact.energy_wanted_wh, round(fact.departs_in_s or 0.0)) == (11_000.0, 7200)
