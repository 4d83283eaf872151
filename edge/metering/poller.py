"""Polls the site's meters: those on one line in turn, the lines side by side."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial

import structlog

from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.reading import MeterFailed
from edge.domain.site import Meter
from edge.errors import MeterError
from edge.metering.bus import Bus, Endpoint, ReadRequest, endpoint, open_bus
from edge.metering.decode import decode
from edge.metering.edges import MeterEdges
from edge.metering.families import Cadence, Family, Quantity
from edge.metering.readings import Energies, energies, reading
from edge.units import Seconds

ENERGY_PERIOD_S = 5.0  # energies steer nothing; they cost bus time
ENERGY_STALE_S = 3 * ENERGY_PERIOD_S  # two reads may be lost before an energy is no longer told

log = structlog.get_logger(__name__)


class Meters:
    """All meters of the site; implements :class:`edge.control.ports.MeterPort`."""

    def __init__(
        self,
        *,
        meters: Sequence[Meter],
        families: Mapping[str, Family],
        clock: Clock,
        sink: FactSink,
        opener: Callable[[Endpoint, Clock], Bus] = open_bus,
    ) -> None:
        """``families`` holds at least the model of each meter.

        :raises StartError: for a meter whose connection can't be opened by this version.
        """
        self._buses: dict[Endpoint, Bus] = {}
        self._lines: dict[Endpoint, list[_PolledMeter]] = {}
        for meter in meters:
            line = endpoint(meter.connection)
            if line not in self._buses:
                self._buses[line] = opener(line, clock)
            polled = _PolledMeter(
                meter=meter, family=families[meter.model], bus=self._buses[line], clock=clock, sink=sink
            )
            self._lines.setdefault(line, []).append(polled)
        self._fast: dict[Endpoint, asyncio.Task[None]] = {}
        self._slow: dict[Endpoint, asyncio.Task[None]] = {}

    async def sample(self) -> None:
        """See :meth:`edge.control.ports.MeterPort.sample`. Energies are read afterwards and come with the next call."""
        for line, meters in self._lines.items():
            _start(self._fast, line, partial(_poll_all, meters))
        if self._fast:
            await asyncio.wait(self._fast.values())
        for line, meters in self._lines.items():
            if any(meter.energies_due() for meter in meters):
                _start(self._slow, line, partial(_count_all, meters))

    async def close(self) -> None:
        """End the polls that run, and give up every line."""
        tasks = [*self._fast.values(), *self._slow.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for bus in self._buses.values():
            await bus.close()


def _start(
    running: dict[Endpoint, asyncio.Task[None]], line: Endpoint, work: Callable[[], Coroutine[None, None, None]]
) -> None:
    """Begin ``work`` on the line, unless the one before still runs."""
    if line not in running or running[line].done():
        running[line] = asyncio.create_task(work())


async def _poll_all(meters: Sequence["_PolledMeter"]) -> None:
    for meter in meters:
        await meter.poll()


async def _count_all(meters: Sequence["_PolledMeter"]) -> None:
    for meter in meters:
        if meter.energies_due():
            await meter.count()


class _PolledMeter:
    """One meter with what is remembered of it between polls."""

    def __init__(self, *, meter: Meter, family: Family, bus: Bus, clock: Clock, sink: FactSink) -> None:
        self._meter = meter
        self._family = family
        self._bus = bus
        self._clock = clock
        self._sink = sink
        self._edges = MeterEdges(meter.id, f"{family.make}, {meter.connection} unit {meter.unit}")
        self._energies = Energies()
        self._energies_at: Seconds | None = None  # when they were last read
        self._count_tried_at: Seconds | None = None
        self._answers = False

    async def poll(self) -> None:
        """Read the fast blocks and deliver a MeterReading or a MeterFailed. Raises nothing but cancellation."""
        try:
            values = await self._read(Cadence.FAST)
            at = self._clock.monotonic()
            self._sink.take(reading(self._meter.id, at, self._family, values, self._known_energies(at)))
        except MeterError as exc:
            self._failed(str(exc))
        except Exception as exc:
            # A bulkhead: a fault of ours in one meter's path must not stop the others, nor the control loop.
            log.exception(f"polling meter {self._meter.id} ended in a fault of this program")
            self._failed(f"polling ended in a fault of this program: {type(exc).__name__}")
        else:
            self._answers = True
            self._edges.alive(at)

    def energies_due(self) -> bool:
        """Whether the slow blocks should be read now: the meter answers, and the last try is long enough ago."""
        if not self._answers or not self._family.blocks(Cadence.SLOW):
            return False
        tried = self._count_tried_at
        return tried is None or self._clock.monotonic() - tried >= ENERGY_PERIOD_S

    async def count(self) -> None:
        """Read the slow blocks. What fails here is tried again; the fast blocks tell whether the meter is lost."""
        self._count_tried_at = self._clock.monotonic()
        try:
            self._energies = energies(await self._read(Cadence.SLOW))
        except MeterError as exc:
            log.debug(f"meter {self._meter.id}: the energies could not be read: {exc}")
        except Exception:
            log.exception(f"reading the energies of meter {self._meter.id} ended in a fault of this program")
        else:
            self._energies_at = self._clock.monotonic()

    async def _read(self, cadence: Cadence) -> dict[Quantity, float | None]:
        values: dict[Quantity, float | None] = {}
        for block in self._family.blocks(cadence):
            request = ReadRequest(
                unit=self._meter.unit, function=self._family.function, first=block.first, count=block.count
            )
            values |= decode(self._family, block, await self._bus.read(request))
        return values

    def _known_energies(self, now: Seconds) -> Energies:
        at = self._energies_at
        return self._energies if at is not None and now - at <= ENERGY_STALE_S else Energies()

    def _failed(self, problem: str) -> None:
        at = self._clock.monotonic()
        self._answers = False
        self._sink.take(MeterFailed(meter=self._meter.id, at=at, problem=problem))
        self._edges.lost(at, problem)
