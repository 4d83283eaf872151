"""The pings of the gateway to its clouds, in virtual time: only who says nothing is asked whether it is there."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import cast

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from edge.ocpp.cloud_connection import CloudConnection
from simulators.world.conditions import Topology
from simulators.world.loop import WorldLoop, running
from simulators.world.network import Network
from simulators.world.node import start_on

URL = "ws://10.0.0.1:9000"
INTERVAL_S = TIMEOUT_S = 20.0
AN_HOUR_S = 3600.0


@dataclass
class Heard:
    """When the cloud was pinged, when the gateway's end was over, and with what words."""

    pings: list[float] = field(default_factory=list)
    ended_at: float | None = None
    why: str = ""


def an_hour(*, talks_every_s: float | None, answers: bool, falls_silent_at_s: float = AN_HOUR_S) -> Heard:
    """A gateway's end that only listens, beside a cloud that says something at times."""
    heard = Heard()

    class Cloud(ServerConnection):
        def process_event(self, event: object) -> None:
            if isinstance(event, Frame) and event.opcode is Opcode.PING:
                heard.pings.append(running().time())
            super().process_event(event)  # type: ignore[arg-type]

        def data_received(self, data: bytes) -> None:
            is_ping = self.protocol.state.name == "OPEN" and data[0] & 0x0F == Opcode.PING
            if is_ping and not answers:
                heard.pings.append(running().time())
            else:
                super().data_received(data)

    async def talk(connection: ServerConnection) -> None:
        while talks_every_s is not None and running().time() < falls_silent_at_s:
            await asyncio.sleep(talks_every_s)
            await connection.send("[3]")
        await connection.wait_closed()

    async def listen() -> None:
        await serve(talk, "10.0.0.1", 9000, create_connection=Cloud, ping_interval=None)

    async def dial() -> None:
        connection = await connect(
            URL,
            create_connection=CloudConnection,
            compression=None,
            proxy=None,
            ping_interval=INTERVAL_S,
            ping_timeout=TIMEOUT_S,
        )
        with contextlib.suppress(ConnectionClosed):
            await cast(CloudConnection, connection).deliver(lambda _text: 0.0)
        heard.ended_at = running().time()
        sent = connection.protocol.close_sent
        heard.why = sent.reason if sent is not None else ""

    async def main() -> None:
        running().fabric = Network(Topology(by_node={}), seed=1)
        await start_on("cloud", listen())
        dialled = start_on("gateway", dial())
        await asyncio.sleep(AN_HOUR_S)
        dialled.cancel()

    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        runner.run(main())
    return heard


@pytest.mark.parametrize("answers", [True, False])
def test_a_cloud_that_talks_is_not_pinged(*, answers: bool) -> None:
    """Answers to meter values each ten seconds show that it is there, even if it knows no ping."""
    heard = an_hour(talks_every_s=10.0, answers=answers)
    assert (heard.pings, heard.ended_at) == ([], None)


def test_a_cloud_that_says_nothing_is_pinged_at_the_interval() -> None:
    """So that no router on the way forgets the connection."""
    heard = an_hour(talks_every_s=None, answers=True)
    assert len(heard.pings) == pytest.approx(AN_HOUR_S / INTERVAL_S, abs=1)
    assert heard.ended_at is None


def test_a_cloud_that_falls_silent_is_left_in_time() -> None:
    """Pinged when nothing was heard for the interval, left when it hasn't answered for as long as is allowed."""
    heard = an_hour(talks_every_s=15.0, answers=False, falls_silent_at_s=600.0)
    assert heard.pings == [pytest.approx(600.0 + INTERVAL_S, abs=0.1)]
    assert heard.ended_at == pytest.approx(600.0 + INTERVAL_S + TIMEOUT_S, abs=11.0)
    assert heard.why == "keepalive ping timeout"
