"""The line to one or more meters: a single owner per socket, one request at a time.

Reconnecting is done here and not by the library, which doesn't retry a first connection that failed and otherwise waits
ever longer. After a timeout the connection is closed: a late answer must never be taken for that to the next request.
"""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException, ModbusIOException
from pymodbus.pdu import ModbusPDU

from edge.clock import Clock
from edge.errors import MeterImplausible, MeterRefused, MeterTimeout, MeterUnreachable, StartError
from edge.units import Seconds

TIMEOUT_S = 0.5  # half a control period: a silent meter costs no tick; a TCP meter answers within 100 ms
RECONNECT_S = 0.5  # after a failed attempt: several meters behind a dead gateway must not each wait for it
READ_HOLDING = 3
READ_INPUT = 4

# Modbus Application Protocol V1.1b3 §7
_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal register address",
    3: "illegal register count",
    4: "device failure",
    5: "acknowledged, not answered",
    6: "device busy",
    10: "gateway path unavailable",
    11: "gateway gets no answer from the device",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """One read of consecutive registers of one device."""

    unit: int
    function: int  # READ_HOLDING or READ_INPUT
    first: int
    count: int


class Bus(Protocol):
    """A line to meters."""

    async def read(self, request: ReadRequest) -> tuple[int, ...]:
        """The registers, exactly ``request.count`` of them.

        :raises MeterError: MeterUnreachable, MeterTimeout, MeterRefused or MeterImplausible.
        """

    async def close(self) -> None:
        """Give the line up."""


class Endpoint(NamedTuple):
    """What makes two meters share a line."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def endpoint(connection: str) -> Endpoint:
    """The line that a meter's ``connection`` names.

    :raises StartError: for a connection that this version can't open; the site file's check refuses it before.
    """
    parts = urlsplit(connection)
    if parts.scheme not in OPENERS or parts.hostname is None or parts.port is None:
        raise StartError(f"the meter connection '{connection}' can't be opened", remedy="give tcp://host:port")
    return Endpoint(parts.scheme, parts.hostname, parts.port)


class TcpBus:
    """Modbus TCP: one device, or a gateway with several behind it."""

    def __init__(self, line: Endpoint, clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._turn = asyncio.Lock()
        self._client: AsyncModbusTcpClient | None = None
        self._refused_at: Seconds | None = None  # when a connection last failed to come up

    async def read(self, request: ReadRequest) -> tuple[int, ...]:
        async with self._turn:
            client = await self._connected()
            try:
                answer = await _ask(client, request)
            except ModbusIOException as exc:
                self._drop()
                raise MeterTimeout(
                    f"no answer from {self._line} unit {request.unit} within {TIMEOUT_S:g} s",
                    remedy="check the unit id, and the wiring behind a gateway",
                ) from exc
            except ModbusException as exc:
                self._drop()
                raise MeterUnreachable(f"the connection to {self._line} broke") from exc
            except asyncio.CancelledError:
                self._drop()
                raise
            return self._registers(request, answer)

    async def close(self) -> None:
        self._drop()

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        self._drop()
        unreachable = MeterUnreachable(
            f"no connection to {self._line}", remedy="check its address, its power and the network cable"
        )
        if self._refused_at is not None and self._clock.monotonic() - self._refused_at < RECONNECT_S:
            raise unreachable
        client = AsyncModbusTcpClient(
            self._line.host, port=self._line.port, timeout=TIMEOUT_S, retries=0, reconnect_delay=0
        )
        try:
            is_up = await client.connect()
        except BaseException:
            client.close()
            raise
        if not is_up:
            client.close()
            self._refused_at = self._clock.monotonic()
            raise unreachable
        self._client = client
        return client

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _registers(self, request: ReadRequest, answer: ModbusPDU) -> tuple[int, ...]:
        if answer.isError():
            code = answer.exception_code
            raise MeterRefused(
                f"{self._line} unit {request.unit} refuses to read registers {request.first} to "
                f"{request.first + request.count - 1}: {_EXCEPTIONS.get(code, f'exception {code}')}",
                remedy="check the unit id and the meter's model",
            )
        if answer.function_code != request.function:
            self._drop()
            raise MeterImplausible(
                f"{self._line} unit {request.unit} answered function {answer.function_code}, not {request.function}"
            )
        if len(answer.registers) != request.count:
            self._drop()
            raise MeterImplausible(
                f"{self._line} unit {request.unit} gave {len(answer.registers)} registers, not {request.count}"
            )
        return tuple(answer.registers)


async def _ask(client: AsyncModbusTcpClient, request: ReadRequest) -> ModbusPDU:
    read = client.read_holding_registers if request.function == READ_HOLDING else client.read_input_registers
    return await read(request.first, count=request.count, device_id=request.unit)


OPENERS = {"tcp": TcpBus}


def open_bus(line: Endpoint, clock: Clock) -> Bus:
    """The line, not yet connected: the first read does that."""
    return OPENERS[line.scheme](line, clock)
