"""The loop: what it tells the stations and the log."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.domain.setpoint import Purpose
from edge.domain.site import Mode
from edge.domain.station import DrawSampled, SessionBegan, StationDescribed, StationOnline
from edge.units import PhaseAmps
from tests.site_builders import key
from tests.unit.control.loop_rig import Rig, in_virtual_time


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What the loop logs is of no interest, but where a test looks at it itself."""
    with capture_logs():
        yield


def setpoints_logged(logs: Sequence[Mapping[str, Any]]) -> list[str]:
    return [entry["text"] for entry in logs if entry["event"] == "setpoint"]


@in_virtual_time
async def test_a_setpoint_is_logged_when_it_changes() -> None:
    """Not every tick, and not when only the amperes in its sentence move."""
    rig = Rig()
    rig.on_publish = lambda number: rig.car_arrives() if number == 10 else None
    with capture_logs() as logs:
        await rig.run_for(60.5)
    assert setpoints_logged(logs) == [
        "6.0 A: the station can't be reached: what it may draw by itself is kept free",
        "6.0 A: the station has not confirmed a limit yet: what it may draw is kept free",
        "6.0 A: begins at its minimum, and rises when that is measured",
        "27.0 A: main L1 is full (32.0 of 32 A)",
    ]


@in_virtual_time
async def test_what_a_tick_tells() -> None:
    """The idle limit and the session's; then its minimum, all there is 5 s later, and then nothing but renewals."""
    rig = Rig()
    rig.car_arrives()
    await rig.run_for(0.5)
    assert [(told.purpose, told.limit_a) for told in rig.told] == [(Purpose.IDLE, 0.0), (Purpose.SESSION, 0.0)]
    rig.told.clear()
    await rig.run_for(121)
    assert [(told.purpose, told.limit_a) for told in rig.told] == [
        (Purpose.SESSION, amps) for amps in (6.0, 27.0, 27.0)
    ]
    assert [told.id for told in rig.told] == [3, 4, 5]


@in_virtual_time
async def test_what_is_to_be_asserted_again_is_told_though_nothing_else_changed() -> None:
    """A station has booted, and may have lost what it holds; the control knows nothing else of it than before."""
    rig = Rig()
    rig.car_arrives()
    booted = StationDescribed(station="CP-1", at=30.0, vendor="V", model="M")
    await rig.run_for(29.5)
    rig.told.clear()
    await rig.run_for(1.5)
    assert rig.told == []
    rig.board.take(booted)
    await rig.run_for(0.5)
    assert [(told.purpose, told.limit_a) for told in rig.told] == [(Purpose.IDLE, 0.0), (Purpose.SESSION, 27.0)]


@in_virtual_time
async def test_observing_tells_nobody_anything() -> None:
    """It computes and publishes."""
    rig = Rig(mode=Mode.OBSERVE)
    rig.car_arrives()
    await rig.run_for(100)
    assert rig.told == []
    assert [point.limit_a for point in rig.published[-1][1].setpoints] == [27.0]


@in_virtual_time
async def test_a_session_found_at_0_is_not_raised_before_there_is_room() -> None:
    """After a restart of the gateway: its safe current would be a raise that nobody was cut for."""
    rig = Rig()
    rig.board.take(StationOnline(station="CP-1", at=0.0))
    rig.board.take(SessionBegan(key=key(1), at=0.0, transaction_id="7", observed_start=False))
    rig.board.take(DrawSampled(key=key(1), at=0.0, current_a=PhaseAmps.same(0.0)))
    await rig.run_for(0.5)
    assert [(told.purpose, told.limit_a) for told in rig.told] == [(Purpose.IDLE, 0.0), (Purpose.SESSION, 0.0)]


@in_virtual_time
async def test_a_session_found_charging_is_brought_to_its_safe_current() -> None:
    """Until it has confirmed that, nothing more is known of it."""
    rig = Rig()
    rig.board.take(StationOnline(station="CP-1", at=0.0))
    rig.board.take(SessionBegan(key=key(1), at=0.0, transaction_id="7", observed_start=False))
    rig.board.take(DrawSampled(key=key(1), at=0.0, current_a=PhaseAmps.same(16.0)))
    await rig.run_for(0.5)
    assert [(told.purpose, told.limit_a) for told in rig.told] == [(Purpose.IDLE, 0.0), (Purpose.SESSION, 6.0)]


@in_virtual_time
async def test_a_station_out_of_reach_is_told_nothing() -> None:
    """There is no line to write on."""
    rig = Rig()
    rig.board.take(SessionBegan(key=key(1), at=0.0, transaction_id="7"))
    await rig.run_for(100)
    assert rig.told == []


@in_virtual_time
async def test_a_meter_that_answers_again_ends_the_fallback() -> None:
    """It falls back when the reading is older than meter_stale_s, and rises again from there."""
    rig = Rig()
    rig.car_arrives()
    rig.meter_takes_s = lambda number: 20.0 if number == 30 else 0.0
    rig.on_publish = lambda _number: rig.board.take(
        DrawSampled(
            key=key(1), at=rig.clock.monotonic(), current_a=PhaseAmps.same(rig.told[-1].limit_a if rig.told else 0.0)
        )
    )
    await rig.run_for(80)
    limits = {
        round(snapshot.now): (decision.setpoints[0].limit_a, decision.setpoints[0].reason.value)
        for snapshot, decision in rig.published
    }
    assert limits[33][1] != "METER_STALE"
    assert limits[34] == (6.0, "METER_STALE")
    assert limits[49] == (6.0, "METER_STALE")
    assert limits[51][1] != "METER_STALE"
    assert limits[79][0] is not None
    assert limits[79][0] > 6.0
