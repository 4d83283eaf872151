"""Peers that mean harm to a gateway, by name: they dial as stations do, and are no stations."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from simulators.errors import ScenarioError

AGAIN_S: Final = 0.5  # after it was cut off it comes again, as an attacker does
BYTE_EVERY_S: Final = 0.5
SILENT_S: Final = 300.0  # beyond any patience
IDENTITY: Final = "HOSTILE"


class Hostility(StrEnum):
    """What a peer does."""

    SLOW = "slow"  # its handshake comes byte by byte, and never ends
    SILENT = "silent"  # connects, and neither says nor answers anything
    GARBAGE = "garbage"  # talks, and nothing of it is OCPP
    FLOOD = "flood"  # calls without waiting for answers


def hostilities(names: list[str]) -> tuple[Hostility, ...]:
    """Those of these names. Raises ScenarioError."""
    known = {each.value: each for each in Hostility}
    for name in names:
        if name not in known:
            raise ScenarioError(f"--hostile: there is no peer '{name}'; there are: {', '.join(known)}")
    return tuple(dict.fromkeys(known[name] for name in names))


class HostilePeer:
    """One such peer against the gateway at ``url`` (ws://host:port). ``edition`` is what it claims to speak.

    ``attempts`` counts its connections, ``sent`` its messages or, of a slow one, its bytes.
    """

    def __init__(self, hostility: Hostility, url: str, edition: str = "1.6", identity: str = IDENTITY) -> None:
        self._hostility = hostility
        self._url = url
        self._edition = edition
        self._identity = identity
        self._chance = random.Random(f"{hostility}-{identity}")
        self.attempts = 0
        self.sent = 0

    async def run(self) -> None:
        """Attack until cancelled."""
        attack = _ATTACKS[self._hostility]
        while True:
            self.attempts += 1
            with suppress(OSError, TimeoutError, WebSocketException):
                await attack(self)
            await asyncio.sleep(AGAIN_S)

    async def _slow(self) -> None:
        parts = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = f"GET /{self._identity} HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Patience: "
        try:
            writer.write(head.encode())
            while not reader.at_eof():
                writer.write(b"x")
                await writer.drain()
                self.sent += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(BYTE_EVERY_S):
                        await reader.read(1)
        finally:
            writer.close()

    async def _silent(self) -> None:
        async with self._connected() as connection:
            connection.transport.pause_reading()  # no ping is answered either, nor a close
            await asyncio.sleep(SILENT_S)

    async def _garbage(self) -> None:
        async with self._connected() as connection:
            while True:
                await connection.send(self._chance.choice(_GARBAGE)(self._chance))
                self.sent += 1
                await asyncio.sleep(0)

    async def _flood(self) -> None:
        heartbeat = "Heartbeat"
        async with self._connected() as connection:
            while True:
                self.sent += 1
                await connection.send(json.dumps([2, f"flood-{self.sent}", heartbeat, {}]))
                await asyncio.sleep(0)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        """Without a goodbye in the end."""
        async with connect(
            f"{self._url}/{self._identity}",
            subprotocols=[Subprotocol(f"ocpp{self._edition}")],
            proxy=None,
            ping_interval=None,
            close_timeout=0.5,
        ) as connection:
            try:
                yield connection
            finally:
                connection.transport.abort()


Attack = Callable[[HostilePeer], Awaitable[None]]
_ATTACKS: Mapping[Hostility, Attack] = {
    Hostility.SLOW: HostilePeer._slow,
    Hostility.SILENT: HostilePeer._silent,
    Hostility.GARBAGE: HostilePeer._garbage,
    Hostility.FLOOD: HostilePeer._flood,
}
_GARBAGE: tuple[Callable[[random.Random], str | bytes], ...] = (
    lambda chance: chance.randbytes(64),
    lambda chance: chance.randbytes(64).hex(),
    lambda _chance: "[" * 5000 + "]" * 5000,
    lambda _chance: json.dumps([2, "x" * 5000, "Heartbeat", None]),
    lambda _chance: json.dumps({"no": "array"}),
    lambda _chance: json.dumps([9, "id", "Nothing", {}]),
    lambda _chance: json.dumps([2, "id"]),
)
