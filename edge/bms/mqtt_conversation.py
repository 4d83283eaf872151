"""What is said over MQTT, joined: telemetry out, commands in. Sockets are in :mod:`edge.bms.mqtt_client`."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from edge.bms.home_assistant import Discovery
from edge.bms.image import Image
from edge.bms.limits_memory import Demanded
from edge.bms.mqtt_commands import Commands, Now
from edge.bms.mqtt_topics import Message, Topics
from edge.bms.outbox import Outbox
from edge.control.ports import LimitSink

log = structlog.get_logger(__name__)


class MqttConversation:
    """Implements :class:`edge.bms.mqtt_client.Conversation`.

    ``effective`` tells what holds for the grid connection now; ``dim`` takes the grid operator's word.
    """

    def __init__(
        self,
        *,
        topics: Topics,
        commands: Commands,
        discovery: Discovery | None,
        outbox: Outbox,
        sink: LimitSink,
        now: Callable[[], Now],
        effective: Callable[[], Mapping[str, Any]],
        dim: Callable[[bool], None],
    ) -> None:
        self._topics = topics
        self._commands = commands
        self._discovery = discovery
        self._outbox = outbox
        self._sink = sink
        self._now = now
        self._effective = effective
        self._dim = dim
        self._image: Image | None = None
        self._refusing = False
        self._ignoring = False

    @property
    def will(self) -> Message:
        return self._topics.will()

    @property
    def topics(self) -> tuple[str, ...]:
        return self._commands.topics

    def start(self, before: Demanded | None = None) -> None:
        """A BMS that may write and never does is silent: its time runs from the start. ``before``: what it had demanded
        by then, and for how long that holds.
        """
        first = self._commands.first(self._now().monotonic, before)
        if first is not None:
            self._sink.take(first)

    def begin(self) -> None:
        """Say that we are there, how we are to be shown, and all that we know."""
        self._outbox.put(self._topics.birth())
        if self._discovery is not None:
            self._outbox.put(self._discovery.messages())
        if self._image is not None:
            self.publish(self._image)

    def publish(self, image: Image) -> None:
        """Queue what the tick has changed. Takes no longer than that."""
        self._image = image
        wall = self._now().wall
        time = wall.isoformat(timespec="milliseconds").replace("+00:00", "Z") if wall is not None else None
        self._outbox.put(self._topics.tick(image, time=time))

    def may_count(self, topic: str, payload: bytes, *, retained: bool) -> bool:
        return self._commands.may_count(topic, payload, retained=retained, now=self._now())

    def receive(self, topic: str, payload: bytes, *, retained: bool) -> None:
        outcome = self._commands.receive(topic, payload, retained=retained, now=self._now())
        if outcome is None:
            if retained and payload and not self._ignoring:
                self._ignoring = True
                log.warning("a retained command over MQTT is ignored", topic=topic, remedy="publish without retain")
            return
        if outcome.state is not None:
            self._sink.take(outcome.state)
        if outcome.dim is not None:
            self._dim(outcome.dim)
        if not outcome.accepted and not self._refusing:
            log.warning("a command over MQTT was refused", topic=topic, reason=outcome.reason)
        self._refusing = not outcome.accepted
        self._outbox.answer(self._commands.acknowledgement(topic, outcome, self._effective()))
