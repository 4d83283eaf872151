"""A site with simulated meters on an RTU line in virtual time: real poller, real framing, real board and decision."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from edge.allocation.decide import Decision, Memory, decide
from edge.allocation.snapshot import Snapshot
from edge.clock import Clock
from edge.control.board import Board
from edge.domain.connection import Connection
from edge.domain.reading import MeterReading
from edge.domain.site import Circuit, ControlSettings, Meter, Site
from edge.metering.bus import Line
from edge.metering.catalogue import FAMILIES
from edge.metering.channel import Channel, Receiver
from edge.metering.poller import Meters
from edge.units import PhaseAmps, Seconds
from simulators.meter import SimulatedMeter, circuit_meter
from simulators.meter.rtu import RtuBus
from tests import virtual_time

MODEL = "eastron_sdm630"
PATIENCE_S = 0.4  # of a tick of one second: what the control loop waits for a sample


class MemoryChannel:
    """The other end is a bus of simulated meters; a frame takes the time that its meter takes."""

    def __init__(self, meters: dict[int, SimulatedMeter], receiver: Receiver) -> None:
        self._receiver: Receiver | None = receiver
        self._bus = RtuBus(meters, self._send)
        self._serving = asyncio.create_task(self._bus.serve())

    def write(self, data: bytes) -> None:
        self._bus.take(data)

    def close(self) -> None:
        self._receiver = None
        self._serving.cancel()

    async def _send(self, data: bytes) -> None:
        if self._receiver is not None:
            self._receiver.data(data)


@dataclass(kw_only=True)
class Currents:
    """What truly flows through each of the two circuits."""

    main: tuple[float, float, float] = (20.0, 21.0, 22.0)
    garage: tuple[float, float, float] = (5.0, 6.0, 7.0)
    volts: float = 230.0
    import_wh: float = 500_000.0


@dataclass(kw_only=True)
class Tick:
    """What one tick saw."""

    at: Seconds
    snapshot: Snapshot
    decision: Decision
    sampled_s: Seconds  # how long the sample held the tick up

    @property
    def main_a(self) -> PhaseAmps | None:
        return self.snapshot.circuits[0].measured_a

    @property
    def is_stale(self) -> bool:
        return bool(self.decision.stale)


@dataclass(kw_only=True)
class MeteredSite:
    """The grid connection and the garage, each with a meter on one line."""

    true: Currents = field(default_factory=Currents)
    ticks: list[Tick] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = virtual_time.VirtualClock()
        self.grid = circuit_meter(
            current_a=lambda: self.true.main,
            import_wh=lambda: self.true.import_wh,
            nominal_voltage_v=lambda: self.true.volts,
            model=MODEL,
        )
        self.garage = circuit_meter(
            current_a=lambda: self.true.garage, import_wh=lambda: 0.0, nominal_voltage_v=230.0, model=MODEL
        )
        connection = "rtu:///dev/serial/by-id/x"
        self.site = Site(
            id="metered",
            timezone="UTC",
            nominal_voltage_v=230.0,
            control=ControlSettings(),
            circuits=(
                Circuit(id="main", parent=None, fuse_a=63.0, meter="grid"),
                Circuit(id="garage", parent="main", fuse_a=40.0, meter="garage"),
            ),
            meters=(
                Meter(id="grid", model=MODEL, connection=connection, unit=1),
                Meter(id="garage", model=MODEL, connection=connection, unit=2),
            ),
        )
        self.board = Board(self.site, started_at=0.0)
        self.meters = Meters(
            meters=self.site.meters,
            families=FAMILIES,
            clock=self.clock,
            sink=self.board,
            ratings={"grid": 63.0, "garage": 40.0},
            opener=self._open,
        )
        self._memory = Memory()

    @property
    def reading(self) -> MeterReading:
        """The grid meter's newest."""
        found = self.board.meters["grid"].reading
        assert found is not None
        return found

    async def run(self, seconds: int) -> list[Tick]:
        """So many ticks of a second."""
        lived = []
        for _ in range(seconds):
            begun = self.clock.monotonic()
            sampling = asyncio.create_task(self.meters.sample())
            await asyncio.wait([sampling], timeout=PATIENCE_S)
            now = self.clock.monotonic()
            snapshot = self.board.snapshot(now)
            decision = decide(snapshot, self._memory)
            self._memory = decision.memory
            lived.append(Tick(at=now, snapshot=snapshot, decision=decision, sampled_s=now - begun))
            await asyncio.sleep(begun + 1.0 - now)
        self.ticks += lived
        return lived

    def _open(self, connection: Connection, clock: Clock) -> Line:
        async def opener(_connection: Connection, receiver: Receiver) -> Channel:
            return MemoryChannel({1: self.grid, 2: self.garage}, receiver)

        return Line(connection, clock, opener=opener)


def lived(play: Callable[[MeteredSite], Coroutine[Any, Any, None]]) -> MeteredSite:
    """A site after ten good seconds, what is done to it, and its end."""

    async def main() -> MeteredSite:
        site = MeteredSite()
        try:
            await site.run(10)
            assert site.ticks[-1].main_a == PhaseAmps(*site.true.main)
            await play(site)
        finally:
            await site.meters.close()
        return site

    return virtual_time.run(main())
