"""The faults that a building and its clocks bring, one scenario each; the numbers are those of the fault list."""

import json
from datetime import UTC, datetime, time, timedelta

import pytest

from edge.bms.demand_watch import DemandWatch
from edge.bms.demand_window import DemandSettings
from edge.bms.eco import EcoMode
from edge.bms.modbus_control import ControlBlock
from edge.bms.modbus_pdu import Refused
from edge.bms.mqtt_commands import Commands, Now
from edge.bms.mqtt_topics import Message
from edge.bms.outbox import Outbox
from edge.bms.schedule import Rule, Schedule
from edge.bms.settings import Bounds, WritePolicy
from edge.bms.stated import StatedLimits
from edge.control.board import Board
from edge.domain.effective import Binding, Effective
from tests.unit.bms.bms_site import Hands, report, site

LIMIT_A = 4


class House:
    """A site with a BMS on both wires, and clocks to turn."""

    def __init__(self) -> None:
        self.clock = Hands()
        self.site = site()
        self.board = Board(self.site, started_at=self.clock.monotonic())
        self.limits = StatedLimits(self.site, self.board)
        policy = WritePolicy(writable=True, limit_timeout_s=60.0, fallback_a=20.0)
        bounds = Bounds(most_a=63.0, most_w=43470.0)
        self.block = ControlBlock(
            circuit="main",
            policy=policy,
            bounds=bounds,
            sink=self.limits,
            eco=EcoMode(possible=False),
            now=self.clock.monotonic,
        )
        self.commands = Commands(base="edge/x", circuit="main", policy=policy, bounds=bounds, grid=False)

    @property
    def effective(self) -> Effective:
        return self.limits.effective(self.site.circuits[0], self.clock.monotonic())

    def command(self, number: int, max_a: float, *, ts: datetime | None = None, retained: bool = False) -> bool:
        """Whether it was carried out."""
        body = {"id": str(number), "ts": (ts or self.clock.wall()).isoformat(), "max_a": max_a}
        now = Now(monotonic=self.clock.monotonic(), wall=self.clock.wall() if self.clock.wall_is_trusted() else None)
        topic = self.commands.limit_topic
        outcome = self.commands.receive(topic, json.dumps(body).encode(), retained=retained, now=now)
        if outcome is None:
            return False
        if outcome.state is not None:
            self.limits.take(outcome.state)
        return outcome.accepted


def test_fault_40_the_bms_watchdog_lapses() -> None:
    """The installer's fallback holds from the end of the time on, and stays until the BMS speaks again."""
    house = House()
    house.block.write_holding(LIMIT_A, [300])
    assert (house.effective.limit_a, house.effective.binding) == (30.0, Binding.BMS)
    house.clock.pass_s(60)
    assert (house.effective.limit_a, house.effective.binding) == (20.0, Binding.FALLBACK)
    house.clock.pass_s(86_400)
    assert house.effective.limit_a == 20.0
    house.block.write_holding(LIMIT_A, [300])
    assert house.effective.limit_a == 30.0


def test_fault_41_the_bms_writes_0_65535_and_a_flood() -> None:
    """0 is a limit, 65535 is none, what is above the fuse is refused, and of a flood the last and lowest counts."""
    house = House()
    house.block.write_holding(LIMIT_A, [0])
    assert house.effective.limit_a == 0.0
    house.block.write_holding(LIMIT_A, [0xFFFF])
    assert house.effective.limit_a == 61.0
    for value in range(1000):
        try:
            house.block.write_holding(LIMIT_A, [value])
        except Refused:
            assert value > 630
    assert house.effective.limit_a == 61.0  # 63.0 was the last one accepted; the rating is lower
    house.command(1, 10)
    assert house.effective.limit_a == 10.0
    assert len(house.limits.report(house.clock.monotonic())["stated"]) == 2


def test_fault_42_mqtt_flood_retained_junk_and_a_broker_that_is_lost() -> None:
    """Nothing of it limits anything, and what waits for the broker is bounded."""
    house, outbox = House(), Outbox()
    assert not house.command(1, 0, retained=True)
    now = Now(monotonic=0.0, wall=house.clock.wall())
    for number in range(10_000):
        outcome = house.commands.receive(house.commands.limit_topic, b"junk %d" % number, retained=False, now=now)
        assert outcome is not None
        outbox.answer(house.commands.acknowledgement(house.commands.limit_topic, outcome, {}))
        outbox.put([Message(topic="edge/x/site/state", payload=b"%d" % number)])
    assert house.effective.binding is Binding.FUSE
    assert len(outbox) < 300


@pytest.mark.parametrize("step", [timedelta(days=1), timedelta(days=-1)])
def test_fault_43_the_wall_clock_steps_by_a_day(step: timedelta) -> None:
    """A limit ends when its time is over, not when the clock says so; what is stamped by the old clock is refused."""
    house = House()
    assert house.command(1, 10)
    before = house.clock.wall()
    house.clock.at += step
    assert house.effective.limit_a == 10.0
    assert not house.command(2, 30, ts=before)
    assert house.command(3, 12)
    house.clock.pass_s(59)
    assert house.effective.limit_a == 12.0
    house.clock.pass_s(1)
    assert house.effective.binding is Binding.FALLBACK


def test_fault_44_no_clock_of_its_own_boots_in_1970() -> None:
    """Commands can't be judged and fall to the fallback; every scheduled limit holds; no window saves anything up."""
    house = House()
    house.clock.at, house.clock.trusted = datetime(1970, 1, 1, tzinfo=UTC), False
    silence = house.commands.first(house.clock.monotonic())
    assert silence is not None
    house.limits.take(silence)
    assert not house.command(1, 30)
    schedule = Schedule("main", [Rule(begins=time(7), ends=time(8), limit_a=25.0)], "Europe/Copenhagen")
    limit = schedule.observe({}, house.clock)
    assert limit is not None
    house.limits.take(limit)
    assert (house.effective.limit_a, house.effective.binding) == (25.0, Binding.SCHEDULE)
    house.clock.now += 60
    assert (house.effective.limit_a, house.effective.binding) == (20.0, Binding.FALLBACK)
    watch = DemandWatch(house.site, DemandSettings(circuit="main", limit_w=30_000.0), folder=None)
    stated = watch.observe(report(), house.clock)
    assert stated is not None
    assert stated.limit_w == 30_000.0


def test_fault_45_daylight_saving_both_ways() -> None:
    """A rule from 02:30 to 03:30 local is over at 03:30 local, on the day with 23 hours and on the one with 25."""
    rule = Rule(begins=time(2, 30), ends=time(3, 30), limit_a=16.0)
    for begin, minutes in (
        (datetime(2026, 3, 29, 0, 0, tzinfo=UTC), 30),  # 02:30 to 03:00 doesn't exist
        (datetime(2026, 10, 25, 0, 0, tzinfo=UTC), 90),  # 02:30 to 03:00 is there twice
        (datetime(2026, 6, 1, 0, 0, tzinfo=UTC), 60),
    ):
        clock = Hands(wall=begin)
        schedule = Schedule("main", [rule], "Europe/Copenhagen")
        held = 0
        for _ in range(5 * 60):
            held += schedule.allowed(clock).limit_a is not None
            clock.pass_s(60)
        assert held == minutes


def test_fault_46_a_second_that_comes_twice() -> None:
    """A leap second moves the wall clock back by one: no energy counts twice and no window is lost."""
    clock, settings = Hands(), DemandSettings(circuit="main", limit_w=30_000.0)
    watch = DemandWatch(site(), settings, folder=None)
    seen = report(meters=[report()["meters"][0] | {"age_s": 0.0}])
    for second in range(900):
        watch.observe(seen, clock)
        clock.pass_s(1)
        if second == 450:
            clock.at -= timedelta(seconds=1)
    assert watch.state is not None
    assert watch.state.used_j == pytest.approx(899 * 8650.4, rel=1e-6)
