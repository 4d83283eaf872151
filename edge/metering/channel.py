"""Byte streams to a meter's line: TCP, or a serial port of the gateway. No rules here, only bytes."""

import asyncio
import errno
import os
import socket
import termios
from typing import Protocol, cast

import serial

from edge.domain.connection import Connection
from edge.errors import MeterUnreachable
from edge.units import Seconds

CONNECT_S: Seconds = 1.0  # a device on the site's own network answers within milliseconds, over a radio link in 0.3 s
_TAKEN = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY})  # somebody else holds the port's lock
_CHUNK = 4096  # bytes taken from the serial port at once: more than two frames


class Receiver(Protocol):
    """Who reads the stream."""

    def data(self, data: bytes) -> None:
        """Bytes have come."""

    def lost(self, why: str) -> None:
        """The stream has ended by itself; nothing more will come."""


class Channel(Protocol):
    """An open stream."""

    def write(self, data: bytes) -> None:
        """Send, at once and without waiting. What can't be sent ends in ``lost``."""

    def close(self) -> None:
        """Give the stream up; the receiver hears nothing more."""


async def open_channel(connection: Connection, receiver: Receiver) -> Channel:
    """The stream that ``connection`` names.

    :raises MeterUnreachable: it can't be opened now.
    """
    if connection.serial is not None:
        return SerialChannel(connection, receiver)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            _, channel = await loop.create_connection(lambda: TcpChannel(receiver), connection.host, connection.port)
    except (OSError, TimeoutError) as exc:
        raise _unreached(connection, exc) from exc
    return channel


def _unreached(connection: Connection, exc: OSError) -> MeterUnreachable:
    """What is to be looked at differs: the name, the device's own settings, or the way to it."""
    line = connection.line
    match exc:
        case socket.gaierror():
            return MeterUnreachable(
                f"no connection to {line}: its name isn't found",
                remedy="check the name, or give its address in numbers",
            )
        case ConnectionRefusedError():
            return MeterUnreachable(
                f"no connection to {line}: nothing listens at that port",
                remedy="check the port, and that the device's interface is switched on",
            )
        case _:
            return MeterUnreachable(
                f"no connection to {line}", remedy="check its address, its power and the network cable"
            )


class TcpChannel(asyncio.Protocol):
    """A TCP connection."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver: Receiver | None = receiver
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # What create_connection gives. No isinstance: uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        if self._receiver is not None:
            self._receiver.data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._receiver is not None:
            self._receiver.lost("the connection broke" if exc is not None else "the other side closed the connection")

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        self._receiver = None
        if self._transport is not None:
            self._transport.close()


class SerialChannel:
    """A serial port, for this program alone."""

    def __init__(self, connection: Connection, receiver: Receiver) -> None:
        """:raises MeterUnreachable: no such port, or somebody else has it."""
        assert connection.serial is not None  # noqa: S101 - the caller's choice by it
        settings = connection.serial
        self._receiver = receiver
        try:
            self._port: serial.Serial | None = serial.Serial(
                connection.path,
                baudrate=settings.baudrate,
                parity=settings.parity,
                stopbits=settings.stopbits,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except termios.error as exc:
            raise MeterUnreachable(
                f"the serial port {connection.path} doesn't take {settings}", remedy="choose a setting that it has"
            ) from exc
        except (OSError, ValueError) as exc:  # SerialException is an OSError
            raise MeterUnreachable(
                f"the serial port {connection.path} can't be opened ({_cause(exc)})", remedy=_remedy(exc)
            ) from exc
        self._loop = asyncio.get_running_loop()
        self._fd = self._port.fileno()
        self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError as exc:
            self._end(_cause(exc))
            return
        if data:
            self._receiver.data(data)
        else:
            self._end("the serial port is gone")

    def write(self, data: bytes) -> None:
        # A request is 8 bytes and the line is idle: either the driver's buffer takes it all, or the port is dead.
        try:
            written = os.write(self._fd, data)
        except OSError as exc:
            self._end(_cause(exc))
            return
        if written != len(data):
            self._end("the serial port takes no more bytes")

    def close(self) -> None:
        if self._port is not None:
            self._loop.remove_reader(self._fd)
            try:
                self._port.close()
            finally:
                self._port = None

    def _end(self, why: str) -> None:
        self.close()
        self._loop.call_soon(self._receiver.lost, why)


def _remedy(exc: Exception) -> str:
    number = getattr(exc, "errno", None)
    if number in _TAKEN:
        return "stop that program; what a running gateway reads there, edge meter read --config FILE shows"
    if number in {errno.EACCES, errno.EPERM}:
        return "put the user into the group 'dialout'"
    return "check that the adapter is plugged in, and the port's name"


def _cause(exc: Exception) -> str:
    """What the system says, in words that fit into a sentence."""
    number = getattr(exc, "errno", None)
    if number in _TAKEN:
        return "another program uses it"
    if isinstance(exc.__context__, termios.error) and exc.__context__.args[0] == errno.ENOTTY:
        return "it is no serial port"
    return os.strerror(number).lower() if number else str(exc)[:120]
