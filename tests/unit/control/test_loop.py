"""The loop: when it ticks, what it waits for."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from edge.control.litter import Litter
from edge.control.loop import SAMPLE_SHARE
from edge.control.vitals import ALIVE_PERIODS
from tests import virtual_time
from tests.unit.control.loop_rig import Rig, in_virtual_time


class _Knot:
    """Garbage that counting references doesn't find."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What the loop logs is of no interest, but where a test looks at it itself."""
    with capture_logs():
        yield


@in_virtual_time
async def test_the_first_tick_is_at_once() -> None:
    """A gateway that has just started controls."""
    rig = Rig()
    await rig.run_for(0.5)
    assert rig.ticks_at == [0.0]


@in_virtual_time
async def test_ticks_do_not_drift() -> None:
    """The meter takes 0.1 to 0.3 s, differently each time: tick n begins n periods after the start all the same."""
    rig = Rig()
    rig.meter_takes_s = lambda number: 0.1 + number % 3 / 10
    await rig.run_for(1000.5)
    assert rig.asked_at == pytest.approx([float(number) for number in range(1001)])
    assert rig.vitals.pulse.missed_ticks == 0


@in_virtual_time
async def test_the_period_is_the_sites() -> None:
    """A tenth of a second doesn't add up to drift either."""
    rig = Rig(period_s=0.2)
    await rig.run_for(20.1)
    assert rig.ticks_at == pytest.approx([number / 5 for number in range(101)])


@in_virtual_time
async def test_what_a_tick_leaves_is_cleared_away_before_the_next() -> None:
    """The garbage collector has its time between the ticks, so that it doesn't take it from one."""
    rig = Rig(litter=Litter(gc))
    left: list[weakref.ref[_Knot]] = []
    cleared: list[bool] = []

    def leave(_number: int) -> None:
        cleared.extend(knot() is None for knot in left[-1:])
        left.append(weakref.ref(_Knot()))

    rig.on_publish = leave
    gc.disable()
    try:
        await rig.run_for(3.5)
    finally:
        gc.enable()
    assert cleared == [True, True, True]


@in_virtual_time
async def test_a_reading_counts_in_the_tick_that_asked_for_it() -> None:
    """The decision is made when the meter has answered."""
    rig = Rig()
    rig.meter_takes_s = lambda _number: 0.25
    await rig.run_for(2.5)
    assert [snapshot.circuits[0].measured_at for snapshot, _ in rig.published] == pytest.approx([0.25, 1.25, 2.25])
    assert rig.ticks_at == pytest.approx([0.25, 1.25, 2.25])


@in_virtual_time
async def test_a_slow_meter_does_not_hold_up_the_tick() -> None:
    """The tick goes on without it after its share of the period; the late reading counts in the next."""
    rig = Rig()
    rig.meter_takes_s = lambda _number: 0.7
    await rig.run_for(2.5)
    assert rig.ticks_at == pytest.approx([SAMPLE_SHARE, 1 + SAMPLE_SHARE, 2 + SAMPLE_SHARE])
    assert [snapshot.circuits[0].measured_at for snapshot, _ in rig.published] == pytest.approx([None, 0.7, 1.7])
    assert rig.vitals.pulse.missed_ticks == 0


@in_virtual_time
async def test_a_meter_is_not_asked_again_before_it_has_answered() -> None:
    """On a serial line the answers would be mistaken for each other."""
    rig = Rig()
    rig.meter_takes_s = lambda _number: 2.7
    await rig.run_for(6.5)
    assert rig.asked_at == pytest.approx([0, 3, 6])
    assert len(rig.published) == 7


@in_virtual_time
async def test_a_tick_that_overruns_is_counted_and_skipped() -> None:
    """The third takes 2.5 s: the two whose time that was are missed, and the next is on its mark. None is queued."""
    rig = Rig()

    def stall(number: int) -> None:
        if number == 3:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, virtual_time.VirtualTimeLoop)
            loop.pass_time(2.5)

    rig.on_publish = stall
    with capture_logs() as logs:
        await rig.run_for(8.5)
    assert rig.ticks_at == pytest.approx([0, 1, 2, 5, 6, 7, 8])
    assert (rig.vitals.pulse.ticks, rig.vitals.pulse.missed_ticks) == (7, 2)
    missed = [entry for entry in logs if entry["event"] == "ticks missed"]
    assert [(entry["count"], entry["tick_took_s"]) for entry in missed] == [(2, 2.5)]


@in_virtual_time
async def test_only_completed_ticks_feed_the_watchdog() -> None:
    """It hears that we are ready with the first one; and nothing from one that fails."""
    rig = Rig()

    def fail(number: int) -> None:
        if number == 3:
            raise ArithmeticError("a decision that can't be made")

    rig.on_publish = fail
    with pytest.raises(ArithmeticError):
        await rig.run_for(10)
    assert rig.dog.ready_at == [0.0]
    assert rig.dog.fed_at == [0.0, 1.0]
    assert rig.vitals.pulse.ticks == 2


@in_virtual_time
async def test_it_is_alive_while_it_ticks() -> None:
    """A few periods after the last tick it isn't."""
    rig = Rig()
    assert not rig.vitals.alive(0.0), "nothing was done yet"
    await rig.run_for(3.5)
    assert rig.vitals.alive(3.0 + ALIVE_PERIODS)
    assert not rig.vitals.alive(3.1 + ALIVE_PERIODS)


@in_virtual_time
async def test_it_stops_at_once_and_takes_its_poll_with_it() -> None:
    """Cancelled in the middle of a poll: no task is left behind."""
    rig = Rig()
    rig.meter_takes_s = lambda _number: 3600.0
    running = asyncio.create_task(rig.loop.run())
    await asyncio.sleep(2.2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.get_running_loop().time() == pytest.approx(2.2)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@in_virtual_time
async def test_a_step_of_the_wall_clock_moves_nothing() -> None:
    """NTP comes an hour late: not a tick is missed."""
    rig = Rig()

    def step(number: int) -> None:
        if number == 3:
            rig.clock.wall_offset_s = -3600.0

    rig.on_publish = step
    await rig.run_for(6.5)
    assert rig.ticks_at == pytest.approx([0, 1, 2, 3, 4, 5, 6])
