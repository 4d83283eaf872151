"""A small MQTT broker in the process: for the demo, and for machines without mosquitto.

3.1.1 and 5, QoS 0 and 1, retained messages, wills, keep-alive; sessions end with their connection. No TLS.
"""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Final, Self

from simulators.bms import mqtt_packets as mqtt
from simulators.bms.mqtt_packets import Connect, MalformedError, Packet, Publication, Subscription, Type
from simulators.site import Endpoint

ACCEPTED: Final = 0
BAD_CREDENTIALS: Final = {mqtt.V3_1_1: 4, mqtt.V5: 0x86}
MAXIMUM_QOS: Final = b"\x02\x24\x01"  # properties of CONNACK: Maximum QoS 1 (§3.2.2.3.4)
DISCONNECT_WITH_WILL: Final = 4  # §3.14.2.1
KEEPALIVE_FACTOR: Final = 1.5  # §3.1.2.10
CONNECT_S: Final = 10.0  # to introduce oneself
MOST_WAITING: Final = 4 * 1024 * 1024  # bytes that a slow subscriber may leave lying; then it is dropped


class Broker:
    """Brings what is published to who has subscribed. ``users`` None: everybody may connect."""

    def __init__(self, *, users: Mapping[str, str] | None = None) -> None:
        self.retained: dict[str, Publication] = {}
        self._users = users
        self._sessions: dict[str, _Session] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            return 0
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def open(self, listen: Endpoint) -> Self:
        """Listen. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._accept, listen.host, listen.port)
        return self

    async def close(self) -> None:
        """Stop listening and drop every connection; wills are not published."""
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def admits(self, connect: Connect) -> bool:
        if self._users is None:
            return True
        right = self._users.get(connect.username or "")
        return right is not None and hmac.compare_digest(right.encode(), connect.password or b"")

    def enter(self, session: "_Session") -> None:
        """A client is in; an older one of its name is put out (§3.1.4)."""
        older = self._sessions.get(session.client)
        if older is not None:
            older.drop()
        self._sessions[session.client] = session

    def leave(self, session: "_Session") -> None:
        if self._sessions.get(session.client) is session:
            del self._sessions[session.client]

    def publish(self, publication: Publication) -> None:
        """Bring it to all who want it, and keep it if it is to be retained; an empty one takes the kept one away."""
        if publication.retain:
            if publication.payload:
                self.retained[publication.topic] = publication
            else:
                self.retained.pop(publication.topic, None)
        for session in tuple(self._sessions.values()):
            session.offer(publication)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_serve(self, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Session:
    """One client that has been let in."""

    def __init__(self, broker: Broker, connect: Connect, writer: asyncio.StreamWriter) -> None:
        self.client = connect.client or f"anonymous-{id(self)}"
        self.level = connect.level
        self.will = connect.will
        self._broker = broker
        self._writer = writer
        self._filters: dict[str, Subscription] = {}
        self._identifier = 0

    def offer(self, publication: Publication) -> None:
        """Send it if a filter takes it, at the highest QoS of those that do."""
        asked = [each for each in self._filters.values() if mqtt.matches(each.pattern, publication.topic)]
        if asked:
            qos = min(max(each.qos for each in asked), publication.qos)
            retained = publication.retain and any(each.tells_retain for each in asked)
            self._send(publication, qos, retained=retained)

    def drop(self) -> None:
        self._writer.close()

    def handle(self, received: Packet) -> bool:
        """Answer one packet; False when it ends the session in order. Raises MalformedError."""
        match received.type:
            case Type.PUBLISH:
                publication, identifier = mqtt.publish(received, self.level)
                if publication.qos:
                    self._writer.write(mqtt.packet(Type.PUBACK, identifier.to_bytes(2, "big")))
                self._broker.publish(publication)
            case Type.SUBSCRIBE:
                self._subscribe(received.body)
            case Type.UNSUBSCRIBE:
                self._unsubscribe(received.body)
            case Type.PINGREQ:
                self._writer.write(mqtt.packet(Type.PINGRESP))
            case Type.PUBACK:
                pass  # nothing is sent twice
            case Type.DISCONNECT:
                if received.body[:1] != bytes((DISCONNECT_WITH_WILL,)):
                    self.will = None
                return False
            case _:
                raise MalformedError("a packet that no client sends here")
        return True

    def _send(self, publication: Publication, qos: int, *, retained: bool) -> None:
        if self._writer.transport.get_write_buffer_size() > MOST_WAITING:
            self.drop()
            return
        self._identifier = self._identifier % 0xFFFF + 1
        self._writer.write(
            mqtt.publish_bytes(publication, self.level, qos=qos, identifier=self._identifier, retain=retained)
        )

    def _subscribe(self, body: bytes) -> None:
        identifier, wanted = mqtt.subscriptions(body, self.level)
        properties = b"\0" if self.level == mqtt.V5 else b""
        codes = bytes(each.qos for each in wanted)
        self._writer.write(mqtt.packet(Type.SUBACK, identifier.to_bytes(2, "big") + properties + codes))
        for each in wanted:
            self._filters[each.pattern] = each
            for publication in self._broker.retained.values():
                if mqtt.matches(each.pattern, publication.topic):
                    self._send(publication, min(each.qos, publication.qos), retained=True)

    def _unsubscribe(self, body: bytes) -> None:
        identifier, filters = mqtt.unsubscriptions(body, self.level)
        for pattern in filters:
            self._filters.pop(pattern, None)
        codes = b"\0" + bytes(len(filters)) if self.level == mqtt.V5 else b""
        self._writer.write(mqtt.packet(Type.UNSUBACK, identifier.to_bytes(2, "big") + codes))


async def _serve(broker: Broker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, from its first byte to its will."""
    buffer = bytearray()
    session: _Session | None = None
    silence_s: float | None = CONNECT_S
    try:
        while True:
            async with asyncio.timeout(silence_s):
                data = await reader.read(65536)
            if not data:
                return
            buffer += data
            for received in mqtt.packets(buffer):
                if session is None:
                    session, silence_s = _let_in(broker, received, writer)
                    if session is None:
                        return
                elif not session.handle(received):
                    return
            await writer.drain()
    except (OSError, TimeoutError, MalformedError):
        return
    finally:
        if session is not None:
            broker.leave(session)
            if session.will is not None:
                broker.publish(session.will)
        writer.close()


def _let_in(broker: Broker, received: Packet, writer: asyncio.StreamWriter) -> tuple[_Session | None, float | None]:
    """The session and how long it may be silent; no session where the client is turned away."""
    if received.type != Type.CONNECT:
        raise MalformedError("the first packet isn't CONNECT")
    connect = mqtt.connect(received.body)
    admitted = broker.admits(connect)
    code = ACCEPTED if admitted else BAD_CREDENTIALS[connect.level]
    properties = (MAXIMUM_QOS if admitted else b"\0") if connect.level == mqtt.V5 else b""
    writer.write(mqtt.packet(Type.CONNACK, bytes((0, code)) + properties))
    if not admitted:
        return None, None
    session = _Session(broker, connect, writer)
    broker.enter(session)
    return session, connect.keepalive_s * KEEPALIVE_FACTOR or None
