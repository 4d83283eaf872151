"""What the status report tells of an EVSE: its need, and the phases that its car uses."""

from typing import Any

from edge.control import report
from edge.domain.setpoint import Purpose
from edge.domain.station import (
    DrawSampled,
    EvseStatus,
    LimitSent,
    LimitsTaken,
    NeedStated,
    SessionEnded,
    StationOffline,
    StationOnline,
    StatusReported,
)
from edge.units import PhaseAmps
from edge.web.report import ControlState, EvseReport
from tests.site_builders import key
from tests.unit.control.loop_rig import Rig, in_virtual_time


def evse(rig: Rig) -> dict[str, Any]:
    """The only EVSE in the report of the last tick; it fits the API's description."""
    (station,) = report.status(rig.board, *rig.published[-1], rig.vitals.pulse)["stations"]
    (told,) = station["evses"]
    EvseReport.model_validate(told)
    return dict(told)


@in_virtual_time
async def test_a_need_is_told_with_what_is_left_of_it() -> None:
    """Energy less what was delivered, time less what has passed; null without one."""
    rig = Rig()
    rig.car_arrives()
    await rig.run_for(1.5)
    assert evse(rig)["need"] is None
    now = rig.clock.monotonic()
    rig.board.take(NeedStated(key=key(1), at=now, energy_wanted_wh=12_000.0, departs_in_s=3600.0))
    await rig.run_for(10.5)
    need = evse(rig)["need"]
    assert need["energy_wanted_wh"] == 12_000
    assert need["time_left_s"] == 3590


@in_virtual_time
async def test_what_was_accepted_is_the_newest_where_one_limit_is_for_both() -> None:
    """A station that has come down to that was told its session's limit by another profile before."""
    rig = Rig()
    rig.car_arrives()
    await rig.run_for(5.5)
    before_a = evse(rig)["accepted_a"]
    rig.board.take(LimitsTaken(station=key(1).station, at=rig.clock.monotonic(), one_limit=True))
    rig.board.take(DrawSampled(key=key(1), at=rig.clock.monotonic(), current_a=PhaseAmps.same(6.0)))
    await rig.run_for(20.5)
    assert evse(rig)["accepted_a"] == evse(rig)["limit_a"] != before_a


@in_virtual_time
async def test_what_was_accepted_is_what_the_station_was_told() -> None:
    """A station that can't be told as much as its limit, offers less by what it has accepted; until the same limit is
    written anew, whole."""
    rig = Rig()
    rig.car_arrives()
    await rig.run_for(20.5)
    told_a = evse(rig)["accepted_a"]
    assert told_a == evse(rig)["limit_a"] > 6.0
    newest = max(command.id for command in rig.told if command.purpose is Purpose.SESSION)
    now = rig.clock.monotonic()
    rig.board.take(LimitSent(key=key(1), at=now, command=newest, limit_a=6.0))
    await rig.run_for(1.0)
    assert (evse(rig)["accepted_a"], evse(rig)["limit_a"]) == (6.0, told_a)
    rig.board.take(LimitSent(key=key(1), at=now, command=newest))
    await rig.run_for(1.0)
    assert evse(rig)["accepted_a"] == told_a


@in_virtual_time
async def test_the_phases_that_a_car_uses_are_told() -> None:
    """All that are wired until the car has shown that it uses fewer."""
    rig = Rig()
    rig.car_arrives()
    rig.board.take(StatusReported(key=key(1), at=rig.clock.monotonic(), status=EvseStatus.CHARGING))
    await rig.run_for(5.5)
    assert (evse(rig)["phases"], evse(rig)["phases_in_use"]) == (["L1", "L2", "L3"], ["L1", "L2", "L3"])
    for _ in range(4):
        rig.board.take(DrawSampled(key=key(1), at=rig.clock.monotonic(), current_a=PhaseAmps(0.0, 6.0, 0.0)))
        await rig.run_for(10.5)
    assert (evse(rig)["phases"], evse(rig)["phases_in_use"]) == (["L1", "L2", "L3"], ["L2"])


@in_virtual_time
async def test_a_draw_has_its_age_and_says_when_it_is_too_old() -> None:
    """A session's last sample is shown, with how long ago it was taken; after one and a half minutes without another it
    says nothing of now, and the circuits' sums leave it out."""
    rig = Rig()
    rig.car_arrives()
    await rig.run_for(1.5)
    assert (evse(rig)["draw_a"], evse(rig)["draw_age_s"], evse(rig)["draw_stale"]) == (None, None, False)
    sampled_at = rig.clock.monotonic()
    rig.board.take(DrawSampled(key=key(1), at=sampled_at, current_a=PhaseAmps(16.0, 0.0, 0.0)))
    await rig.run_for(89.9)
    now = rig.published[-1][0].now
    assert (evse(rig)["draw_age_s"], evse(rig)["draw_stale"]) == (round(now - sampled_at, 3), False)
    await rig.run_for(2.0)
    told = evse(rig)
    assert (told["draw_a"], told["draw_age_s"] > 90.0, told["draw_stale"]) == ([16.0, 0.0, 0.0], True, True)


@in_virtual_time
async def test_an_evse_without_a_session_is_known_to_draw_nothing() -> None:
    """Nobody samples there: it is so for as long as its station is there, which would tell of a session."""
    rig = Rig()
    rig.car_arrives()
    rig.board.take(SessionEnded(key=key(1), at=rig.clock.monotonic()))
    await rig.run_for(200.5)
    assert (evse(rig)["draw_a"], evse(rig)["draw_stale"]) == ([0.0, 0.0, 0.0], False)
    rig.board.take(StationOffline(station="CP-1", at=rig.clock.monotonic()))
    await rig.run_for(1.5)
    assert evse(rig)["draw_stale"] is True
    rig.board.take(StationOnline(station="CP-1", at=rig.clock.monotonic()))
    rig.board.take(DrawSampled(key=key(1), at=rig.clock.monotonic(), current_a=PhaseAmps(7.0, 0.0, 0.0)))
    await rig.run_for(95.5)
    assert evse(rig)["draw_stale"] is True  # what flowed without a session hasn't been seen to end


@in_virtual_time
async def test_each_state_of_control_is_one_that_the_api_knows() -> None:
    """A meter that is late, lost, and back: the report goes through all of them and ends where it began."""
    rig = Rig()
    rig.meter_takes_s = lambda number: 20.0 if number == 5 else 0.0
    states: list[str] = []

    def note(_number: int) -> None:
        state = report.status(rig.board, *rig.published[-1], rig.vitals.pulse)["control"]["state"]
        if not states or states[-1] != state:
            states.append(state)

    rig.on_publish = note
    await rig.run_for(70.5)
    assert states == ["NORMAL", "METER_LATE", "METER_STALE", "RECOVERING", "NORMAL"]
    assert set(states) < {state.value for state in ControlState}
