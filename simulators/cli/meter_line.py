"""On which line `edge-sim meter` puts its meter, and what is wrong with it."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from simulators.cli.course import taken
from simulators.errors import ScenarioError
from simulators.meter import MeterFault, ModbusTcpServer
from simulators.meter.device import Device
from simulators.meter.maps import MAPS
from simulators.meter.rtu import RtuTcpServer
from simulators.meter.serial_line import BAUDRATES, LineSettings, SerialLine
from simulators.site import Endpoint

ModelOption = Annotated[str, typer.Option("--model", metavar="NAME", help="The family of meters it is of.")]
FaultOption = Annotated[
    str,
    typer.Option("--fault", metavar="NAME", help=f"What is wrong with it: {', '.join(f.value for f in MeterFault)}."),
]
RtuOption = Annotated[
    str | None, typer.Option("--rtu", metavar="HOST:PORT", help="Speak RTU over TCP there, in place of Modbus TCP.")
]
SerialOption = Annotated[
    Path | None,
    typer.Option("--serial", metavar="LINK", help="Be on a serial line in place of TCP; LINK will lead to its port."),
]
BaudrateOption = Annotated[int, typer.Option("--baudrate", help="Of the serial line.")]
ParityOption = Annotated[str, typer.Option("--parity", help="Of the serial line: N, E or O.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """One line: `serial` if given, else RTU over TCP at `rtu` if given, else Modbus TCP at `listen`."""

    listen: Endpoint
    rtu: Endpoint | None
    serial: Path | None
    settings: LineSettings

    def __str__(self) -> str:
        if self.serial is not None:
            return f"rtu://{self.serial}?baudrate={self.settings.baudrate}&parity={self.settings.parity}"
        return f"rtu+tcp://{self.rtu}" if self.rtu is not None else f"tcp://{self.listen}"

    async def open(self, meters: Mapping[int, Device], stack: AsyncExitStack) -> asyncio.Event:
        """Put the meters on the line, until `stack` ends; what is set by the first request. Raises PeerError."""
        place = self.rtu or self.listen
        line: SerialLine | RtuTcpServer | ModbusTcpServer
        try:
            if self.serial is not None:
                line = await SerialLine(meters, link=self.serial, settings=self.settings).open()
            elif self.rtu is not None:
                line = await RtuTcpServer(meters).open(place)
            else:
                line = await ModbusTcpServer(meters).open(place)
        except OSError as exc:
            raise taken(place, exc) from exc
        stack.push_async_callback(line.close)
        return line.asked


def line_settings(baudrate: int, parity: str) -> LineSettings:
    """The serial line's. Raises ScenarioError."""
    if baudrate not in BAUDRATES:
        raise ScenarioError(f"--baudrate: must be one of {', '.join(map(str, BAUDRATES))}, not {baudrate}")
    if parity.upper() not in ("N", "E", "O"):
        raise ScenarioError(f"--parity: must be N, E or O, not {parity!r}")
    return LineSettings(baudrate=baudrate, parity=parity.upper())


def fault_named(name: str) -> MeterFault:
    """The fault of that name. Raises ScenarioError."""
    try:
        return MeterFault(name)
    except ValueError:
        known = ", ".join(fault.value for fault in MeterFault)
        raise ScenarioError(f"--fault: there is no fault {name!r}; there are: {known}") from None


def model_named(name: str) -> str:
    """The model, if there is a table for it. Raises ScenarioError."""
    if name not in MAPS:
        raise ScenarioError(f"--model: there is no register table {name!r}; there are: {', '.join(sorted(MAPS))}")
    return name
