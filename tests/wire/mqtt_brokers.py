"""Brokers for the tests: the embedded one, and mosquitto where it is installed."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt

from simulators.bms.broker import Broker
from simulators.ports import free_endpoints
from simulators.site import Endpoint

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
NO_MOSQUITTO = "mosquitto is not installed (apt-get install mosquitto)"
UP_S = 60.0  # for a broker or a gateway to be there, on a machine that is busy


@asynccontextmanager
async def embedded(port: int = 0, *, users: Mapping[str, str] | None = None) -> AsyncIterator[int]:
    """The embedded broker; yields its port."""
    broker = Broker(users=users)
    await broker.open(Endpoint(host="127.0.0.1", port=port))
    try:
        yield broker.port
    finally:
        await broker.close()


@asynccontextmanager
async def mosquitto(folder: Path, *, port: int | None = None, extra: str = "") -> AsyncIterator[int]:
    """A mosquitto of our own on a port of loopback; yields the port. ``extra`` are lines of its configuration."""
    assert MOSQUITTO is not None
    port = port if port is not None else free_endpoints(1)[0].port
    file = folder / "mosquitto.conf"
    anonymous = "" if "allow_anonymous" in extra else "allow_anonymous true\n"
    file.write_text(f"listener {port} 127.0.0.1\n{anonymous}{extra}\nuser root\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        MOSQUITTO, "-c", str(file), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await listening(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def listening(port: int) -> None:
    """Wait until somebody listens on the port."""
    async with asyncio.timeout(UP_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


@asynccontextmanager
async def watching(port: int, *topics: str) -> AsyncIterator["Watcher"]:
    """A client of the BMS's, subscribed to ``topics``."""
    async with aiomqtt.Client("127.0.0.1", port, identifier=f"bms-{port}-{topics[0]}") as client:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        yield Watcher(client)


class Watcher:
    """Waits for messages."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client

    async def next(self, topic: str | None = None, payload: bytes | None = None) -> aiomqtt.Message:
        """The next message, of this topic and with this payload where they are given."""
        async with asyncio.timeout(UP_S):
            async for message in self.client.messages:
                fits = topic is None or message.topic.value == topic
                if fits and (payload is None or message.payload == payload):
                    return message
        raise AssertionError("the connection ended")

    async def send(self, topic: str, payload: bytes | str, *, qos: int = 1, retain: bool = False) -> None:
        await self.client.publish(topic, payload, qos=qos, retain=retain)
