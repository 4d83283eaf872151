"""MQTT control packets of 3.1.1 and 5, as far as the broker of a demo or a test needs them.

Sources: OASIS MQTT Version 3.1.1 and MQTT Version 5.0; section numbers are those of the latter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

V3_1_1: Final = 4  # protocol levels (§3.1.2.2)
V5: Final = 5
LARGEST: Final = 1024 * 1024  # bytes of one packet


class Type(IntEnum):
    """Of a packet (§2.1.2)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class MalformedError(ValueError):
    """The bytes are no packet that this broker knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """The first byte's two halves, and what follows the length."""

    type: int
    flags: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is published."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What one filter asks for (§3.8.3.1). ``tells_retain``: of what is published as retained while it runs, too."""

    pattern: str
    qos: int
    tells_retain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """How a client introduces itself."""

    level: int
    client: str
    keepalive_s: int
    will: Publication | None
    username: str | None
    password: bytes | None


class Reader:
    """Takes a packet's body apart. Raises MalformedError where it ends too soon."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._body)

    def take(self, size: int) -> bytes:
        part = self._body[self._at : self._at + size]
        if len(part) < size:
            raise MalformedError("a packet ends too soon")
        self._at += size
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def binary(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        try:
            return self.binary().decode()
        except UnicodeDecodeError as exc:
            raise MalformedError("a text isn't UTF-8") from exc

    def length(self) -> int:
        """A variable byte integer (§1.5.5)."""
        value = 0
        for shift in range(0, 28, 7):
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise MalformedError("a length of more than four bytes")

    def skip_properties(self, level: int) -> None:
        if level == V5:
            self.take(self.length())

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)


def packets(buffer: bytearray) -> Iterator[Packet]:
    """The whole packets at the front of ``buffer``, which are taken from it. Raises MalformedError."""
    while len(buffer) >= 2:
        header = Reader(bytes(buffer[1:5]))
        try:
            size = header.length()
        except MalformedError:
            if len(buffer) < 5:
                return
            raise
        if size > LARGEST:
            raise MalformedError("a packet is too large")
        begin = 1 + len(encoded_length(size))
        if len(buffer) < begin + size:
            return
        packet = Packet(type=buffer[0] >> 4, flags=buffer[0] & 0x0F, body=bytes(buffer[begin : begin + size]))
        del buffer[: begin + size]
        yield packet


def encoded_length(size: int) -> bytes:
    """A variable byte integer."""
    encoded = bytearray()
    while True:
        size, byte = size >> 7, size & 0x7F
        encoded.append(byte | 0x80 if size else byte)
        if not size:
            return bytes(encoded)


def packet(kind: Type, body: bytes = b"", flags: int = 0) -> bytes:
    """A packet's bytes."""
    return bytes((kind << 4 | flags,)) + encoded_length(len(body)) + body


def text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def connect(body: bytes) -> Connect:
    """§3.1. Raises MalformedError."""
    reader = Reader(body)
    if reader.text() != "MQTT":
        raise MalformedError("not MQTT 3.1.1 or 5")
    level, flags = reader.number(1), reader.number(1)
    if level not in (V3_1_1, V5):
        raise MalformedError("not MQTT 3.1.1 or 5")
    keepalive_s = reader.number(2)
    reader.skip_properties(level)
    client = reader.text()
    will = None
    if flags & 0x04:
        reader.skip_properties(level)
        topic, payload = reader.text(), reader.binary()
        will = Publication(topic=topic, payload=payload, qos=min(flags >> 3 & 3, 1), retain=bool(flags & 0x20))
    return Connect(
        level=level,
        client=client,
        keepalive_s=keepalive_s,
        will=will,
        username=reader.text() if flags & 0x80 else None,
        password=reader.binary() if flags & 0x40 else None,
    )


def publish(received: Packet, level: int) -> tuple[Publication, int]:
    """§3.3: what is published, and the packet identifier (0 at QoS 0). Raises MalformedError."""
    reader = Reader(received.body)
    qos = received.flags >> 1 & 3
    if qos > 1:
        raise MalformedError("QoS 2 isn't offered")
    topic = reader.text()
    if not topic or any(character in topic for character in "+#\0"):
        raise MalformedError("a topic is empty or has wildcards")
    identifier = reader.number(2) if qos else 0
    reader.skip_properties(level)
    publication = Publication(topic=topic, payload=reader.rest(), qos=qos, retain=bool(received.flags & 1))
    return publication, identifier


def publish_bytes(publication: Publication, level: int, *, qos: int, identifier: int, retain: bool) -> bytes:
    """The packet for a subscriber."""
    body = text(publication.topic)
    if qos:
        body += identifier.to_bytes(2, "big")
    if level == V5:
        body += b"\0"
    return packet(Type.PUBLISH, body + publication.payload, qos << 1 | retain)


def subscriptions(body: bytes, level: int) -> tuple[int, list[Subscription]]:
    """§3.8: the packet identifier, and each filter with the QoS granted. Raises MalformedError."""
    reader = Reader(body)
    identifier = reader.number(2)
    reader.skip_properties(level)
    wanted = []
    while reader.more:
        topic, options = reader.text(), reader.number(1)
        tells_retain = level == V5 and bool(options & 0x08)
        wanted.append(Subscription(pattern=topic, qos=min(options & 3, 1), tells_retain=tells_retain))
    return identifier, wanted


def unsubscriptions(body: bytes, level: int) -> tuple[int, list[str]]:
    """§3.10. Raises MalformedError."""
    reader = Reader(body)
    identifier = reader.number(2)
    reader.skip_properties(level)
    filters = []
    while reader.more:
        filters.append(reader.text())
    return identifier, filters


def matches(pattern: str, topic: str) -> bool:
    """Whether a filter takes a topic (§4.7)."""
    if topic.startswith("$") != pattern.startswith("$"):
        return False
    wanted, levels = pattern.split("/"), topic.split("/")
    for index, part in enumerate(wanted):
        if part == "#":
            return True
        if index >= len(levels) or part not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)
