"""The simulated station's life: boot, heartbeats, a session, its clock. Frames in, frames out."""

from typing import Any

import pytest

from simulators.charger.registration import BOOT_RETRY_S
from simulators.charger.timestamp import parse_time
from tests.unit.simulators.sim_charger_bench import NOON_S, TWO_CONNECTORS, Bench, limit_profile


def boot_answer(status: str, interval: int) -> dict[str, Any]:
    """A BootNotification.conf."""
    return {"status": status, "currentTime": "2026-11-21T12:00:00Z", "interval": interval}


def test_boot_then_every_status_then_heartbeats() -> None:
    """§4.2, errata 3.22, §4.6: boot first, then the status of 0 and each connector, then heartbeats at the interval."""
    bench = Bench(connectors=TWO_CONNECTORS)
    bench.answers["BootNotification"] = boot_answer("Accepted", 60)
    bench.connect()
    assert bench.actions() == ["BootNotification", *["StatusNotification"] * 3]
    assert [each["connectorId"] for each in bench.made("StatusNotification")] == [0, 1, 2]
    bench.advance(180)
    assert len(bench.made("Heartbeat")) == 3


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_nothing_but_boot_until_accepted(status: str) -> None:
    """§4.2: while Pending or Rejected the station sends its boot again at the interval, and nothing else."""
    bench = Bench()
    bench.answers["BootNotification"] = boot_answer(status, 20)
    bench.connect()
    bench.plug_in()
    bench.advance(50)
    assert bench.actions() == ["BootNotification"] * 3
    bench.answers["BootNotification"] = boot_answer("Accepted", 300)
    bench.advance(20)
    assert bench.actions()[3:6] == ["BootNotification", "StatusNotification", "StatusNotification"]
    assert "StartTransaction" in bench.actions()


def test_pending_answers_and_sends_what_it_is_asked_for_and_rejected_is_deaf() -> None:
    """§4.2: Pending may be asked and triggered, though not started from afar; Rejected doesn't even answer."""
    bench = Bench()
    bench.answers["BootNotification"] = boot_answer("Pending", 600)
    bench.connect()
    assert bench.call("TriggerMessage", {"requestedMessage": "Heartbeat"}) == {"status": "Accepted"}
    assert bench.actions() == ["BootNotification", "Heartbeat"]
    assert bench.call("RemoteStartTransaction", {"idTag": "X"}) == {"status": "Rejected"}
    bench.answers["BootNotification"] = boot_answer("Rejected", 600)
    assert bench.call("TriggerMessage", {"requestedMessage": "BootNotification"}) == {"status": "Accepted"}
    replies = len(bench.replies)
    bench.ask("GetConfiguration", {})
    assert len(bench.replies) == replies


def test_an_unanswered_boot_is_repeated() -> None:
    """A boot that times out, or is answered with nonsense, is sent again after the station's own interval."""
    bench = Bench(call_timeout_s=5.0)
    bench.answers["BootNotification"] = None
    bench.connect()
    bench.advance(5 + BOOT_RETRY_S)
    assert bench.actions() == ["BootNotification"] * 2
    bench.answers["BootNotification"] = {"hello": "world"}
    bench.advance(5 + BOOT_RETRY_S)
    bench.advance(BOOT_RETRY_S)
    assert bench.actions() == ["BootNotification"] * 4


def test_a_whole_session() -> None:
    """Plug in, card, start, samples, unplug: messages in their natural order, ids and registers right."""
    bench = Bench(sample_interval_s=10).connect()
    bench.plug_in()
    bench.advance(25)
    bench.unplug()
    assert bench.actions()[3:] == [
        "StatusNotification",
        "Authorize",
        "StartTransaction",
        "StatusNotification",
        "StatusNotification",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
        "StatusNotification",
        "StatusNotification",
    ]
    assert bench.statuses() == [
        "Available", "Preparing", "SuspendedEV", "Charging", "Finishing", "Available",
    ]  # fmt: skip
    (start,) = bench.made("StartTransaction")
    assert (start["meterStart"], start["idTag"], start["connectorId"]) == (0, "CARD", 1)
    assert {each["transactionId"] for each in bench.made("MeterValues")} == {1001}
    (stop,) = bench.made("StopTransaction")
    expected_wh = 16 * 3 * 230 * 25 / 3600
    assert (stop["transactionId"], stop["reason"], stop["idTag"]) == (1001, "Local", "CARD")
    assert stop["meterStop"] == int(expected_wh)
    counters = bench.core.sessions.counters
    assert (counters.transactions_started, counters.transactions_confirmed) == (1, 1)
    assert (counters.transactions_stopped, counters.stops_confirmed) == (1, 1)


def test_meter_values_tell_each_phase_power_energy_and_voltage() -> None:
    """§4.7: currents named L1 to L3 on the EVSE's own phases, total power, register, voltages to neutral."""
    bench = Bench(sample_interval_s=10).connect()
    bench.plug_in(phases=2)
    bench.advance(10)
    (values,) = bench.made("MeterValues")
    (moment,) = values["meterValue"]
    assert parse_time(moment["timestamp"]) == NOON_S + 10
    samples = {
        (each["measurand"], each.get("phase")): (each["value"], each["unit"], each["context"])
        for each in moment["sampledValue"]
    }
    assert samples == {
        ("Current.Import", "L1"): ("16.00", "A", "Sample.Periodic"),
        ("Current.Import", "L2"): ("16.00", "A", "Sample.Periodic"),
        ("Current.Import", "L3"): ("0.00", "A", "Sample.Periodic"),
        ("Power.Active.Import", None): ("7360.0", "W", "Sample.Periodic"),
        ("Energy.Active.Import.Register", None): (f"{7360 * 10 / 3600:.1f}", "Wh", "Sample.Periodic"),
        ("Voltage", "L1-N"): ("230.0", "V", "Sample.Periodic"),
        ("Voltage", "L2-N"): ("230.0", "V", "Sample.Periodic"),
        ("Voltage", "L3-N"): ("230.0", "V", "Sample.Periodic"),
    }


def test_the_stations_clock_is_its_own() -> None:
    """An hour ahead: timestamps and absolute schedules are both in the station's time, and timers still work."""
    bench = Bench(clock_offset_s=3600.0).connect()
    bench.plug_in()
    assert parse_time(bench.made("StartTransaction")[0]["timestamp"]) == NOON_S + 3600
    profile = limit_profile(
        6.0,
        chargingProfileKind="Absolute",
        schedule={"startSchedule": "2026-11-21T12:00:00Z", "duration": 1800},
    )
    bench.set_profile(1, profile)
    assert bench.offered_a() == 32.0  # over half an hour ago, as the station sees it
    due_s = bench.core.next_due(bench.now)
    assert due_s is not None
    assert 0 < due_s - bench.now <= 10.001


def test_a_slow_station_acts_and_answers_late() -> None:
    """answer_delay_s: nothing happens and nothing is answered before."""
    bench = Bench(answer_delay_s=5.0).connect()
    bench.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    bench.advance(4.5)
    assert (bench.replies, bench.core.sessions.connectors[1].operative) == ([], True)
    bench.advance(0.5)
    assert bench.replies == [[3, "csms-1", {"status": "Accepted"}]]
    assert bench.statuses()[-1] == "Unavailable"


def test_next_due_never_asks_for_a_tick_that_does_nothing() -> None:
    """Following next_due alone, every tick either sends something or moves next_due on: no spinning in virtual time."""
    bench = Bench(sample_interval_s=7, clock_offset_s=-0.3).connect()
    bench.plug_in()
    for _ in range(200):
        due_s = bench.core.next_due(bench.now)
        assert due_s is not None
        assert due_s > bench.now
        bench.now = due_s
        before = len(bench.calls)
        bench.advance(0.001, dt_s=0.001)
        bench.now = due_s
        assert len(bench.calls) > before
    assert len(bench.made("MeterValues")) == pytest.approx((bench.now - NOON_S) / 7, abs=1.01)
