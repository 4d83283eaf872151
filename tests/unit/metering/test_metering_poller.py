"""The poller over fake lines: order, sharing, cadence of the energies, and what reaches the log."""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from edge.clock import Clock
from edge.domain.connection import Connection
from edge.domain.reading import MeterFact, MeterFailed, MeterReading, Quality
from edge.domain.site import Meter
from edge.domain.station import StationFact
from edge.errors import MeterRefused, MeterTimeout
from edge.metering.bus import Answered, Bus
from edge.metering.catalogue import FAMILIES
from edge.metering.edges import MeterEdges
from edge.metering.energies import STALE_S
from edge.metering.family import Limits, Read
from edge.metering.modbus import ReadRequest
from edge.metering.polled import ENERGY_PERIOD_S
from edge.metering.poller import Meters
from edge.units import PHASES, PhaseAmps
from simulators.meter.maps.sunspec import meter_with_integers
from simulators.meter.state import RegisterMap
from tests import virtual_time
from tests.meter_families import DRAWING
from tests.register_reads import answer

SLOW = 52  # where the block of the energies begins


class FakeClock:
    """Time that moves when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> datetime:
        return datetime(2026, 6, 1, tzinfo=UTC)

    def wall_is_trusted(self) -> bool:
        return True


class Facts:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[MeterFact] = []

    def take(self, fact: StationFact | MeterFact) -> None:
        assert isinstance(fact, MeterReading | MeterFailed)
        self.taken.append(fact)


def healthy_registers(request: ReadRequest) -> tuple[int, ...]:
    """An SDM630 with 230 V, 10 A times its unit, and energies of 1 and 2 kWh."""
    memory = [0] * 80
    numbers = dict.fromkeys((0, 2, 4), 230.0) | dict.fromkeys((6, 8, 10), 10.0 * request.unit)
    numbers |= dict.fromkeys((12, 14, 16), 2300.0 * request.unit)
    for address, value in (numbers | {70: 50.0, 72: 1.0, 74: 2.0}).items():
        memory[address : address + 2] = struct.unpack(">HH", struct.pack(">f", value))
    return tuple(memory[request.address : request.address + request.count])


class FakeBus:
    """A line whose meters answer at once, hold back until released, or raise."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.requests: list[ReadRequest] = []
        self.errors: dict[int, Exception] = {}  # by unit
        self.slow_errors: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.closed = False

    async def read(self, request: ReadRequest, *, limits: Limits, fences: Sequence[ReadRequest] = ()) -> Answered:
        assert limits.max_registers >= request.count
        assert fences
        self.requests.append(request)
        self.asked.set()
        await self.gate.wait()
        if request.address == SLOW and self.slow_errors:
            raise self.slow_errors.pop()
        if request.unit in self.errors:
            raise self.errors[request.unit]
        return Answered(registers=healthy_registers(request), at=self.clock.now)

    async def close(self) -> None:
        self.closed = True

    @property
    def fast_units(self) -> list[int]:
        return [request.unit for request in self.requests if request.address == 0]


class Site:
    """Meters over fake lines, all within reach of the test."""

    def __init__(self, *meters: Meter) -> None:
        self.clock = FakeClock()
        self.facts = Facts()
        self.buses: dict[str, FakeBus] = {}
        self.meters = Meters(meters=meters, families=FAMILIES, clock=self.clock, sink=self.facts, opener=self._open)

    def _open(self, connection: Connection, _clock: Clock) -> Bus:
        self.buses[connection.line] = FakeBus(self.clock)
        return self.buses[connection.line]

    async def sample(self, *, after_s: float = 1.0) -> list[MeterFact]:
        """The facts of one more poll."""
        self.clock.now += after_s
        before = len(self.facts.taken)
        await self.meters.sample()
        return self.facts.taken[before:]


def meter(name: str, connection: str = "tcp://10.0.0.5:502", unit: int = 1) -> Meter:
    return Meter(id=name, model="eastron_sdm630", connection=connection, unit=unit)


async def test_meters_on_one_line_are_read_in_turn_over_one_bus() -> None:
    """Two units behind one address share a bus, one at another address has its own; each delivers."""
    site = Site(meter("a"), meter("b", unit=2), meter("c", "tcp://10.0.0.6:502"))
    taken = await site.sample()
    assert sorted(fact.meter for fact in taken) == ["a", "b", "c"]
    assert {line: bus.fast_units for line, bus in site.buses.items()} == {
        "tcp://10.0.0.5:502": [1, 2],
        "tcp://10.0.0.6:502": [1],
    }
    by_meter = {fact.meter: fact for fact in taken if isinstance(fact, MeterReading)}
    assert [by_meter[name].current_a for name in "ab"] == [PhaseAmps.same(10.0), PhaseAmps.same(20.0)]
    assert by_meter["a"].at == site.clock.now
    await site.meters.close()
    assert all(bus.closed for bus in site.buses.values())


async def test_one_meter_without_answer_costs_its_neighbours_nothing() -> None:
    """A silent unit is told as failed, in a sentence; the next one on its line is read all the same."""
    site = Site(meter("a"), meter("b", unit=2))
    site.buses["tcp://10.0.0.5:502"].errors[1] = MeterTimeout("no answer from a", remedy="check it")
    failed, read = await site.sample()
    assert failed == MeterFailed(meter="a", at=site.clock.now, problem="no answer from a; check it")
    assert isinstance(read, MeterReading)
    await site.meters.close()


class SlowBus(FakeBus):
    """A line on which each read takes a while."""

    async def read(self, request: ReadRequest, *, limits: Limits, fences: Sequence[ReadRequest] = ()) -> Answered:
        await asyncio.sleep(0.6)
        return await super().read(request, limits=limits, fences=fences)


def test_a_meter_that_was_silent_comes_back_on_a_line_that_is_never_free() -> None:
    """Two meters that take longer than a period leave no moment in which nobody else waits for the line. (Whoever was
    silent once on such a line was never asked again.) They are read on as often as they can be."""

    async def told() -> list[MeterFact]:
        clock, facts = FakeClock(), Facts()
        bus = SlowBus(clock)
        meters = Meters(
            meters=[meter("a"), meter("b", unit=2), meter("c", unit=3)],
            families=FAMILIES,
            clock=clock,
            sink=facts,
            opener=lambda *_: bus,
        )

        async def ticks(count: int) -> None:
            for _ in range(count):
                clock.now += 1.0
                await asyncio.gather(meters.sample(), asyncio.sleep(1.0))

        await ticks(5)
        bus.errors[3] = MeterTimeout("no answer from c")
        await ticks(20)
        bus.errors.clear()
        facts.taken.clear()
        await ticks(30)
        await meters.close()
        return facts.taken

    taken = virtual_time.run(told())
    readings = [fact.meter for fact in taken if isinstance(fact, MeterReading)]
    assert readings.count("c") >= 10
    assert min(readings.count(name) for name in "ab") >= 12


async def test_energies_are_read_after_the_poll_and_every_five_seconds() -> None:
    """The energies cost the poll nothing: they come with the next reading, and are read again after 5 s only."""
    site = Site(meter("a"))
    (bus,) = site.buses.values()
    (first,) = await site.sample()
    (second,) = await site.sample()
    assert isinstance(first, MeterReading)
    assert isinstance(second, MeterReading)
    assert (first.import_wh, first.export_wh) == (None, None)
    assert (second.import_wh, second.export_wh) == (1000.0, 2000.0)
    for _ in range(3):
        await site.sample()
    slow = [request for request in bus.requests if request.address == SLOW]
    assert len(slow) == 1
    await site.sample(after_s=ENERGY_PERIOD_S)
    await site.sample()
    assert len([request for request in bus.requests if request.address == SLOW]) == 2
    await site.meters.close()


@pytest.mark.parametrize(("count", "period_s"), [(8, 1.0), (2, 5.0), (4, 2.0), (12, 1.0), (4, 10.0)])
def test_the_energies_of_each_meter_on_a_line_have_their_turn(count: int, period_s: float) -> None:
    """However many share it, and however seldom the control ticks: once all have been read none is without them. (Where
    the first were due again by then, those behind them were never read.)"""

    async def told() -> list[MeterFact]:
        site = Site(*(meter(f"m{unit}", unit=unit) for unit in range(1, count + 1)))
        for _ in range(30):
            site.clock.now += period_s
            await asyncio.gather(site.meters.sample(), asyncio.sleep(period_s))
        await site.meters.close()
        return site.facts.taken

    later = virtual_time.run(told())[5 * count :]
    assert {fact.import_wh for fact in later if isinstance(fact, MeterReading)} == {1000.0}
    assert len(later) == 25 * count


async def test_lost_energies_leave_the_currents_alone() -> None:
    """Where the energies can't be read, readings go on; old energies are told no longer than 15 s."""
    site = Site(meter("a"))
    (bus,) = site.buses.values()
    await site.sample()
    await site.sample()
    bus.slow_errors = [MeterRefused("no such registers") for _ in range(9)]
    (within,) = await site.sample(after_s=STALE_S - 1.0)
    (beyond,) = await site.sample(after_s=2.0)
    assert isinstance(within, MeterReading)
    assert isinstance(beyond, MeterReading)
    assert within.import_wh == 1000.0
    assert beyond.import_wh is None
    await site.meters.close()


async def test_a_poll_that_still_runs_is_followed_by_another() -> None:
    """A caller that stops waiting leaves the poll running; the next call waits for it, and polls once more."""
    site = Site(meter("a"))
    (bus,) = site.buses.values()
    bus.gate.clear()
    impatient = asyncio.create_task(site.meters.sample())
    await bus.asked.wait()
    impatient.cancel()
    await asyncio.wait([impatient])
    again = asyncio.create_task(site.meters.sample())
    await asyncio.sleep(0)
    bus.gate.set()
    await again
    assert bus.fast_units == [1, 1]
    assert len(site.facts.taken) == 2
    await site.meters.close()


async def test_only_edges_are_logged() -> None:
    """Read, lost, back: one line each, with the time that it was away."""
    site = Site(meter("grid"))
    (bus,) = site.buses.values()
    with capture_logs() as logs:
        await site.sample()
        await site.sample()
        bus.errors[1] = MeterTimeout("no answer")
        for _ in range(42):
            await site.sample()
        bus.errors.clear()
        await site.sample()
        await site.sample()
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("info", "meter grid is read: Eastron three-phase meter, tcp://10.0.0.5:502 unit 1"),
        ("warning", "meter grid is lost: it gives no reading: no answer"),
        ("info", "meter grid is back after 42 s"),
    ]
    await site.meters.close()


async def test_one_failed_poll_is_no_loss() -> None:
    """The next poll makes it good: nobody is called for a broken frame, however often there is one."""
    site = Site(meter("grid"))
    (bus,) = site.buses.values()
    await site.sample()
    with capture_logs() as logs:
        for _ in range(3):
            bus.errors[1] = MeterTimeout("no answer")
            await site.sample()
            bus.errors.clear()
            await site.sample()
        assert not [line for line in logs if line["log_level"] != "debug"]
        bus.errors[1] = MeterTimeout("no answer")
        await site.sample()
        await site.sample()
        bus.errors.clear()
        await site.sample()
    assert [line["event"] for line in logs if line["log_level"] != "debug"] == [
        "meter grid is lost: it gives no reading: no answer",
        "meter grid is back after 2 s",
    ]
    await site.meters.close()


async def test_a_meter_that_was_never_read_is_lost_at_once() -> None:
    """Whoever sets it up wants to know why."""
    site = Site(meter("grid"))
    (bus,) = site.buses.values()
    bus.errors[1] = MeterTimeout("no answer")
    with capture_logs() as logs:
        await site.sample()
    assert [line["event"] for line in logs] == ["meter grid is lost: it gives no reading: no answer"]
    await site.meters.close()


async def test_a_fault_of_ours_in_one_meter_stops_nobody() -> None:
    """An unforeseen exception is a failed poll of that meter with a trace in the log; the others are read."""
    site = Site(meter("a"), meter("b", unit=2))
    site.buses["tcp://10.0.0.5:502"].errors[1] = ZeroDivisionError("oops")
    with capture_logs() as logs:
        failed, read = await site.sample()
    assert isinstance(failed, MeterFailed)
    assert "fault of this program: ZeroDivisionError" in failed.problem
    assert isinstance(read, MeterReading)
    assert "polling meter a ended in a fault of this program" in [line["event"] for line in logs]
    await site.meters.close()


async def test_closing_ends_a_poll_that_hangs() -> None:
    """A line that never answers doesn't hold up the end."""
    site = Site(meter("a"))
    (bus,) = site.buses.values()
    bus.gate.clear()
    sampling = asyncio.create_task(site.meters.sample())
    await bus.asked.wait()
    await site.meters.close()
    await sampling
    assert bus.closed


async def test_no_meters_no_wait() -> None:
    """A site without meters samples at once."""
    assert await Site().sample() == []


class DeviceBus(FakeBus):
    """A line on which one simulated device answers."""

    def __init__(self, clock: FakeClock, device: RegisterMap) -> None:
        super().__init__(clock)
        self.device = device
        self.state = DRAWING
        self.silent = False
        self.mute_at: set[int] = set()  # addresses at which it says nothing
        self.asked_at: list[int] = []

    async def read(self, request: ReadRequest, *, limits: Limits, fences: Sequence[ReadRequest] = ()) -> Answered:  # noqa: ARG002 - a bus's
        self.asked_at.append(request.address)
        if self.silent or request.address in self.mute_at:
            raise MeterTimeout("no answer")
        words = answer(self.device, self.state, Read(request.register_type, request.address, request.count))
        if words is None:
            raise MeterRefused("no such registers")
        return Answered(registers=words, at=self.clock.now)


@pytest.mark.parametrize(("phases", "untold"), [(1, "of L2, L3"), (2, "of L3"), (3, None)])
async def test_a_discovered_meter_guards_no_phases_that_it_is_not_on(phases: int, untold: str | None) -> None:
    """What a circuit's meter doesn't measure is not 0 A: it is refused. One that is only shown is read."""
    clock, facts = FakeClock(), Facts()
    device = meter_with_integers(200 + phases, phases=phases)
    for guarded, problem in ((PHASES, untold), (PHASES[:1], None), ((), None)):
        meters = Meters(
            meters=(Meter(id="m", model="sunspec_meter", connection="tcp://10.0.0.5:502"),),
            families=FAMILIES,
            clock=clock,
            sink=facts,
            guarded={"m": frozenset(guarded)},
            opener=lambda *_: DeviceBus(clock, device),
        )
        await meters.sample()
        fact = facts.taken.pop()
        if problem is not None:
            assert isinstance(fact, MeterFailed)
            assert problem in fact.problem
        else:
            assert isinstance(fact, MeterReading)
        await meters.close()


async def test_a_device_that_is_found_again_goes_on_as_it_was() -> None:
    """One lost answer, and what it is is asked anew: what its register had counted before a reset stays counted."""
    clock, facts = FakeClock(), Facts()
    bus = DeviceBus(clock, meter_with_integers(203, phases=3))
    meter = Meter(id="m", model="sunspec_meter", connection="tcp://10.0.0.5:502")
    meters = Meters(meters=(meter,), families=FAMILIES, clock=clock, sink=facts, opener=lambda *_: bus)

    async def import_wh(*, samples: int) -> float | None:
        for _ in range(samples):
            clock.now += ENERGY_PERIOD_S
            await meters.sample()
            for _ in range(10):
                await asyncio.sleep(0)
        fact = facts.taken[-1]
        return fact.import_wh if isinstance(fact, MeterReading) else None

    assert await import_wh(samples=2) == DRAWING.import_wh
    bus.state = replace(DRAWING, import_wh=5_000.0)
    assert await import_wh(samples=5) == DRAWING.import_wh
    bus.silent = True
    assert await import_wh(samples=1) is None
    bus.silent = False
    assert await import_wh(samples=3) == DRAWING.import_wh
    await meters.close()


def sunspec_on(bus: DeviceBus) -> tuple[Meters, Facts]:
    """A SunSpec meter that is polled on that line."""
    facts = Facts()
    meter = Meter(id="m", model="sunspec_meter", connection="tcp://10.0.0.5:502")
    return Meters(meters=(meter,), families=FAMILIES, clock=bus.clock, sink=facts, opener=lambda *_: bus), facts


@pytest.mark.parametrize(("base", "mute_at", "polls"), [(0, {40_000}, 2), (50_000, {40_000, 0}, 3)])
async def test_a_device_that_is_silent_where_others_refuse_is_found(base: int, mute_at: set[int], polls: int) -> None:
    """Its map is at the next place: each silence costs one poll, and once it is found, none."""
    bus = DeviceBus(FakeClock(), meter_with_integers(203, base=base))
    bus.mute_at = mute_at
    meters, facts = sunspec_on(bus)
    for _ in range(polls + 1):
        await meters.sample()
    await meters.close()
    assert [type(each) for each in facts.taken] == [*[MeterFailed] * (polls - 1), MeterReading, MeterReading]
    assert [at for at in bus.asked_at if at in mute_at] == sorted(mute_at, reverse=True)


async def test_two_parts_of_a_device_are_found_without_delay() -> None:
    """They share its line: a place at which it is silent makes nobody wait for longer before the next is tried."""
    bus, facts = DeviceBus(FakeClock(), meter_with_integers(203, base=50_000)), Facts()
    bus.mute_at = {40_000, 0}
    parts = [Meter(id=name, model="sunspec_meter", connection="tcp://10.0.0.5:502") for name in ("a", "b")]
    meters = Meters(meters=parts, families=FAMILIES, clock=bus.clock, sink=facts, opener=lambda *_: bus)
    for _ in range(3):
        await meters.sample()
        bus.clock.now += 1.0
    await meters.close()
    assert [type(each) for each in facts.taken[-2:]] == [MeterReading, MeterReading]


async def test_a_device_that_was_silent_for_a_while_is_found_where_it_was() -> None:
    """While it starts it says nothing, and later its map is at the first place: that isn't passed over for ever."""
    bus = DeviceBus(FakeClock(), meter_with_integers(203))
    bus.silent = True
    meters, facts = sunspec_on(bus)
    for polls in range(1, 8):
        await meters.sample()
        assert len(bus.asked_at) == polls  # one silence a poll
    assert bus.asked_at[:4] == [40_000, 0, 50_000, 40_000]
    assert all(isinstance(each, MeterFailed) and "no answer" in each.problem for each in facts.taken)
    bus.silent = False
    for _ in range(2):
        await meters.sample()
    await meters.close()
    assert isinstance(facts.taken[-1], MeterReading)


def test_a_held_reading_brings_no_meter_back() -> None:
    """It is of before the loss: "back after -1 s" was what the log said of a meter that still told nothing."""
    edges = MeterEdges("grid", "a meter")
    good = MeterReading(meter="grid", at=100.0, current_a=PhaseAmps(1.0, 2.0, 3.0))
    with capture_logs() as logs:
        edges.alive(good)
        edges.failed(101.0, "no answer")
        edges.alive(replace(good, quality=Quality.HELD, doubts=("no current on L3",)))
        edges.failed(103.0, "no answer")
        edges.alive(replace(good, at=104.0))
    assert [line["event"] for line in logs] == [
        "meter grid is read: a meter",
        "meter grid is lost: it gives no reading: no answer",
        "meter grid is back after 3 s",
    ]
