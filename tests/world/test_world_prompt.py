"""The sockets of the world's peers: a text at one go, and all else as the library does it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from simulators.world.conditions import Topology
from simulators.world.loop import WorldLoop, running
from simulators.world.network import Network
from simulators.world.node import start_on
from simulators.world.prompt import PromptClient, PromptServer

URL = "ws://10.0.0.1:9000"
TEXTS = ["", "a", "x" * 125, "y" * 126, "z" * 70_000, "grüße"]

Story = Callable[[PromptServer, PromptClient], Coroutine[Any, Any, None]]


def between(story: Story) -> None:
    """Play with a server's socket and a client's that are connected."""

    async def main() -> None:
        running().fabric = Network(Topology(by_node={}), seed=1)
        came: asyncio.Future[PromptServer] = running().create_future()

        async def stay(connection: ServerConnection) -> None:
            assert isinstance(connection, PromptServer)
            came.set_result(connection)
            await connection.wait_closed()

        async def listen() -> Any:
            return await serve(stay, "10.0.0.1", 9000, create_connection=PromptServer, ping_interval=None)

        async def dial() -> Any:
            return await connect(URL, create_connection=PromptClient, compression=None, proxy=None, ping_interval=None)

        await start_on("server", listen())
        client = await start_on("client", dial())
        await story(await came, client)
        await client.close()

    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        runner.run(main())


def test_texts_come_as_they_were_said_in_their_order() -> None:
    """Of every length that a frame tells otherwise, from either side."""

    async def story(server: PromptServer, client: PromptClient) -> None:
        heard: dict[str, list[str | bytes]] = {"server": [], "client": []}
        listening = [
            asyncio.ensure_future(server.deliver(heard["server"].append)),
            asyncio.ensure_future(client.deliver(heard["client"].append)),
        ]
        await asyncio.sleep(1.0)
        for text in TEXTS:
            client.say(text)
            server.say(text)
        await client.send(["in", "pieces"])
        client.say("last")
        await asyncio.sleep(1.0)
        assert heard == {"server": [*TEXTS, "inpieces", "last"], "client": TEXTS}
        await client.close()
        for each in await asyncio.gather(*listening, return_exceptions=True):
            assert isinstance(each, ConnectionClosed)

    between(story)


def test_what_came_before_anybody_listened_comes_first() -> None:
    """It has waited in the library's queue."""

    async def story(server: PromptServer, client: PromptClient) -> None:
        client.say("early")
        await asyncio.sleep(1.0)
        heard: list[str | bytes] = []
        listening = asyncio.ensure_future(server.deliver(heard.append))
        client.say("late")
        await asyncio.sleep(1.0)
        assert heard == ["early", "late"]
        listening.cancel()

    between(story)


def test_a_listener_that_fails_ends_the_connection_and_is_told() -> None:
    """A fault of a simulated peer isn't lost in a callback."""

    async def story(server: PromptServer, client: PromptClient) -> None:
        def fail(_text: str | bytes) -> None:
            raise ValueError("not that")

        listening = asyncio.ensure_future(server.deliver(fail))
        await asyncio.sleep(1.0)
        client.say("this")
        with pytest.raises(ValueError, match="not that"):
            await listening
        with pytest.raises(ConnectionClosed):
            await client.recv()

    between(story)


def test_a_text_that_is_no_utf_8_ends_the_connection_with_the_right_code() -> None:
    """As the library does it (RFC 6455 §8.1)."""

    async def story(server: PromptServer, client: PromptClient) -> None:
        listening = asyncio.ensure_future(server.deliver(lambda _text: None))
        await asyncio.sleep(1.0)
        await client.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed):
            await listening
        assert server.protocol.close_sent is not None
        assert server.protocol.close_sent.code == 1007

    between(story)


def test_pings_are_answered() -> None:
    """In either direction, in the time of the link."""

    async def story(server: PromptServer, client: PromptClient) -> None:
        for each in (server, client):
            latency_s = await (await each.ping())
            assert 0.004 <= latency_s <= 0.007  # twice 2 ms and up to 1 ms more

    between(story)
