"""Who sends much is read by turns: a peer's flood keeps nobody else from the loop."""

import asyncio
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response

from edge.ocpp.crowd import Crowd
from edge.ocpp.pace import BURST
from edge.ocpp.settings import UnknownStations
from edge.ocpp.sockets import FRAMES_A_TURN, IN_A_ROW, Receiving
from edge.ocpp.station_connection import StationConnection
from edge.units import Seconds
from tests.wire.attack_site import PATIENCE_S, VICTIM, Site, attacked
from tests.wire.ocpp_site import eventually, running
from tests.wire.test_attack_stations import frame, upgraded, written

FLOOD = 6 * int(BURST)


class Socket(Receiving, ServerConnection):
    """A station's socket."""


def port(server: Server) -> int:
    """Where it listens."""
    return int(next(iter(server.sockets)).getsockname()[1])


async def nobody(_: ServerConnection) -> None:
    """Serves no station."""


async def metrics(site: Site) -> str:
    """What Prometheus is told."""
    reader, writer = await asyncio.open_connection(site.api.host, site.api.port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        return (await reader.read(-1)).decode()
    finally:
        writer.close()


def heartbeats(count: int) -> bytes:
    """So many CALLs, in one piece."""
    return b"".join(frame(0x1, json.dumps([2, f"{number}", "Heartbeat", {}]).encode()) for number in range(count))


async def test_others_have_their_turn_between_the_messages_of_one_read() -> None:
    """A thousand messages that came in one piece are handed over in their order, few in any turn of the loop."""
    turn, handed = 0, list[tuple[int, str]]()
    arrived = asyncio.Event()

    def turns() -> None:
        nonlocal turn
        turn += 1
        if not arrived.is_set():
            loop.call_soon(turns)

    def receive(text: str | bytes) -> Seconds:
        handed.append((turn, str(text)))
        if len(handed) == 1000:
            arrived.set()
        return 0.0

    async def handle(connection: ServerConnection) -> None:
        assert isinstance(connection, Socket)
        await connection.deliver(receive)

    loop = asyncio.get_running_loop()
    async with (
        serve(handle, "127.0.0.1", 0, create_connection=Socket) as server,
        connect(
            f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", proxy=None, compression=None
        ) as client,
    ):
        turns()
        client.transport.write(b"".join(frame(0x1, str(number).encode()) for number in range(1000)))
        async with asyncio.timeout(10):
            await arrived.wait()
    assert [text for _, text in handed] == [str(number) for number in range(1000)]
    by_turn = [sum(each == number for each, _ in handed) for number in range(turn + 1)]
    assert max(by_turn) <= IN_A_ROW + 1


async def test_others_have_their_turn_between_the_pings_of_one_read() -> None:
    """A flood of frames that are no messages, answered one by one, keeps nobody from the loop either."""
    turn, pings = 0, 5000
    flooded = asyncio.Event()

    def turns() -> None:
        nonlocal turn
        turn += 1
        if not flooded.is_set():
            loop.call_soon(turns)

    def receive(_: str | bytes) -> Seconds:
        flooded.set()
        return 0.0

    async def handle(connection: ServerConnection) -> None:
        assert isinstance(connection, Socket)
        await connection.deliver(receive)

    loop = asyncio.get_running_loop()
    async with (
        serve(handle, "127.0.0.1", 0, create_connection=Socket, compression=None) as server,
        connect(f"ws://127.0.0.1:{port(server)}", proxy=None, compression=None) as client,
    ):
        turns()
        client.transport.write(frame(0x9, b"") * pings + frame(0x1, b"end"))
        async with asyncio.timeout(10):
            await flooded.wait()
    assert turn > pings / FRAMES_A_TURN


async def test_all_that_came_before_the_end_is_handed_over() -> None:
    """A peer that sends much in one piece and hangs up at once is heard out."""
    handed: list[str] = []
    over = asyncio.Event()

    def receive(text: str | bytes) -> Seconds:
        handed.append(str(text))
        return 0.0

    async def handle(connection: ServerConnection) -> None:
        assert isinstance(connection, Socket)
        await connection.deliver(receive)
        over.set()

    async with serve(handle, "127.0.0.1", 0, create_connection=Socket, compression=None) as server:
        client = await connect(f"ws://127.0.0.1:{port(server)}", proxy=None, compression=None)
        client.transport.write(b"".join(frame(0x1, str(number).encode()) for number in range(500)))
        client.transport.close()
        async with asyncio.timeout(10):
            await over.wait()
    assert handed == [str(number) for number in range(500)]


async def test_a_flood_is_slowed_down_where_the_gateway_itself_answers(tmp_path: Path) -> None:
    """Its cloud is away, and each CALL is answered at once: answers that nobody waits for don't make it faster."""

    async def away(_: ServerConnection) -> None:
        """Hangs up."""

    async with attacked(tmp_path, cloud=away) as site:
        reader, writer = await upgraded(site)
        reading = asyncio.create_task(reader.read(-1))
        assert await written(writer, heartbeats(FLOOD))
        async with asyncio.timeout(PATIENCE_S):
            while f'edge_ocpp_throttled_total{{station="{VICTIM}"}}' not in await metrics(site):
                pass
        await site.unharmed()
        writer.close()
        await reading


async def test_a_stranger_who_floods_is_slowed_down() -> None:
    """An unknown station is read no faster than those of the site."""
    async with running("CP-01", unknown=UnknownStations.WAIT) as (gateway, _), gateway.station("/STRANGER") as stranger:
        stranger.transport.write(heartbeats(FLOOD))
        await eventually(lambda: gateway.logged("station sends too fast and is read more slowly"))


async def test_a_connection_that_is_over_is_not_cut_off() -> None:
    """A refused station that has left isn't among those that a tick looks at, though somebody may still hold it."""
    connected: set[ServerConnection] = set()
    refused: list[ServerConnection] = []

    def refuse(connection: ServerConnection, _: Request) -> Response:
        refused.append(connection)
        return connection.respond(HTTPStatus.NOT_FOUND, "no")

    def new(*args: Any, **kwargs: Any) -> ServerConnection:
        return StationConnection(
            *args, crowd=Crowd(), connected=connected, note_stranger=lambda _why, _address: None, **kwargs
        )

    factory = cast(type[ServerConnection], new)
    async with serve(nobody, "127.0.0.1", 0, process_request=refuse, create_connection=factory) as server:
        with pytest.raises(InvalidStatus):
            await connect(f"ws://127.0.0.1:{port(server)}", proxy=None)
        await refused[0].wait_closed()
    assert not connected
