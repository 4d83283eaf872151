"""What is published over MQTT: an image becomes messages. No socket, no time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from edge.bms.image import Image
from edge.bms.point import Point, V
from edge.bms.points import CIRCUIT_POINTS, CONTROL_POINTS, EVSE_POINTS, SITE_POINTS
from edge.bms.view import Value
from edge.domain.site import EvseKey

ONLINE, OFFLINE = b"online", b"offline"
DECIMALS = 3  # of published numbers: what floating point leaves behind is no information


Named = tuple[tuple[str, str], ...]  # topics, each with the name of its value


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One publication. ``topic`` is whole."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


def base_of(site_id: str) -> str:
    """``edge/<site id>``; the id has neither separator nor wildcard in it."""
    return f"edge/{site_id}"


def level(text: str) -> str:
    """A name as one level of a topic: ``/``, ``+``, ``#`` and ``%`` as ``%2F`` and so on (MQTT 5 §4.7)."""
    for character in "%/+#":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def topic_of(base: str, point: Point[V], *, evse: EvseKey | None = None, circuit: str | None = None) -> str:
    """The point's topic, of one EVSE or circuit where it belongs to one."""
    topic = point.topic
    if evse is not None:
        topic = topic.replace("<station>", level(evse.station)).replace("<evse>", str(evse.evse))
    if circuit is not None:
        topic = topic.replace("<circuit>", level(circuit))
    return f"{base}/{topic}"


def payload(value: Value) -> bytes:
    """A scalar as it is published: a number, a text as it is, ``true``, ``false``; empty for "not available", which
    takes the retained message away.
    """
    if value is None:
        return b""
    if isinstance(value, str):
        return value.encode()
    return orjson.dumps(plain(value))


def plain(value: Value) -> Value:
    """Numbers rounded."""
    return round(value, DECIMALS) if isinstance(value, float) else value


class Topics:
    """Publishes what has changed: scalars retained, and each tick one JSON snapshot that isn't."""

    def __init__(self, site_id: str) -> None:
        self.base = base_of(site_id)
        self._last: dict[str, Value] = {}
        # Made once: a site of 500 EVSEs has 4,500 of them.
        self._site_topics = _topics(self.base, SITE_POINTS) + _topics(self.base, CONTROL_POINTS)
        self._circuit_topics: dict[str, Named] = {}
        self._evse_topics: dict[EvseKey, Named] = {}

    @property
    def status_topic(self) -> str:
        return f"{self.base}/status"

    def will(self) -> Message:
        """What the broker says when the gateway is gone; also what it says itself when it stops."""
        return Message(topic=self.status_topic, payload=OFFLINE, qos=1, retain=True)

    def birth(self) -> tuple[Message, ...]:
        """The first message of a connection. After it everything is published anew."""
        self._last.clear()
        return (Message(topic=self.status_topic, payload=ONLINE, qos=1, retain=True),)

    def tick(self, image: Image, *, time: str | None) -> list[Message]:
        """The messages of one tick; ``time`` is the wall clock's, None when that isn't to be believed."""
        messages: list[Message] = []
        self._changed(self._site_topics, {**image.site, **image.control}, messages)
        for circuit, values in image.circuits.items():
            topics = self._circuit_topics.get(circuit)
            if topics is None:
                topics = self._circuit_topics[circuit] = _topics(self.base, CIRCUIT_POINTS, circuit=circuit)
            self._changed(topics, values, messages)
        for key, values in image.evses.items():
            topics = self._evse_topics.get(key)
            if topics is None:
                topics = self._evse_topics[key] = _topics(self.base, EVSE_POINTS, evse=key)
            self._changed(topics, values, messages)
        effective = orjson.dumps(image.effective).decode()
        self._changed(((f"{self.base}/limit/effective", "effective"),), {"effective": effective}, messages)
        messages.append(Message(topic=f"{self.base}/site/state", payload=orjson.dumps(snapshot(image, time))))
        return messages

    def _changed(self, topics: Named, values: Mapping[str, Value], messages: list[Message]) -> None:
        last = self._last
        for topic, name in topics:
            value = values[name]
            if topic not in last or last[topic] != value:
                last[topic] = value
                messages.append(Message(topic=topic, payload=payload(value), retain=True))


def _topics(base: str, points: Iterable[Point[V]], *, evse: EvseKey | None = None, circuit: str | None = None) -> Named:
    return tuple((topic_of(base, point, evse=evse, circuit=circuit), point.name) for point in points)


def snapshot(image: Image, time: str | None) -> dict[str, Any]:
    """The whole image as one JSON object."""
    return {
        "time": time,
        "tick": image.tick,
        "site": _plain(image.site),
        "bms": _plain(image.control),
        "circuit": {circuit: _plain(values) for circuit, values in image.circuits.items()},
        "cp": {
            str(key): {**_plain(values), "reason": image.reasons.get(key, "")} for key, values in image.evses.items()
        },
        "limit": image.effective,
    }


def _plain(values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: plain(value) for name, value in values.items()}
