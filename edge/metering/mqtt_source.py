"""An MQTT topic that is listened to."""

import ssl
from collections.abc import Sequence
from typing import Final

import aiomqtt

from edge.domain.connection import Connection, Transport
from edge.domain.site import BrokerAccess
from edge.domain.topic import TopicValue
from edge.errors import MeterImplausible, MeterUnreachable
from edge.metering.listening import Listening
from edge.metering.mqtt_topic import read_message
from edge.metering.source import Deliver, Fail
from edge.units import Seconds

CONNECT_S: Final[Seconds] = 5.0  # a broker on the site's network answers at once, one in the cloud within a second
KEEPALIVE_S: Final = 10  # a broker that has gone without a word is noticed within 15 s

_OPEN_BROKER: Final = BrokerAccess()


class TopicSource(Listening):
    """Listens to one topic of a broker."""

    def __init__(
        self, connection: Connection, values: Sequence[TopicValue], access: BrokerAccess = _OPEN_BROKER
    ) -> None:
        super().__init__(f"{connection.line}/{connection.topic}")
        self._connection = connection
        self._values = tuple(values)
        self._access = access

    async def listen(self, deliver: Deliver, fail: Fail) -> str:
        """See :meth:`Listening.listen`."""
        to = self._connection
        tls = self._trusted() if to.transport is Transport.MQTTS else None
        is_up = False
        try:
            async with aiomqtt.Client(
                to.host,
                to.port,
                username=self._access.username,
                password=self._access.password,
                timeout=CONNECT_S,
                keepalive=KEEPALIVE_S,
                tls_context=tls,
            ) as client:
                await client.subscribe(to.topic)
                is_up = True
                async for message in client.messages:
                    self._take(message, deliver, fail)
        except aiomqtt.MqttError as exc:
            if is_up:
                return f"the connection broke ({exc})"
            raise MeterUnreachable(
                f"no connection to {to.line} ({exc})", remedy="check the broker's address and its access rights"
            ) from exc
        return "the connection was closed"

    def _trusted(self) -> ssl.SSLContext:
        """:raises MeterUnreachable: the authority's file can't be used."""
        try:
            return ssl.create_default_context(cafile=self._access.ca_file)
        except OSError as exc:  # SSLError is one
            raise MeterUnreachable(
                f"no connection to {self._connection.line}: {self._access.ca_file} can't be used ({exc})",
                remedy="give a readable file in PEM form",
            ) from exc

    def _take(self, message: aiomqtt.Message, deliver: Deliver, fail: Fail) -> None:
        if message.retain:
            fail(f"{self._described} had only a retained message, whose age nobody knows; waiting for a new one")
            return
        try:
            values = read_message(_bytes(message.payload), self._values)
        except MeterImplausible as exc:
            fail(f"{self._described}: {exc}")
        else:
            deliver(values)


def _bytes(payload: aiomqtt.types.PayloadType) -> bytes:
    """What came over the wire: always bytes, whatever may be sent."""
    return payload if isinstance(payload, bytes) else b""
