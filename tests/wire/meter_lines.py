"""Simulated meters on real sockets and pseudo-terminals, and a poller that reads them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from edge.clock import SystemClock
from edge.domain.reading import MeterFact, MeterFailed, MeterReading
from edge.domain.site import Meter
from edge.domain.station import StationFact
from edge.metering.catalogue import FAMILIES
from edge.metering.poller import Meters
from simulators.meter import ModbusTcpServer, SimulatedMeter, circuit_meter
from simulators.meter.rtu import RtuTcpServer
from simulators.meter.serial_line import LineSettings, SerialLine
from simulators.site import Endpoint

LOOPBACK = Endpoint(host="127.0.0.1", port=0)
CURRENTS = (10.0, 11.0, 12.0)
QUICK = LineSettings(baudrate=115_200)  # so that a test doesn't take the time of 9600 Bd
PERIOD_S = 1.0
TRANSPORTS = ("tcp", "rtu+tcp", "rtu")


def simulated(model: str = "eastron_sdm630", currents: tuple[float, float, float] = CURRENTS) -> SimulatedMeter:
    """A meter at 230 V with 1.5 kWh on its register."""
    return circuit_meter(current_a=lambda: currents, import_wh=lambda: 1500.0, nominal_voltage_v=230.0, model=model)


@asynccontextmanager
async def line(
    transport: str,
    meters: Mapping[int, SimulatedMeter],
    folder: Path,
    *,
    settings: LineSettings = QUICK,
    answer_s: float = 0.005,
) -> AsyncIterator[str]:
    """The meters on a line of that kind; its connection as the site file writes it."""
    if transport == "rtu":
        link = folder / "usb-line"
        serial = await SerialLine(meters, link=link, settings=settings, answer_s=answer_s).open()
        try:
            yield f"rtu://{link}?baudrate={settings.baudrate}&parity={settings.parity}"
        finally:
            await serial.close()
        return
    server = RtuTcpServer(meters, answer_s=answer_s) if transport == "rtu+tcp" else ModbusTcpServer(meters)
    await server.open(LOOPBACK)
    try:
        yield f"{transport}://127.0.0.1:{server.port}"
    finally:
        await server.close()


class Facts:
    """Keeps what it is given, by meter."""

    def __init__(self) -> None:
        self.taken: list[MeterFact] = []
        self._news = asyncio.Event()

    def take(self, fact: StationFact | MeterFact) -> None:
        assert isinstance(fact, MeterReading | MeterFailed)
        self.taken.append(fact)
        self._news.set()

    def of(self, meter: str) -> list[MeterFact]:
        """The facts of one meter, the oldest first."""
        return [fact for fact in self.taken if fact.meter == meter]

    async def more(self) -> None:
        """Wait for the next."""
        self._news.clear()
        await self._news.wait()


class Site:
    """A poller and what it has told."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self.facts = Facts()
        self.clock = SystemClock()
        self.meters = Meters(
            meters=meters, families=FAMILIES, clock=self.clock, sink=self.facts, ratings={"grid": 63.0}
        )

    async def sample(self, meter: str = "grid") -> MeterFact:
        """Sample until that meter has told something new: again each second, as the control does. A sample that finds
        the line still waiting for another meter asks this one nothing.
        """
        before = len(self.facts.of(meter))
        await self.meters.sample()
        while len(self.facts.of(meter)) == before:
            try:
                async with asyncio.timeout(PERIOD_S):
                    await self.facts.more()
            except TimeoutError:
                await self.meters.sample()
        return self.facts.of(meter)[-1]


@asynccontextmanager
async def site(connection: str, *, units: Sequence[int] = (1,), model: str = "eastron_sdm630") -> AsyncIterator[Site]:
    """One meter for each unit, "grid" at the first and "m2", "m3"... at the others."""
    names = ["grid", *(f"m{unit}" for unit in units[1:])]
    reader = Site(
        [Meter(id=name, model=model, connection=connection, unit=unit) for name, unit in zip(names, units, strict=True)]
    )
    try:
        yield reader
    finally:
        await reader.meters.close()
