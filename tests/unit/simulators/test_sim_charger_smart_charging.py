"""SetChargingProfile, ClearChargingProfile and GetCompositeSchedule at the simulated station, down to the draw."""

import pytest

from simulators.charger.spec import Obedience
from tests.unit.simulators.sim_charger_bench import TWO_CONNECTORS, Bench, limit_profile


def test_a_profile_becomes_the_offer_and_the_draw() -> None:
    """SetChargingProfile → composite at the station's clock, capped by the connector → the car."""
    bench = Bench().connect()
    ev = bench.plug_in()
    assert bench.offered_a() == 32.0
    assert bench.set_profile(1, limit_profile(9.5, schedule={"duration": 60})) == "Accepted"
    bench.advance(10)
    assert (bench.offered_a(), ev.draw_a) == (9.5, 9.5)
    bench.advance(60)
    assert (bench.offered_a(), ev.draw_a) == (32.0, 16.0)
    assert bench.set_profile(1, limit_profile(50.0)) == "Accepted"
    assert bench.offered_a() == 32.0


def test_tx_profile_needs_the_running_transaction() -> None:
    """§3.13.1: Rejected without one or for another one; accepted for the one, gone with it."""
    bench = Bench().connect()
    tx = {"chargingProfilePurpose": "TxProfile"}
    assert bench.set_profile(1, limit_profile(8, **tx)) == "Rejected"
    bench.plug_in()
    assert bench.set_profile(1, limit_profile(8, transactionId=1, **tx)) == "Rejected"
    assert bench.set_profile(1, limit_profile(8, transactionId=1001, **tx)) == "Accepted"
    assert bench.offered_a() == 8.0
    bench.unplug()
    bench.plug_in()
    assert bench.offered_a() == 32.0
    counters = bench.core.sessions.counters
    assert (counters.profiles_received, counters.profiles_accepted) == (3, 1)


@pytest.mark.parametrize(
    ("obedience", "status", "draw_a"),
    [
        (Obedience.OBEYS, "Accepted", 8.0),
        (Obedience.IGNORES, "Accepted", 16.0),
        (Obedience.REFUSES, "Rejected", 16.0),
    ],
)
def test_obedience(obedience: Obedience, status: str, draw_a: float) -> None:
    """Obeys, says yes and does nothing, or says no."""
    bench = Bench(obedience=obedience).connect()
    ev = bench.plug_in()
    assert bench.set_profile(1, limit_profile(8)) == status
    bench.advance(5)
    assert ev.draw_a == draw_a


def test_the_station_limit_holds_for_all_connectors_together() -> None:
    """§3.13.3: two cars under one ChargePointMaxProfile never draw more than it between them."""
    bench = Bench(connectors=TWO_CONNECTORS).connect()
    cars = [bench.plug_in(1, max_a=32.0), bench.plug_in(2, max_a=32.0)]
    maximum = limit_profile(20, chargingProfilePurpose="ChargePointMaxProfile")
    assert bench.set_profile(0, maximum) == "Accepted"
    bench.advance(2)
    assert [each.draw_a for each in cars] == [10.0, 10.0]
    bench.unplug(2)
    bench.advance(2)
    assert cars[0].draw_a == 20.0


def test_clear_charging_profile() -> None:
    """§5.5: Accepted when something was cleared, Unknown otherwise; the offer is back at the maximum."""
    bench = Bench().connect()
    bench.plug_in()
    bench.set_profile(1, limit_profile(8))
    assert bench.call("ClearChargingProfile", {"id": 2}) == {"status": "Unknown"}
    assert bench.call("ClearChargingProfile", {"chargingProfilePurpose": "TxDefaultProfile"})["status"] == "Accepted"
    assert bench.offered_a() == 32.0
    assert bench.call("ClearChargingProfile", {}) == {"status": "Unknown"}


def test_composite_schedule_of_a_connector_in_both_units() -> None:
    """§5.7: what is true over the duration, with the connector's maximum as local limit."""
    bench = Bench(connectors=TWO_CONNECTORS).connect()
    periods = [{"startPeriod": 0, "limit": 10.0}, {"startPeriod": 60, "limit": 6.0}]
    dead_man = limit_profile(
        0,
        chargingProfileKind="Absolute",
        schedule={
            "startSchedule": "2026-11-21T12:00:00Z",
            "duration": 120,
            "chargingSchedulePeriod": periods,
        },
    )
    bench.set_profile(0, dead_man)
    bench.advance(30)
    answer = bench.call("GetCompositeSchedule", {"connectorId": 1, "duration": 300})
    assert answer["scheduleStart"] == "2026-11-21T12:00:30.000Z"
    assert "startSchedule" not in answer["chargingSchedule"]
    found = [(each["startPeriod"], each["limit"]) for each in answer["chargingSchedule"]["chargingSchedulePeriod"]]
    assert found == [(0, 10.0), (30, 6.0), (90, 32.0)]
    asked = {"connectorId": 2, "duration": 60, "chargingRateUnit": "W"}
    watts = bench.call("GetCompositeSchedule", asked)["chargingSchedule"]
    assert watts["chargingRateUnit"] == "W"
    assert watts["chargingSchedulePeriod"][0] == {"startPeriod": 0, "limit": 2300.0, "numberPhases": 1}


def test_composite_schedule_of_the_station() -> None:
    """§5.7, connector 0: what all connectors may take together, at most the ChargePointMaxProfile."""
    bench = Bench(connectors=TWO_CONNECTORS).connect()
    maximum = limit_profile(20, chargingProfilePurpose="ChargePointMaxProfile", schedule={"duration": 60})
    bench.set_profile(0, maximum)
    answer = bench.call("GetCompositeSchedule", {"connectorId": 0, "duration": 100})
    found = [(each["startPeriod"], each["limit"]) for each in answer["chargingSchedule"]["chargingSchedulePeriod"]]
    assert found == [(0, 20.0), (60, 48.0)]


@pytest.mark.parametrize("asked", [{"connectorId": 3, "duration": 10}, {"connectorId": 1, "duration": 10**9}])
def test_composite_schedules_that_cannot_be_told_are_rejected(asked: dict[str, int]) -> None:
    """§5.7: unknown connector, or so long that the answer would be megabytes."""
    assert Bench().connect().call("GetCompositeSchedule", asked) == {"status": "Rejected"}
