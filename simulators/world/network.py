"""The site's network in memory: TCP between the machines of the world, with delay, loss, partition and dead ends."""

import asyncio
import errno
import random
import socket
import ssl
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from typing import Any, Final

from simulators.world.conditions import LOCAL, Conditions, Topology
from simulators.world.node import NODE
from simulators.world.transport import VirtualTransport

FIRST_EPHEMERAL_PORT: Final = 32_768  # Linux' net.ipv4.ip_local_port_range


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualSocket:
    """What a program may ask of a listening socket of this network."""

    address: tuple[str, int]
    family: int = socket.AF_INET

    def getsockname(self) -> tuple[str, int]:
        return self.address

    def close(self) -> None:
        """The server that listens on it ends by itself."""


class _Link:
    """Between two machines, in both directions."""

    def __init__(self, network: "Network", ends: tuple[str, str], conditions: Conditions, seed: str) -> None:
        self._network = network
        self._ends = ends
        self._rng = random.Random(seed)
        self._first = self.now = conditions
        self._changes: dict[object, dict[str, Any]] = {}

    def change(self, by: object, changes: dict[str, Any] | None) -> None:
        """What is wrong with it for this one's sake; None: nothing any more. Who cuts it cuts it for all."""
        if changes is None:
            self._changes.pop(by, None)
        else:
            self._changes[by] = self._changes.get(by, {}) | changes
        now = self._first
        for each in self._changes.values():
            now = replace(now, **(each | {"partitioned": now.partitioned or each.get("partitioned", False)}))
        self.now = now

    def travel_s(self) -> float:
        return self.now.travel_s(self._rng)

    def peer_is_up(self, node: str) -> bool:
        return node not in self._network.down


class VirtualServer(asyncio.AbstractServer):
    """A listening socket."""

    def __init__(
        self, network: "Network", node: str, factory: Callable[[], asyncio.BaseProtocol], sock: VirtualSocket
    ) -> None:
        self.node = node
        self.sockets: tuple[Any, ...] = (sock,)
        self.factory = factory
        self.context = copy_context()
        self._network = network

    @property
    def address(self) -> tuple[str, int]:
        name: tuple[str, int] = self.sockets[0].getsockname()
        return name

    def close(self) -> None:
        self._network.stop_listening(self)

    def is_serving(self) -> bool:
        return self._network.listens(self)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def serve_forever(self) -> None:
        raise NotImplementedError

    def close_clients(self) -> None:  # Python 3.13
        raise NotImplementedError

    def abort_clients(self) -> None:  # Python 3.13
        raise NotImplementedError

    async def start_serving(self) -> None:
        """It does, from the beginning."""

    async def wait_closed(self) -> None:
        """Nothing of it is left after :meth:`close`."""


class Network:
    """Implements :class:`simulators.world.loop.Fabric`. The same seed gives the same delays on each link."""

    def __init__(self, topology: Topology, *, seed: int) -> None:
        self._topology = topology
        self._seed = seed
        self._links: dict[tuple[str, str], _Link] = {}
        self._servers: dict[tuple[str, int], VirtualServer] = {}
        self._ends: dict[VirtualTransport, None] = {}  # both of each connection, in the order of their beginning
        self._next_port = FIRST_EPHEMERAL_PORT
        self._addresses: dict[str, str] = {}
        self._whole: dict[tuple[str, str], asyncio.Event] = {}
        self.down: set[str] = set()  # machines without power
        self.untrusted: set[str] = set()  # machines whose certificate isn't accepted by who dials
        self.connections_made = 0

    # --- what the loop asks for -----------------------------------------------------------------------------------

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Dial from the running code's machine; hangs as long as the link is partitioned."""
        loop, node = asyncio.get_running_loop(), NODE.get()
        server = self._servers.get((host, port))
        link = self._link(node, host if server is None else server.node)
        while link.now.partitioned or (server is not None and server.node in self.down):
            event = self._whole.setdefault(_pair(node, host if server is None else server.node), asyncio.Event())
            event.clear()
            await event.wait()
        await asyncio.sleep(2 * link.travel_s())
        server = self._servers.get((host, port))  # it may have come or gone meanwhile
        if server is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed ('{host}', {port})")
        if server.node in self.untrusted:
            raise _expired()
        link = self._link(node, server.node)
        here, there = (self.address_of(node), self._port()), (host, port)
        near = VirtualTransport(loop, node, copy_context(), link, own=here, other=there)
        far = VirtualTransport(loop, server.node, server.context.copy(), link, own=there, other=here)
        near.peer, far.peer = far, near
        self._ends[near] = self._ends[far] = None
        self.connections_made += 1
        self._forget_lost()
        protocol = factory()
        far.begin(server.context.run(server.factory))
        near.begin(protocol)
        return near, protocol

    def listen(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, sock: object | None
    ) -> VirtualServer:
        """Listen on the running code's machine. A socket that isn't of this network (the control socket, a file) is
        one that nobody dials.
        """
        own = sock if isinstance(sock, VirtualSocket) else None
        server = VirtualServer(self, NODE.get(), factory, own or VirtualSocket(address=(host, port)))
        if sock is not None and own is None:
            return server
        if server.address in self._servers:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        self._servers[server.address] = server
        return server

    def stop_listening(self, server: VirtualServer) -> None:
        if self.listens(server):
            del self._servers[server.address]

    def listens(self, server: VirtualServer) -> bool:
        return self._servers.get(server.address) is server

    def address_of(self, node: str) -> str:
        """The machine's own IP address."""
        number = len(self._addresses) + 1
        return self._addresses.setdefault(node, f"10.0.{number // 250}.{number % 250 + 1}")

    # --- what faults do -------------------------------------------------------------------------------------------

    def change(self, one: str, other: str, *, by: object = None, **changes: Any) -> None:
        """Change the conditions of one link, from the next segment on, for the sake of `by`."""
        self._change(one, other, by, changes)

    def is_cut(self, one: str, other: str) -> bool:
        """Whether nothing passes between two machines."""
        return self._link(one, other).now.partitioned

    def has_vanished(self, one: str, other: str) -> bool:
        """Whether a connection between two machines that both hold for good is gone on the one's side."""
        return any(end.has_vanished for end in self._of(one, other))

    def restore(self, one: str, other: str, *, by: object = None) -> None:
        """What was changed for the sake of `by` is as it was at first."""
        self._change(one, other, by, None)

    def _change(self, one: str, other: str, by: object, changes: dict[str, Any] | None) -> None:
        link = self._link(one, other)
        was = link.now.partitioned
        link.change(by, changes)
        if was and not link.now.partitioned:
            self._mend(one, other)

    def reset(self, one: str, other: str | None = None) -> None:
        """Every connection of the machine (with that other one) is reset; both ends hear of it."""
        for end in self._of(one, other):
            end.abort()

    def vanish(self, node: str) -> None:
        """The machine's connections are gone on its side; the others don't know until they send something."""
        for end in self._of(node):
            end.vanish()
        for server in [each for each in self._servers.values() if each.node == node]:
            self.stop_listening(server)

    def vanish_between(self, node: str, other: str) -> None:
        """The same of its connections with that one alone."""
        for end in self._of(node, other):
            end.vanish()

    def power(self, node: str, *, on: bool) -> None:
        """A machine without power answers nothing, not even with a reset."""
        if on:
            self.down.discard(node)
            for pair, event in self._whole.items():
                if node in pair:
                    event.set()
        else:
            self.down.add(node)

    def bytes_waiting(self) -> int:
        """What all writers together have to wait with."""
        return sum(end.get_write_buffer_size() for end in self._ends if not end.lost)

    def connections(self) -> int:
        """How many ends are open."""
        return sum(1 for end in self._ends if not end.lost)

    def give_up(self) -> None:
        """End what TCP would by now: to be called now and then."""
        now = asyncio.get_running_loop().time()
        for end in tuple(self._ends):
            due = end.gives_up_at()
            if not end.lost and due is not None and due <= now:
                end.fail(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))

    def _mend(self, one: str, other: str) -> None:
        for end in self._of(one, other):
            end.whole_again()
            end.peer.whole_again()
        event = self._whole.get(_pair(one, other))
        if event is not None:
            event.set()

    def _of(self, node: str, other: str | None = None) -> Iterable[VirtualTransport]:
        """The ends of the machine's open connections (with that other one)."""
        return [
            end for end in self._ends if end.node == node and not end.lost and (other is None or end.peer.node == other)
        ]

    def _link(self, one: str, other: str) -> _Link:
        pair = _pair(one, other)
        link = self._links.get(pair)
        if link is None:
            conditions = LOCAL if one == other else self._topology.between(one, other)
            link = self._links[pair] = _Link(self, pair, conditions, f"{self._seed} {pair[0]} {pair[1]}")
        return link

    def _port(self) -> int:
        self._next_port += 1
        return FIRST_EPHEMERAL_PORT + self._next_port % 28_000

    def _forget_lost(self) -> None:
        if self.connections_made % 64 == 0:
            self._ends = {end: None for end in self._ends if not (end.lost and end.peer.lost)}


def _expired() -> ssl.SSLCertVerificationError:
    """As OpenSSL words it (X509_V_ERR_CERT_HAS_EXPIRED)."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: certificate has expired")
    error.verify_code, error.verify_message = 10, "certificate has expired"
    return error


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def in_context(context: Context) -> str:
    """The machine of a context."""
    return context.get(NODE, NODE.get())
