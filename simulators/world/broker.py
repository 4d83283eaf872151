"""The building's MQTT broker in the world, and a client of the building at it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson

from edge.config.addresses import broker as broker_address
from simulators.bms import mqtt_packets as mqtt
from simulators.bms.broker import Broker
from simulators.bms.mqtt_packets import Publication, Type
from simulators.site import Endpoint
from simulators.world.node import start_on

BROKER: Final = "broker"
BUILDING: Final = "building"
ANSWER_S: Final = 5.0


class WorldBroker:
    """Listens where the site file says that it is."""

    def __init__(self, url: str) -> None:
        address = broker_address(url)
        self.endpoint = Endpoint(host=address.host, port=address.port)
        self._broker = Broker()
        self._listens = False

    def retained(self) -> Mapping[str, bytes]:
        """What lies there of each topic; nothing while it is gone."""
        return {topic: each.payload for topic, each in self._broker.retained.items()} if self._listens else {}

    async def begin(self) -> None:
        """Listen, on its own machine; an older one's retained messages are gone."""
        if not self._listens:
            self._listens = True
            self._broker = Broker()
            await start_on(BROKER, self._open())

    async def leave(self) -> None:
        """It is gone."""
        if self._listens:
            self._listens = False
            await start_on(BROKER, self._broker.close())

    async def _open(self) -> None:
        await self._broker.open(self.endpoint)

    async def tell(self, topic: str, payloads: list[bytes], *, retain: bool = False) -> None:
        """Somebody of the building publishes these, as fast as the network takes them."""
        await start_on(BUILDING, self._tell(topic, payloads, retain))

    async def ask(self, topic: str, command: bytes, *, answer: str, identity: str) -> Mapping[str, Any]:
        """Somebody of the building publishes a command, and hears on the topic `answer` what became of it.

        :raises OSError, TimeoutError, EOFError: the broker is gone, or nobody answers.
        """
        return await start_on(BUILDING, self._ask(topic, command, answer, identity))

    async def _ask(self, topic: str, command: bytes, answer: str, identity: str) -> Mapping[str, Any]:
        reader, writer = await asyncio.open_connection(self.endpoint.host, self.endpoint.port)
        try:
            writer.write(connect_packet(f"building {topic} {identity}", keepalive_s=0))  # of one name one is put out
            writer.write(mqtt.packet(Type.SUBSCRIBE, b"\0\1" + mqtt.text(answer) + b"\0", 0x02))
            publication = Publication(topic=topic, payload=command, qos=0, retain=False)
            writer.write(mqtt.publish_bytes(publication, mqtt.V3_1_1, qos=0, identifier=0, retain=False))
            async with asyncio.timeout(ANSWER_S):
                return await _answer(reader, identity)
        finally:
            writer.close()

    async def _tell(self, topic: str, payloads: list[bytes], retain: bool) -> None:
        reader, writer = await asyncio.open_connection(self.endpoint.host, self.endpoint.port)
        writer.write(connect_packet("building", keepalive_s=0))
        await reader.readexactly(4)  # CONNACK
        for payload in payloads:
            publication = Publication(topic=topic, payload=payload, qos=0, retain=retain)
            writer.write(mqtt.publish_bytes(publication, mqtt.V3_1_1, qos=0, identifier=0, retain=retain))
            await writer.drain()
        writer.write(mqtt.packet(Type.DISCONNECT))
        writer.close()


async def _answer(reader: asyncio.StreamReader, identity: str) -> Mapping[str, Any]:
    buffer = bytearray()
    while True:
        data = await reader.read(65_536)
        if not data:
            raise EOFError("the broker has ended the connection")
        buffer += data
        for received in mqtt.packets(buffer):
            if received.type == Type.PUBLISH:
                publication, _ = mqtt.publish(received, mqtt.V3_1_1)
                said: Mapping[str, Any] = orjson.loads(publication.payload)
                if said["id"] == identity:
                    return said


def connect_packet(client: str, *, keepalive_s: int, will: Publication | None = None) -> bytes:
    """CONNECT of MQTT 3.1.1 §3.1, with a clean session."""
    flags, last = 0x02, b""
    if will is not None:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        last = mqtt.text(will.topic) + len(will.payload).to_bytes(2, "big") + will.payload
    head = mqtt.text("MQTT") + bytes((mqtt.V3_1_1, flags)) + keepalive_s.to_bytes(2, "big")
    return mqtt.packet(Type.CONNECT, head + mqtt.text(client) + last)
