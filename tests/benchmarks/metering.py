"""How fast meters are read: by TCP, and on a 9600 Bd line with one and with four of them, all well or one of them mute.

The simulated meters answer after 20 ms on the serial line and at once on TCP. From sample to snapshot: from the moment
the control loop asks for a sample to the snapshot that holds all its readings; a mute device's isn't waited for, but it
has its turns on the line. What bounds the reads of one meter are the 100 ms of silence that its family needs.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge.clock import SystemClock
from edge.control.board import Board
from edge.domain.connection import parse_connection
from edge.domain.site import Circuit, ControlSettings, Meter, Site
from edge.metering.bus import Line
from edge.metering.catalogue import FAMILIES
from edge.metering.poller import Meters
from edge.metering.requests import request
from simulators.meter import SimulatedMeter
from simulators.meter.serial_line import LineSettings
from tests.benchmarks.figure import Figure, milliseconds
from tests.wire.meter_lines import line, simulated

MODEL = "eastron_sdm630"
READS = 200
SERIAL_READS = 20
SAMPLES = 10
PERIOD_S = 1.0  # from one sample to the next, as in the control loop: energies and a mute device have the rest of it
ANSWER_S = 0.02
RATED = LineSettings(baudrate=9600)


def figures() -> list[Figure]:
    """The rows of the table."""
    found = []
    for name, transport, count, mute in (
        ("TCP, one meter", "tcp", 1, 0),
        ("TCP, four meters", "tcp", 4, 0),
        ("9600 Bd, one meter", "rtu", 1, 0),
        ("9600 Bd, four meters", "rtu", 4, 0),
        ("9600 Bd, four meters, a fifth mute", "rtu", 4, 1),
    ):
        found += asyncio.run(_measured(name, transport, count, mute))
    return found


async def _measured(name: str, transport: str, count: int, mute: int) -> list[Figure]:
    """``mute`` devices on the line are in the site file and never answer."""
    devices: dict[int, SimulatedMeter] = {unit: simulated(MODEL) for unit in range(1, count + 1)}
    serial = transport == "rtu"
    with tempfile.TemporaryDirectory() as folder:
        async with line(transport, devices, Path(folder), settings=RATED, answer_s=ANSWER_S) as connection:
            found = []
            if not mute:
                reads_s = await _reads(connection, count, SERIAL_READS if serial else READS)
                found.append(Figure(what=f"{name}: reads of 18 registers", value=f"{1 / reads_s:.0f} per second"))
            samples = await _samples(connection, count, mute)
    return [*found, *milliseconds(f"{name}: sample to snapshot", samples)]


async def _reads(connection: str, count: int, number: int) -> float:
    """Seconds from one read to the next, the units by turns."""
    clock, family = SystemClock(), FAMILIES[MODEL]
    bus = Line(parse_connection(connection), clock)
    begun = clock.monotonic()
    for index in range(number):
        await bus.read(request(index % count + 1, family.fast[0]), limits=family.limits)
    took_s = clock.monotonic() - begun
    await bus.close()
    return took_s / number


async def _samples(connection: str, count: int, mute: int) -> Sequence[float]:
    """Seconds from the call of the sample to the snapshot with the new reading of every meter that isn't mute."""
    clock = SystemClock()
    circuits = [
        Circuit(id=f"c{unit}", parent="c1" if unit > 1 else None, fuse_a=63.0, meter=f"m{unit}")
        for unit in range(1, count + 1)
    ]
    units = range(1, count + mute + 1)
    readers = [Meter(id=f"m{unit}", model=MODEL, connection=connection, unit=unit) for unit in units]
    site = Site(
        id="bench",
        timezone="UTC",
        nominal_voltage_v=230.0,
        control=ControlSettings(),
        circuits=tuple(circuits),
        meters=tuple(readers),
    )
    board = Board(site, started_at=clock.monotonic())
    meters = Meters(meters=readers, families=FAMILIES, clock=clock, sink=board)
    found = []
    for _ in range(SAMPLES):
        begun = clock.monotonic()
        await meters.sample()
        while not _all_since(board, begun, clock.monotonic()):  # noqa: ASYNC110 - the board tells nobody
            await asyncio.sleep(0.001)
        found.append(clock.monotonic() - begun)
        await asyncio.sleep(max(begun + PERIOD_S - clock.monotonic(), 0.0))
    await meters.close()
    return found


def _all_since(board: Board, begun: float, now: float) -> bool:
    """Whether the snapshot has a reading from after ``begun`` for every circuit."""
    return all(state.measured_at is not None and state.measured_at >= begun for state in board.snapshot(now).circuits)
