"""EEBUS LPC over a restart: what the box wrote and what held goes on; nobody is freed by a reboot."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge.bms.eebus_lpc import HEARTBEAT_LOST_S, Lpc, LpcSettings, LpcState
from edge.bms.lpc_memory import LpcFile
from tests.unit.bms.bms_site import Hands

DOWN_S = 300.0


class House:
    """A gateway with its disk, that is started anew."""

    def __init__(self, file: Path) -> None:
        self.clock, self.file = Hands(), file
        self.settings = LpcSettings()
        self.lpc = self.started()

    def started(self) -> Lpc:
        return Lpc(self.settings, now=self.clock.now, before=LpcFile(self.file).read(self.clock))

    async def restart(self) -> None:
        book = LpcFile(self.file)
        book.keep(self.lpc.memory(self.clock.now), self.clock)
        await book.close()
        self.clock.pass_s(DOWN_S)
        self.lpc = self.started()

    def state(self) -> LpcState:
        return self.lpc.state

    def wait(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        self.lpc.tick(self.clock.now)

    def limit(self, *, duration_s: float | None = None) -> None:
        self.lpc.heartbeat(self.clock.now)
        self.lpc.write_limit(8000.0, active=True, duration_s=duration_s, now=self.clock.now)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "store" / "lpc.json")


async def test_a_limit_goes_on_and_ends_when_it_would_have(house: House) -> None:
    """The time that nobody ran counts; without a heartbeat in 120 s more it is the failsafe state."""
    house.limit(duration_s=DOWN_S + 60)
    await house.restart()
    assert (house.state(), house.lpc.allowed_w) == (LpcState.LIMITED, 8000.0)
    house.wait(60)
    assert house.state() is LpcState.UNLIMITED_CONTROLLED
    house.wait(HEARTBEAT_LOST_S)
    assert house.state() is LpcState.FAILSAFE


async def test_a_limit_whose_time_went_by_is_over(house: House) -> None:
    """At the first tick."""
    house.limit(duration_s=60)
    await house.restart()
    house.wait(0)
    assert house.state() is LpcState.UNLIMITED_CONTROLLED


async def test_a_clock_that_is_set_ends_no_limit_before_its_time(house: House) -> None:
    """A board without a battery-backed clock wakes hours behind: what stands in the file by then is reckoned anew when
    the time is known, so that a start after that takes no hours for gone.
    """
    house.limit(duration_s=3600.0)
    book = LpcFile(house.file)
    book.keep(house.lpc.memory(house.clock.now), house.clock)
    house.clock.at += timedelta(hours=6)
    house.wait(1)
    book.keep(house.lpc.memory(house.clock.now), house.clock)
    await book.close()
    house.lpc = house.started()
    house.wait(100)
    assert (house.lpc.state, house.lpc.allowed_w) == (LpcState.LIMITED, 8000.0)


async def test_nobody_leaves_the_failsafe_state_by_a_restart(house: House) -> None:
    """It lasts as long as it would have, with the values that the box wrote."""
    house.lpc.write_failsafe(value_w=3000.0, duration_s=3 * 3600)
    house.limit()
    house.wait(HEARTBEAT_LOST_S)
    await house.restart()
    assert (house.state(), house.lpc.allowed_w) == (LpcState.FAILSAFE, 3000.0)
    house.wait(3 * 3600 - DOWN_S - 1)
    assert house.state() is LpcState.FAILSAFE
    house.wait(1)
    assert house.state() is LpcState.UNLIMITED_AUTONOMOUS


async def test_what_the_site_file_says_holds_until_the_box_writes_otherwise(house: House) -> None:
    """Also after the first start: another value or duration there counts from the next start on, each as long as the
    box has written none."""
    house.limit()
    house.wait(HEARTBEAT_LOST_S)
    assert (house.state(), house.lpc.allowed_w) == (LpcState.FAILSAFE, 4200.0)
    house.settings = LpcSettings(failsafe_w=9000.0, failsafe_duration_s=5 * 3600.0)
    await house.restart()
    assert (house.state(), house.lpc.allowed_w) == (LpcState.FAILSAFE, 9000.0)
    house.wait(5 * 3600 - DOWN_S - 1)
    assert house.state() is LpcState.FAILSAFE
    house.lpc.write_failsafe(value_w=3000.0)
    house.settings = LpcSettings(failsafe_w=7000.0, failsafe_duration_s=24 * 3600.0)
    await house.restart()
    assert (house.state(), house.lpc.allowed_w) == (LpcState.FAILSAFE, 3000.0)
    house.wait(19 * 3600 - 2 * DOWN_S)
    assert house.state() is LpcState.FAILSAFE
    house.wait(DOWN_S + 1)
    assert house.state() is LpcState.UNLIMITED_AUTONOMOUS


async def test_without_a_clock_no_time_went_by(house: House) -> None:
    """What isn't known is taken for the worse: the limit holds for all that was left of it."""
    house.limit(duration_s=60)
    house.clock.trusted = False
    await house.restart()
    house.wait(59)
    assert house.lpc.allowed_w == 8000.0


async def test_it_is_written_when_it_says_something_else(house: House) -> None:
    """Not with each tick."""
    book = LpcFile(house.file)
    house.limit(duration_s=600)
    writes = set()
    for _ in range(30):
        house.wait(1)
        book.keep(house.lpc.memory(house.clock.now), house.clock)
        await book.close()
        writes.add(house.file.stat().st_mtime_ns)
    assert len(writes) == 1
    house.lpc.write_failsafe(value_w=1000.0)
    book.keep(house.lpc.memory(house.clock.now), house.clock)
    await book.close()
    assert b"1000.0" in house.file.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"state": "x"}',
        b"\xff",
        (
            b'{"wall_s": null, "state": "failsafe",'
            b' "in_state_s": -1, "limit_w": 0, "lasts_s": null, "failsafe_w": 0, "failsafe_duration_s": 0}'
        ),
    ],
)
def test_what_is_damaged_is_left(content: bytes, house: House) -> None:
    """The state machine begins anew."""
    house.file.parent.mkdir()
    house.file.write_bytes(content)
    assert house.started().state is LpcState.INIT
