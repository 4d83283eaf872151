"""Polls the site's meters: those on one line in turn, the lines side by side."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.connection import MODBUS, Connection, parse_connection
from edge.domain.site import Meter
from edge.errors import StartError
from edge.metering.bus import Bus, open_bus
from edge.metering.family import Family
from edge.metering.listened import ListenedMeter
from edge.metering.mqtt_topic import topic_family
from edge.metering.polled import PolledMeter
from edge.metering.source import TellingSource
from edge.metering.tellers import open_source
from edge.units import Amps, Phase, Seconds

# How long a sample waits for the lines: a line that takes longer delivers when it has, and holds no other line up.
WAIT_S: Seconds = 0.3

BusOpener = Callable[[Connection, Clock], Bus]
SourceOpener = Callable[[Meter, Connection, Clock], TellingSource]


class Meters:
    """All meters of the site; implements :class:`edge.control.ports.MeterPort`."""

    def __init__(
        self,
        *,
        meters: Sequence[Meter],
        families: Mapping[str, Family],
        clock: Clock,
        sink: FactSink,
        ratings: Mapping[str, Amps] | None = None,
        guarded: Mapping[str, frozenset[Phase]] | None = None,
        opener: BusOpener = open_bus,
        sources: SourceOpener = open_source,
    ) -> None:
        """``families`` holds at least the model of each meter, ``ratings`` the fuse of each that measures a circuit,
        ``guarded`` the phases of which it must tell the current.

        :raises StartError: for a meter whose connection can't be read; the site file's check refuses it before.
        """
        self._lines: dict[str, _Line] = {}
        self._listened: list[ListenedMeter] = []
        self._is_listening = False
        for meter in meters:
            try:
                connection = parse_connection(meter.connection)
            except ValueError as exc:
                raise StartError(f"the connection of meter '{meter.id}' {exc}") from None
            family = topic_family(meter.values) if meter.values else families[meter.model]
            rating_a = (ratings or {}).get(meter.id)
            needed = (guarded or {}).get(meter.id, frozenset())
            if connection.transport not in MODBUS:
                source = sources(meter, connection, clock)
                self._listened.append(
                    ListenedMeter(
                        meter=meter,
                        family=family,
                        source=source,
                        clock=clock,
                        sink=sink,
                        rating_a=rating_a,
                        guarded=needed,
                    )
                )
                continue
            if connection.line not in self._lines:
                self._lines[connection.line] = _Line(opener(connection, clock))
            line = self._lines[connection.line]
            line.meters.append(
                PolledMeter(
                    meter=meter,
                    family=family,
                    bus=line.bus,
                    clock=clock,
                    sink=sink,
                    rating_a=rating_a,
                    guarded=needed,
                )
            )

    async def sample(self) -> None:
        """See :meth:`edge.control.ports.MeterPort.sample`. Energies are read afterwards and come with the next call."""
        if not self._is_listening:
            self._is_listening = True
            for meter in self._listened:
                await meter.start()
        rounds = [line.begin_round() for line in self._lines.values()]
        if rounds:
            await asyncio.wait(rounds, timeout=WAIT_S)
        for line in self._lines.values():
            line.begin_count()

    async def close(self) -> None:
        """End what runs, and give up every line."""
        for line in self._lines.values():
            await line.close()
        for meter in self._listened:
            await meter.close()


class _Line:
    """The meters that share a bus."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.meters: list[PolledMeter] = []
        self._round: asyncio.Task[None] | None = None
        self._again = False  # another round was wanted while one ran
        self._count: asyncio.Task[None] | None = None

    def begin_round(self) -> "asyncio.Task[None]":
        """Poll each meter once; if the round before still runs, as soon as it is over."""
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._poll_all())
        else:
            self._again = True
        return self._round

    def begin_count(self) -> None:
        """Read the energies of those that are due, whose were read the longest ago first, until the next round begins:
        no round waits for more than one."""
        if self._longest_due() is not None and (self._count is None or self._count.done()):
            self._count = asyncio.create_task(self._count_due())

    async def close(self) -> None:
        running = [task for task in (self._round, self._count) if task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await self.bus.close()

    def _longest_due(self) -> PolledMeter | None:
        due = (meter for meter in self.meters if meter.energies_due())
        return min(due, key=lambda each: each.counted_at, default=None)

    async def _count_due(self) -> None:
        while (due := self._longest_due()) is not None:
            await due.count()
            if self._round is not None and not self._round.done():
                return

    async def _poll_all(self) -> None:
        """Those that answer come first: a silent device has its turn when nobody else waits for the line, or, on one
        that is never free, when it has waited for long."""
        shared = len(self.meters) > 1
        wanted = True
        while wanted:
            self._again = False
            for meter in sorted(self.meters, key=lambda each: each.is_silent):
                gives_way = self._again and meter.is_silent and not meter.is_overdue
                if meter.due(shares_line=shared) and not gives_way:
                    await meter.poll()
            wanted = self._again
