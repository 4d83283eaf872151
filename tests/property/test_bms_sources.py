"""All sources of limits at once, over any course: what the next decision goes by, and what everybody is told of it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.allocation.layout import LINES_PER_CIRCUIT, POWER
from edge.bms.eco import EcoMode
from edge.bms.eebus_lpc import LpcSettings
from edge.bms.grid import DimmedBy, GridSettings
from edge.bms.grid_operator import GridOperator
from edge.bms.modbus_control import ControlBlock
from edge.bms.modbus_pdu import Refused
from edge.bms.mqtt_commands import Commands, Now
from edge.bms.schedule import Rule, Schedule
from edge.bms.settings import Bounds, WritePolicy
from edge.bms.stated import StatedLimits
from edge.control.board import Board
from edge.domain.limit import LimitSource
from edge.units import Amps, PhaseAmps, Seconds, Watts, watts
from tests.unit.bms.bms_site import Hands, report, site

VOLTAGE_V = 230.0
ZONE = ZoneInfo("Europe/Copenhagen")
TICK_S = 1.0
MODBUS_S, MODBUS_FALLBACK_A = 30.0, 20.0
MQTT_S, MQTT_FALLBACK_A = 45.0, 25.0
DIMMED_W, FAILSAFE_W = 7560.0, 4200.0
SCHEDULED_A = 30.0  # from 13:00 to 14:00 in Copenhagen
LIMIT_A = 4  # the register


def power(limit_a: Amps) -> Watts:
    return watts(PhaseAmps.same(limit_a), VOLTAGE_V)


@dataclass
class Model:
    """What must hold, reckoned in the plainest way."""

    modbus_a: Amps | None = None
    modbus_until: Seconds = 0.0
    mqtt_a: Amps | None = None
    mqtt_until: Seconds = 0.0
    dims: set[DimmedBy] = field(default_factory=set)

    def lowest_w(self, now: Seconds, local: datetime | None, lpc_w: Watts | None) -> Watts:
        """The least of the grid connection's rating and all that is valid."""
        modbus_a = self.modbus_a if now < self.modbus_until else MODBUS_FALLBACK_A
        mqtt_a = self.mqtt_a if now < self.mqtt_until else MQTT_FALLBACK_A
        scheduled = local is None or time(13) <= local.time() < time(14)
        allowed = [61.0, modbus_a, mqtt_a, SCHEDULED_A if scheduled else None]
        dimmed = [DIMMED_W if self.dims else None, lpc_w]
        limits_w = [power(each) for each in allowed if each is not None]
        return min(limits_w + [each for each in dimmed if each is not None])


class House:
    """A site on which everybody may limit the grid connection."""

    def __init__(self) -> None:
        self.clock, self.site, self.model = Hands(), site(), Model()
        self.board = Board(self.site, started_at=self.clock.now)
        self.limits = StatedLimits(self.site, self.board)
        bounds = Bounds(most_a=63.0, most_w=43470.0)
        self.block = ControlBlock(
            circuit="main",
            policy=WritePolicy(writable=True, limit_timeout_s=MODBUS_S, fallback_a=MODBUS_FALLBACK_A),
            bounds=bounds,
            sink=self.limits,
            eco=EcoMode(possible=False),
            now=self.clock.monotonic,
        )
        self.commands = Commands(
            base="x",
            circuit="main",
            policy=WritePolicy(writable=True, limit_timeout_s=MQTT_S, fallback_a=MQTT_FALLBACK_A),
            bounds=bounds,
            grid=False,
        )
        grid = GridSettings(circuit="main", limit_w=DIMMED_W, lpc=LpcSettings(failsafe_w=FAILSAFE_W))
        self.grid = GridOperator(grid, site="x", sink=self.limits, clock=self.clock, relay=None)
        rule = Rule(begins=time(13), ends=time(14), limit_a=SCHEDULED_A)
        self.schedule = Schedule("main", [rule], "Europe/Copenhagen")
        self.number = 0
        self.block.start()
        silence = self.commands.first(self.clock.now)
        assert silence is not None
        self.limits.take(silence)
        self.model.modbus_until, self.model.mqtt_until = self.clock.now + MODBUS_S, self.clock.now + MQTT_S

    def modbus(self, limit_a: Amps) -> None:
        try:
            self.block.write_holding(LIMIT_A, [round(limit_a * 10)])
        except Refused:
            assert limit_a > 63
        else:
            self.model.modbus_a, self.model.modbus_until = limit_a, self.clock.now + MODBUS_S

    def mqtt(self, limit_a: Amps, *, old: bool = False, retained: bool = False) -> None:
        self.number += 1
        ts = self.clock.wall() - timedelta(seconds=90 if old else 0)
        body = json.dumps({"id": self.number, "ts": ts.isoformat(), "max_a": limit_a}).encode()
        now = Now(monotonic=self.clock.now, wall=self.clock.wall() if self.clock.trusted else None)
        outcome = self.commands.receive("x/cmd/limit", body, retained=retained, now=now)
        if outcome is not None and outcome.state is not None:
            assert not old
            assert not retained
            assert limit_a <= 63
            self.limits.take(outcome.state)
            self.model.mqtt_a, self.model.mqtt_until = limit_a, self.clock.now + MQTT_S

    def dim(self, by: DimmedBy, asked: bool) -> None:
        self.grid.dim(by, asked=asked)
        (self.model.dims.add if asked else self.model.dims.discard)(by)

    def step_clock(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def distrust(self, trusted: bool) -> None:
        self.clock.trusted = trusted

    def heartbeat(self, limit_w: Watts) -> None:
        assert self.grid.lpc is not None
        self.grid.lpc.heartbeat(self.clock.now)
        self.grid.lpc.write_limit(limit_w, active=True, duration_s=None, now=self.clock.now)

    def tick(self, seconds: Seconds) -> None:
        """Time passes, then a tick: the watches look after it, and the tick after decides by what they say."""
        self.clock.pass_s(seconds)
        self.watch()
        self.clock.pass_s(TICK_S)
        assert self.grid.lpc is not None
        lpc_w = self.grid.lpc.allowed_w
        local = self.clock.wall().astimezone(ZONE) if self.clock.trusted else None
        self.judge(self.model.lowest_w(self.clock.now, local, lpc_w))

    def watch(self) -> None:
        self.grid.tick(report(), None)
        limit = self.schedule.observe({}, self.clock)
        if limit is not None:
            self.limits.take(limit)

    def judge(self, lowest_w: Watts) -> None:
        """The board's snapshot, the effective limit and the decision's ceilings are the least of what is valid."""
        snapshot = self.board.snapshot(self.clock.now)
        found = self.limits.effective(self.site.circuits[0], self.clock.now)
        assert abs(found.limit_w - lowest_w) < 1e-6
        assert found.limit_a <= 61.0
        assert set(snapshot.limits) == set(self.limits.all)
        plant = self.board.plant
        place = [plant.circuits[number].id for number in plant.grid.layout.circuits].index("main")
        ceilings = snapshot.ceilings.limit_a[place * LINES_PER_CIRCUIT : (place + 1) * LINES_PER_CIRCUIT]
        most_w = min(power(min(ceilings[:POWER])), ceilings[POWER] * VOLTAGE_V)
        assert abs(most_w - lowest_w) < 1e-6


amps = st.integers(0, 700).map(lambda tenths: tenths / 10)
acts = st.one_of(
    st.tuples(st.just("modbus"), st.tuples(amps)),
    st.tuples(st.just("mqtt"), st.tuples(amps)),
    st.tuples(st.just("dim"), st.tuples(st.sampled_from(DimmedBy), st.booleans())),
    st.tuples(st.just("step_clock"), st.tuples(st.sampled_from([-86_400, -3600, -1, 1, 3600, 86_400]))),
    st.tuples(st.just("distrust"), st.tuples(st.booleans())),
    st.tuples(st.just("heartbeat"), st.tuples(st.floats(0, 50_000))),
    st.tuples(st.just("tick"), st.tuples(st.sampled_from([0.0, 1.0, 10.0, 29.0, 44.0, 300.0, 3000.0]))),
)


@settings(deadline=None)
@given(course=st.lists(acts, max_size=25))
def test_the_decision_goes_by_the_lowest_that_is_valid(course: list[tuple[str, tuple[Any, ...]]]) -> None:
    """Whoever spoke, fell silent or stepped the clock: the least of rating, limits and fallbacks, a tick later."""
    house = House()
    house.watch()
    for act, arguments in course:
        getattr(house, act)(*arguments)
        if act != "tick":
            house.tick(0.0)


@given(
    limits_a=st.lists(st.integers(0, 61), min_size=1, max_size=5),
    gaps_s=st.lists(st.integers(1, 100), min_size=5, max_size=5),
)
def test_each_source_s_silence_leads_to_its_fallback(limits_a: list[int], gaps_s: list[int]) -> None:
    """Within its time-out and a tick of its last word, whatever that was and however often it had spoken before."""
    for source, timeout_s, fallback_a in (
        (LimitSource.BMS_MODBUS, MODBUS_S, MODBUS_FALLBACK_A),
        (LimitSource.BMS_MQTT, MQTT_S, MQTT_FALLBACK_A),
    ):
        house = House()
        for limit_a, gap_s in zip(limits_a, gaps_s, strict=False):
            house.clock.pass_s(gap_s)
            (house.modbus if source is LimitSource.BMS_MODBUS else house.mqtt)(float(limit_a))
        house.clock.pass_s(timeout_s + TICK_S)
        (limit,) = (each for each in house.board.snapshot(house.clock.now).limits if each.source is source)
        assert limit.is_over(house.clock.now)
        assert limit.amps(house.clock.now) == fallback_a


@given(limit_a=st.integers(0, 63), junk=st.lists(st.tuples(amps, st.booleans()), max_size=10))
def test_old_and_retained_commands_change_nothing(limit_a: int, junk: list[tuple[float, bool]]) -> None:
    """However many, and whatever they ask for."""
    house = House()
    house.mqtt(float(limit_a))
    before = house.board.snapshot(house.clock.now).limits
    for each_a, old in junk:
        house.mqtt(each_a, old=old, retained=not old)
    assert house.board.snapshot(house.clock.now).limits == before


def test_the_clock_of_the_course_is_at_the_schedule() -> None:
    """Noon in UTC is 13:00 in Copenhagen: the rule holds at the begin of each course."""
    house = House()
    assert house.schedule.allowed(house.clock).limit_a == SCHEDULED_A
    assert house.clock.wall() == datetime(2026, 11, 21, 12, tzinfo=UTC)
