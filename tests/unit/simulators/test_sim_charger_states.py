"""The states of the simulated connector: statuses, refusals, faults, resets."""

import itertools
import random

import pytest

from simulators.charger.spec import ConnectorSpec
from simulators.charger.station import REBOOT_S, SOFT_RESET_PATIENCE_S
from simulators.charger.status import TRANSITIONS, Status
from tests.unit.simulators.sim_charger_bench import (
    NOON_S,
    TWO_CONNECTORS,
    Bench,
    limit_profile,
    spec,
)


def test_a_refused_card_starts_nothing_and_preparing_times_out() -> None:
    """§4.1, errata 3.20: no transaction, and after ConnectionTimeOut the connector is Finishing until the car goes."""
    bench = Bench().connect()
    bench.answers["Authorize"] = {"idTagInfo": {"status": "Invalid"}}
    bench.plug_in()
    bench.advance(61)
    assert bench.made("StartTransaction") == []
    bench.unplug()
    assert bench.statuses() == ["Available", "Preparing", "Finishing", "Available"]


@pytest.mark.parametrize(
    ("stop_on_invalid", "status", "reasons"),
    [("true", "Finishing", ["DeAuthorized"]), ("false", "SuspendedEVSE", [])],
)
def test_a_card_refused_after_the_start(stop_on_invalid: str, status: str, reasons: list[str]) -> None:
    """Errata 3.17: StopTransactionOnInvalidId decides whether the transaction ends or only the energy does."""
    bench = Bench().connect()
    bench.call("ChangeConfiguration", {"key": "StopTransactionOnInvalidId", "value": stop_on_invalid})
    bench.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Blocked"}}
    ev = bench.plug_in()
    bench.advance(5)
    assert ev.draw_a == 0.0
    assert bench.core.sessions.connectors[1].status == status
    assert [each["reason"] for each in bench.made("StopTransaction")] == reasons


def test_limits_make_suspended_evse_and_zero_draw() -> None:
    """§7.7: below 6 A offered it is the EVSE that suspends; back at 6 A the car charges on."""
    bench = Bench().connect()
    ev = bench.plug_in()
    bench.advance(2)
    for limit, status, draw_a in ((5.9, "SuspendedEVSE", 0.0), (6.0, "Charging", 6.0)):
        profile = limit_profile(limit, chargingProfilePurpose="TxProfile")
        bench.set_profile(1, profile)
        bench.advance(1)
        assert (bench.core.sessions.connectors[1].status, ev.draw_a) == (status, draw_a)


def test_a_full_car_is_suspended_ev() -> None:
    """§7.7: the EVSE offers, the car takes nothing."""
    bench = Bench().connect()
    bench.plug_in(soc=0.9999, battery_wh=1000.0)
    bench.advance(10)
    assert bench.statuses()[-2:] == ["Charging", "SuspendedEV"]
    assert bench.core.sessions.connectors[1].wanted_a == 0.0


@pytest.mark.parametrize(("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")])
def test_reset_stops_reboots_and_keeps_what_persists(kind: str, reason: str) -> None:
    """§5.14, errata 3.36, 3.37: stop with its reason, new boot, profiles and availability as before."""
    bench = Bench(connectors=TWO_CONNECTORS).connect()
    bench.plug_in()
    bench.call("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"})
    bench.set_profile(0, limit_profile(8.1))
    before = len(bench.calls)
    assert bench.call("Reset", {"type": kind}) == {"status": "Accepted"}
    bench.advance(1)
    assert bench.disconnects == 1
    assert bench.core.down_until == pytest.approx(NOON_S + REBOOT_S)
    bench.advance(REBOOT_S)
    bench.connect()
    bench.advance(1)
    (stop,) = bench.made("StopTransaction")
    assert stop["reason"] == reason
    after = bench.actions()[before:]
    assert (after.index("StopTransaction") < after.index("BootNotification")) is (kind == "Soft")
    assert bench.statuses(2)[-1] == "Unavailable"
    bench.unplug()
    bench.plug_in()
    assert bench.offered_a() == 8.1


def test_a_soft_reset_does_not_wait_for_ever() -> None:
    """§5.14: without StopTransaction.conf the station restarts all the same and keeps the message."""
    bench = Bench().connect()
    bench.plug_in()
    bench.answers["StopTransaction"] = None
    bench.call("Reset", {"type": "Soft"})
    bench.advance(SOFT_RESET_PATIENCE_S - 1)
    assert bench.disconnects == 0
    bench.advance(1)
    assert bench.disconnects == 1
    bench.answers["StopTransaction"] = {}
    bench.advance(REBOOT_S)
    bench.connect()
    assert bench.core.sessions.counters.stops_confirmed == 1


def test_a_fault_stops_the_energy_and_its_repair_returns_to_the_session() -> None:
    """§4.9 I3: Faulted with its error code, no draw; repaired, the same transaction goes on."""
    bench = Bench().connect()
    ev = bench.plug_in()
    bench.advance(2)
    bench.fault("GroundFailure")
    assert (ev.draw_a, bench.made("StatusNotification")[-1]["errorCode"]) == (0.0, "GroundFailure")
    bench.advance(2)
    bench.fault(None)
    bench.advance(2)
    assert bench.statuses()[-3:] == ["Faulted", "SuspendedEV", "Charging"]
    assert len(bench.made("StartTransaction")) == 1


def test_a_second_car_on_the_same_connector_is_an_error() -> None:
    """One plug, one car: the caller's mistake is told in a sentence."""
    bench = Bench().connect()
    bench.plug_in()
    with pytest.raises(ValueError, match="a car is plugged in already"):
        bench.plug_in()


def test_connectors_must_be_numbered_without_gaps() -> None:
    """§3.8: 1, 2, 3 and so on."""
    with pytest.raises(ValueError, match=r"numbered 1, 2, 3"):
        spec(connectors=(ConnectorSpec(connector_id=2, max_a=16.0),))


@pytest.mark.parametrize("seed", range(8))
def test_every_status_change_is_one_of_the_specifications_table(seed: int) -> None:
    """§4.9: whatever drivers, CSMS and faults do, statuses follow each other as the table allows."""
    dice = random.Random(seed)
    bench = Bench(connectors=TWO_CONNECTORS, sample_interval_s=30).connect()

    def limit() -> None:
        profile = limit_profile(dice.choice([0, 6, 16]))
        bench.set_profile(0, profile)

    def act() -> None:
        connector = dice.choice([1, 2])
        state = bench.core.sessions.connectors[connector]
        match dice.randrange(9):
            case 0 if state.ev is None:
                bench.answers["Authorize"] = {"idTagInfo": {"status": dice.choice(["Accepted", "Accepted", "Invalid"])}}
                bench.plug_in(connector, soc=dice.choice([0.2, 0.9999]), battery_wh=2_000.0)
            case 1:
                bench.unplug(connector)
            case 2:
                kind = dice.choice(["Operative", "Operative", "Inoperative"])
                bench.call("ChangeAvailability", {"connectorId": connector, "type": kind})
            case 3:
                bench.call("RemoteStartTransaction", {"connectorId": connector, "idTag": "APP"})
            case 4:
                bench.call("RemoteStopTransaction", {"transactionId": bench.next_transaction_id})
            case 5:
                bench.fault(dice.choice([None, None, "GroundFailure"]), connector)
            case 6:
                limit()
            case _:
                bench.advance(dice.choice([1.0, 10.0, 70.0]), dt_s=1.0)

    for _ in range(300):
        act()
    for connector in (1, 2):
        told = [Status(each) for each in bench.statuses(connector)]
        assert len(set(told)) >= 6  # the walk has been in nearly every status
        assert {pair for pair in itertools.pairwise(told) if pair not in TRANSITIONS} == set()
