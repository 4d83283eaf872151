"""The Modbus TCP server's sockets. All rules are in :mod:`edge.bms.modbus_pdu` and :mod:`edge.bms.modbus_control`."""

import asyncio
import contextlib
import ipaddress

import structlog

from edge.bms.modbus_pdu import BadStream, Registers, Stream
from edge.bms.pace import Pace
from edge.bms.settings import ModbusSettings
from edge.listening import listen_once_there
from edge.units import Seconds

log = structlog.get_logger(__name__)

CHUNK = 1024  # bytes taken at a time: four of the longest requests, 85 of the shortest
# Requests per second of one connection; faster ones wait in their socket. A master that polls the whole map of a large
# site four times a second needs a hundred.
MOST_REQUESTS_PER_S = 400
MOST_IN_ALL_PER_S = 1600  # of all connections: a tenth of a second of a small gateway's time in each second
# Where all places are taken a newcomer gets that of the master that was silent the longest, if it was so for this part
# of idle_timeout_s (MODBUS Messaging on TCP/IP Implementation Guide V1.0b §4.2.1: the oldest unused connection). There
# are controllers that dial for each poll and never close.
UNUSED = 1 / 30


class ModbusServer:
    """Serves ``registers`` to several masters at once."""

    def __init__(self, settings: ModbusSettings, registers: Registers) -> None:
        self._settings = settings
        self._registers = registers
        self._server: asyncio.Server | None = None
        self._masters: dict[asyncio.Task[None], Seconds] = {}  # when each was last answered, or came
        self._refused: set[str] = set()
        self._pace = Pace(MOST_IN_ALL_PER_S)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            return self._settings.port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """:raises StartError: the address is in use."""
        settings = self._settings
        try:
            self._server = await asyncio.start_server(self._accept, settings.host, settings.port, limit=CHUNK)
        except OSError as exc:
            whose, key = "the building's Modbus address", "[bms.modbus] listen"
            door = listen_once_there(whose, settings.host, settings.port, exc, key=key)
            self._server = await asyncio.start_server(self._accept, sock=door, limit=CHUNK)

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for master in self._masters:
            master.cancel()
        await asyncio.gather(*self._masters, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if not peer or not self._admits(str(peer[0])) or not self._has_place():
            writer.close()
            return
        master = asyncio.create_task(self._serve(reader, writer), name=f"modbus master {peer[0]}")
        self._masters[master] = asyncio.get_running_loop().time()
        master.add_done_callback(lambda gone: self._masters.pop(gone, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, TimeoutError, BadStream):
                await self._answer(reader, writer)
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._settings.stall_s):
                    await writer.wait_closed()
        finally:
            writer.transport.abort()  # a close alone waits for as long as a peer lives that takes nothing

    def _answered(self, now: Seconds) -> None:
        master = asyncio.current_task()
        if master is not None and master in self._masters:
            self._masters[master] = now

    def _admits(self, address: str) -> bool:
        allow = self._settings.allow
        if allow is not None and not any(_address(address) in network for network in allow):
            if address not in self._refused and len(self._refused) < self._settings.most_connections:
                self._refused.add(address)
                log.warning("a Modbus master was turned away", address=address, remedy="add it to [bms.modbus] allow")
            return False
        return True

    def _has_place(self) -> bool:
        if len(self._masters) < self._settings.most_connections:
            return True
        unused, last = min(self._masters.items(), key=lambda each: each[1])
        if asyncio.get_running_loop().time() - last < UNUSED * self._settings.idle_timeout_s:
            return False
        unused.cancel()
        del self._masters[unused]
        return True

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = Stream(self._registers, units=self._settings.units)
        pace, loop = Pace(MOST_REQUESTS_PER_S), asyncio.get_running_loop()
        closes_at = loop.time() + self._settings.idle_timeout_s
        while True:
            async with asyncio.timeout_at(closes_at):
                data = await reader.read(CHUNK)
            if not data:
                return
            answers = stream.receive(data)
            if answers:
                writer.write(b"".join(answers))
                async with asyncio.timeout(self._settings.stall_s):
                    await writer.drain()
                now = loop.time()
                self._answered(now)
                closes_at = now + self._settings.idle_timeout_s  # from whole requests on: bytes alone keep no place
                await asyncio.sleep(max(pace.done(len(answers), now), self._pace.done(len(answers), now)))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The peer's address; one of IPv4 that came over an IPv6 socket as what it is."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address
