"""The gateway's way to its MQTT broker over the world's network: in the place of aiomqtt, which wants real sockets.

What is said and how commands are judged is the gateway's own; its bounds and times are those of
:mod:`edge.bms.mqtt_client`.
"""

import asyncio
import contextlib
from collections import deque

import structlog

from edge.bms.mqtt_client import (
    CONNECT_S,
    KEEPALIVE_S,
    MOST_COMMANDS_PER_S,
    MOST_INCOMING,
    Conversation,
    retry_s,
)
from edge.bms.mqtt_topics import Message
from edge.bms.outbox import Outbox
from edge.bms.settings import MqttSettings
from edge.chance import Chance
from simulators.bms import mqtt_packets as mqtt
from simulators.bms.mqtt_packets import MalformedError, Publication, Type
from simulators.world.broker import connect_packet

log = structlog.get_logger(__name__)

SILENCE_S = 1.5 * KEEPALIVE_S  # without an answer to a ping


class WorldMqttLink:
    """Implements :class:`edge.bms.mqtt_client.Link`, with MQTT 3.1.1."""

    def __init__(
        self, settings: MqttSettings, *, identifier: str, outbox: Outbox, conversation: Conversation, chance: Chance
    ) -> None:
        self._settings = settings
        self._identifier = identifier
        self._outbox = outbox
        self._conversation = conversation
        self._chance = chance
        self._commands: deque[Publication] = deque()
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.connected = False
        self.dropped = 0

    async def start(self) -> None:
        """Begin to dial; returns at once."""
        self._task = asyncio.create_task(self._dial(), name="mqtt")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _dial(self) -> None:
        failures = 0
        while True:
            try:
                await self._converse()
            except (OSError, TimeoutError, EOFError, MalformedError) as exc:
                if self.connected or failures == 0:
                    log.warning("the MQTT broker is out of reach", problem=str(exc) or type(exc).__name__)
                failures = 1 if self.connected else failures + 1
            finally:
                self.connected = False
            await asyncio.sleep(retry_s(failures, self._chance.fraction))

    async def _converse(self) -> None:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(self._settings.host, self._settings.port)
        try:
            will = _publication(self._conversation.will)
            writer.write(connect_packet(self._identifier, keepalive_s=KEEPALIVE_S, will=will))
            filters = b"".join(mqtt.text(topic) + b"\x01" for topic in self._conversation.topics)
            writer.write(mqtt.packet(Type.SUBSCRIBE, b"\0\1" + filters, 0x02))
            self.connected = True
            self._commands.clear()
            self._outbox.clear()
            self._conversation.begin()
            tasks = [
                asyncio.create_task(work) for work in (self._read(reader, writer), self._hear(), self._tell(writer))
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = bytearray()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KEEPALIVE_S):
                    buffer += await self._bytes(reader)
                    for received in mqtt.packets(buffer):
                        self._take(received, writer)
                    continue
            writer.write(mqtt.packet(Type.PINGREQ))
            async with asyncio.timeout(SILENCE_S):
                buffer += await self._bytes(reader)

    async def _bytes(self, reader: asyncio.StreamReader) -> bytes:
        data = await reader.read(65_536)
        if not data:
            raise EOFError("the broker has ended the connection")
        return data

    def _take(self, received: mqtt.Packet, writer: asyncio.StreamWriter) -> None:
        if received.type != Type.PUBLISH:
            return
        publication, identifier = mqtt.publish(received, mqtt.V3_1_1)
        if publication.qos:
            writer.write(mqtt.packet(Type.PUBACK, identifier.to_bytes(2, "big")))
        if len(self._commands) >= MOST_INCOMING:
            self.dropped += 1
            return
        self._commands.append(publication)
        self._came.set()

    async def _hear(self) -> None:
        while True:
            while self._commands:
                each = self._commands.popleft()
                self._conversation.receive(each.topic, each.payload, retained=each.retain)
                await asyncio.sleep(1 / MOST_COMMANDS_PER_S)
            self._came.clear()
            await self._came.wait()

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        while True:
            message = await self._outbox.next()
            publication = _publication(message)
            writer.write(
                mqtt.publish_bytes(
                    publication, mqtt.V3_1_1, qos=publication.qos, identifier=1, retain=publication.retain
                )
            )
            await writer.drain()


def _publication(message: Message) -> Publication:
    return Publication(topic=message.topic, payload=message.payload, qos=min(message.qos, 1), retain=message.retain)
