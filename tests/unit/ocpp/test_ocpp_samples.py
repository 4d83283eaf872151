"""Samples dated by the station that took them."""

from datetime import timedelta
from typing import Any

import pytest

from edge.domain.site import EvseKey
from edge.domain.station import DrawSampled, EnergySampled
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, Step, call, evse, meter_values, result, stamp

AMPS = {"value": "9", "measurand": "Current.Import"}


@pytest.fixture
def bench() -> Bench:
    """A station of two EVSEs whose clock is known: 100 s ahead of ours."""
    bench = Bench(evse(1), evse(2))
    bench.connect()
    payload = {"connectorId": 2, "status": "Available", "timestamp": stamp(bench.wall + timedelta(seconds=100))}
    bench.station_says(call("s", "StatusNotification", payload))
    return bench


def sampled(bench: Bench, ago_s: float) -> list[float]:
    """When a sample was taken, of those that are reported: one whose stamp is ``ago_s`` old arrives now."""
    taken = bench.wall + timedelta(seconds=100 - ago_s)
    step: Step = bench.station_says(call("m", "MeterValues", meter_values(AMPS, at=taken)))
    assert len(step.up) == 1
    return [fact.at for fact in step.facts if isinstance(fact, DrawSampled)]


@pytest.mark.parametrize("ago_s", [0, 7, 119])
def test_a_sample_is_of_the_time_of_its_stamp(bench: Bench, ago_s: float) -> None:
    """Not of its arrival: what was drawn before a limit was obeyed can't count as after it."""
    bench.now += 200
    assert sampled(bench, ago_s) == [pytest.approx(bench.now - ago_s)]


def test_a_sample_that_was_stored_is_none(bench: Bench) -> None:
    """Older than two minutes."""
    bench.now += 200
    assert sampled(bench, 121) == []


def test_a_sample_from_the_future_is_none(bench: Bench) -> None:
    """A stamp an hour ahead of the station's own clock; the next good one counts again."""
    bench.now += 30
    assert sampled(bench, -3600) == []
    bench.now += 1
    assert sampled(bench, 0) == [pytest.approx(bench.now)]


def test_a_sample_is_never_later_than_its_arrival(bench: Bench) -> None:
    """A stamp a few seconds ahead only says that the clock was known from a slow message."""
    bench.now += 30
    assert sampled(bench, -4) == [bench.now]


def test_an_older_sample_after_a_newer_one_is_none(bench: Bench) -> None:
    """A queue that is emptied out of order doesn't turn the draw back."""
    bench.now += 200
    assert sampled(bench, 0) == [pytest.approx(bench.now)]
    assert sampled(bench, 30) == []
    assert sampled(bench, 1) == [pytest.approx(bench.now - 1)]


def test_without_a_clock_a_sample_is_of_its_arrival() -> None:
    """No stamp, or a station that lives in 1970 (MicroOcpp issue 311)."""
    bench = Bench()
    bench.connect()
    for extra in ({}, {"timestamp": "1970-01-01T00:00:10Z"}):
        payload = {"connectorId": 1, "meterValue": [{"sampledValue": [AMPS], **extra}]}
        facts = bench.station_says(call("m", "MeterValues", payload)).facts
        assert [fact.at for fact in facts if isinstance(fact, DrawSampled)] == [bench.now]


@pytest.mark.parametrize("booted", [False, True])
@pytest.mark.parametrize("begins_s", [100, 600, 3000])
def test_a_backlog_that_comes_before_the_clock_is_known_is_no_draw_of_now(begins_s: int, *, booted: bool) -> None:
    """The gateway, or the station, has just started: samples that were stored at every ten seconds come one every
    four. None counts as later than it was taken; two of what was drawn then would condemn a meter that shows what is
    drawn now. Of the first that is live the time is known again."""
    bench = Bench()
    bench.connect()
    if booted:
        bench.station_says(call("b", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}))
        answer = {"status": "Accepted", "currentTime": stamp(bench.wall), "interval": 300}
        bench.cloud_says(result("b", answer))
    taken = bench.now - begins_s
    told = 0
    while taken < bench.now:
        at = bench.wall - timedelta(seconds=bench.now - taken)
        facts = bench.station_says(call("m", "MeterValues", meter_values(AMPS, at=at))).facts
        found = [fact.at for fact in facts if isinstance(fact, DrawSampled)]
        assert all(each <= taken + 1.0 for each in found), bench.now - taken  # stamps are whole seconds
        told += len(found)
        taken, bench.now = taken + 10.0, bench.now + 4.0
    assert told > 5
    facts = bench.station_says(call("m", "MeterValues", meter_values(AMPS, at=bench.wall))).facts
    assert [fact.at for fact in facts if isinstance(fact, DrawSampled)] == [pytest.approx(bench.now, abs=1.0)]


def test_a_clock_that_is_minutes_behind_is_known_at_the_second_sample() -> None:
    """Its first may have been stored; two that agree while time goes on are of a clock that runs."""
    bench = Bench()
    bench.connect()
    found = []
    for _ in range(3):
        payload = meter_values(AMPS, at=bench.wall - timedelta(minutes=20))
        facts = bench.station_says(call("m", "MeterValues", payload)).facts
        found.append([fact.at for fact in facts if isinstance(fact, DrawSampled)] == [bench.now])
        bench.now += 30
    assert found == [False, True, True]


@pytest.mark.parametrize("version", list(Version))
def test_a_register_alone_is_told_and_is_no_draw(version: Version) -> None:
    """Of a station that samples neither current nor power: what its session has taken is known all the same."""
    bench = Bench(version=version)
    bench.connect()
    wh: dict[str, Any] = {"value": "12.5", "measurand": "Energy.Active.Import.Register", "unit": "kWh"}
    place: dict[str, Any] = {"connectorId": 1}
    if version is not Version.V16:
        wh = {"value": 12.5, "unitOfMeasure": {"unit": "kWh"}}
        place = {"evseId": 1}
    bench.now += 200
    for ago_s, told in ((0, True), (30, False), (121, False), (-3600, False)):
        values = [{"timestamp": stamp(bench.wall - timedelta(seconds=ago_s)), "sampledValue": [wh]}]
        facts = bench.station_says(call(f"m{ago_s}", "MeterValues", {**place, "meterValue": values})).facts
        bench.cloud_says(result(f"m{ago_s}"))
        expected = [EnergySampled(key=EvseKey(station="CP-01", evse=1), at=bench.now, energy_wh=12_500.0)]
        assert facts == (expected if told else [])


def test_a_register_beside_a_draw_is_the_draws(bench: Bench) -> None:
    """One fact of one sample."""
    wh = {"value": "1000"}
    taken = bench.wall + timedelta(seconds=100)
    facts = bench.station_says(call("m", "MeterValues", meter_values(AMPS, wh, at=taken))).facts
    assert [type(fact) for fact in facts] == [DrawSampled]
