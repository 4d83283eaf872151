"""The simulated network: what TCP promises, and what it doesn't."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from simulators.world.conditions import TCP_GIVES_UP_S, Conditions, Topology
from simulators.world.loop import WorldLoop, running
from simulators.world.network import Network
from simulators.world.node import start_on

PORT = 9000


class Peer(asyncio.Protocol):
    """Keeps what it hears, and when."""

    def __init__(self) -> None:
        self.got: list[tuple[float, bytes]] = []
        self.lost: list[tuple[float, Exception | None]] = []
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got.append((running().time(), data))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append((running().time(), exc))


class Pair:
    """A client and a server that are connected."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.client = Peer()
        self.server = Peer()

    async def open(self) -> None:
        await start_on("server", self._listen())
        await start_on("client", self._dial())

    async def _listen(self) -> None:
        await running().create_server(lambda: self.server, "10.0.0.1", PORT)

    async def _dial(self) -> None:
        await running().create_connection(lambda: self.client, "10.0.0.1", PORT)


def on_network(play: Callable[[Pair], Coroutine[Any, Any, None]], **conditions: float) -> None:
    async def main() -> None:
        delay_s = conditions.get("delay_s", 0.01)
        loss, jitter_s = conditions.get("loss", 0.0), conditions.get("jitter_s", 0.0)
        link = Conditions(delay_s=delay_s, jitter_s=jitter_s, loss=loss)
        network = Network(Topology(by_node={}, otherwise=link), seed=7)
        running().fabric = network
        await play(Pair(network))

    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        runner.run(main())


def test_bytes_take_the_links_delay() -> None:
    """What is written arrives after the delay, and not before."""

    async def play(pair: Pair) -> None:
        await pair.open()
        sent_at = running().time()
        pair.client.transport.write(b"hello")
        await asyncio.sleep(1.0)
        ((at, data),) = pair.server.got
        assert data == b"hello"
        assert at - sent_at == pytest.approx(0.25)

    on_network(play, delay_s=0.25)


def test_bytes_keep_their_order_whatever_is_lost() -> None:
    """TCP delivers in order: jitter and loss delay what comes after, and lose nothing."""

    async def play(pair: Pair) -> None:
        await pair.open()
        for number in range(200):
            pair.client.transport.write(bytes([number]))
        await asyncio.sleep(120.0)
        assert b"".join(data for _, data in pair.server.got) == bytes(range(200))

    on_network(play, jitter_s=0.2, loss=0.3)


def test_nobody_listens() -> None:
    """A connection to where nobody listens is refused."""

    async def play(_pair: Pair) -> None:
        with pytest.raises(ConnectionRefusedError):
            await running().create_connection(Peer, "10.0.0.9", 1)

    on_network(play)


def test_a_partition_holds_bytes_until_it_is_over() -> None:
    """Nothing arrives while the link is cut, everything afterwards; new connections hang meanwhile."""

    async def play(pair: Pair) -> None:
        await pair.open()
        pair.network.change("client", "server", partitioned=True)
        pair.client.transport.write(b"held")
        dial = start_on("client", running().create_connection(Peer, "10.0.0.1", PORT))
        await asyncio.sleep(60.0)
        assert pair.server.got == []
        assert not dial.done()
        pair.network.restore("client", "server")
        await asyncio.sleep(1.0)
        assert [data for _, data in pair.server.got] == [b"held"]
        assert dial.done()

    on_network(play)


def test_tcp_gives_a_silent_partition_up() -> None:
    """Data that nobody acknowledges ends the connection after Linux' retransmissions, and not before."""

    async def play(pair: Pair) -> None:
        await pair.open()
        pair.network.change("client", "server", partitioned=True)
        pair.client.transport.write(b"held")
        await asyncio.sleep(TCP_GIVES_UP_S - 1.0)
        pair.network.give_up()
        await asyncio.sleep(0.0)
        assert pair.client.lost == []
        await asyncio.sleep(2.0)
        pair.network.give_up()
        await asyncio.sleep(0.1)
        ((_, why),) = pair.client.lost
        assert isinstance(why, TimeoutError)

    on_network(play)


def test_a_half_open_connection_is_found_out_by_sending() -> None:
    """A peer that vanished says nothing; only who sends to it is told, by a reset."""

    async def play(pair: Pair) -> None:
        await pair.open()
        pair.network.vanish("client")
        await asyncio.sleep(3600.0)
        assert pair.server.lost == []
        pair.server.transport.write(b"are you there?")
        await asyncio.sleep(1.0)
        ((_, why),) = pair.server.lost
        assert isinstance(why, ConnectionResetError)

    on_network(play)


def test_a_machine_without_power_sends_no_reset() -> None:
    """To a machine that is off, bytes go nowhere."""

    async def play(pair: Pair) -> None:
        await pair.open()
        pair.network.vanish("client")
        pair.network.power("client", on=False)
        pair.server.transport.write(b"are you there?")
        await asyncio.sleep(60.0)
        assert pair.server.lost == []

    on_network(play)


def test_close_delivers_what_was_written_before() -> None:
    """The end of the stream comes after the last byte, at both ends without an error."""

    async def play(pair: Pair) -> None:
        await pair.open()
        pair.client.transport.write(b"last words")
        pair.client.transport.close()
        await asyncio.sleep(1.0)
        assert [data for _, data in pair.server.got] == [b"last words"]
        assert [why for _, why in pair.server.lost] == [None]
        assert [why for _, why in pair.client.lost] == [None]

    on_network(play)


def test_a_connection_ends_once() -> None:
    """Who doesn't read, and is reset, hears of the end of the stream that waited, and not a second time."""

    async def play(pair: Pair) -> None:
        await pair.open()
        pair.client.transport.pause_reading()
        pair.server.transport.write(b"last words")
        pair.server.transport.close()
        await asyncio.sleep(1.0)
        pair.network.reset("client")
        await asyncio.sleep(1.0)
        assert len(pair.client.lost) == 1

    on_network(play)


def test_the_same_seed_gives_the_same_delays() -> None:
    """Two networks of one seed deliver at the same moments."""
    seen: list[list[float]] = []

    async def play(pair: Pair) -> None:
        await pair.open()
        for _ in range(20):
            pair.client.transport.write(b"x")
            await asyncio.sleep(1.0)
        seen.append([at for at, _ in pair.server.got])

    for _ in range(2):
        on_network(play, jitter_s=0.5, loss=0.1)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 20


def test_a_link_that_two_have_cut_is_whole_when_both_have_restored_it() -> None:
    """Faults overlap: the end of one isn't that of the other."""

    async def main() -> list[bool]:
        network = Network(Topology(by_node={}), seed=1)
        seen = []
        network.change("a", "b", by="one", partitioned=True)
        network.change("a", "b", by="other", partitioned=True)
        network.change("a", "b", by="third", delay_s=1.0)
        for by in ("one", "third", "other"):
            network.restore("a", "b", by=by)
            seen.append(network.is_cut("a", "b"))
        return seen

    assert asyncio.run(main()) == [True, True, False]
