"""An MQTT topic that is listened to."""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from typing import Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

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
# A topic on which nothing comes is told: what is subscribed by a wrong name is silent for ever, and without a fault. At
# first soon, while somebody may be looking; later no sooner than control.meter_stale_s may be.
FIRST_S: Final[Seconds] = 10.0
QUIET_S: Final[Seconds] = 60.0

# More messages than any meter publishes. Those that come faster give way to the newest: what is judged late is older
# than its reading says.
MOST_PER_S: Final = 20
MOST_WAITING: Final = 4  # a fifth of a second's

_OPEN_BROKER: Final = BrokerAccess()


class _Newest(asyncio.Queue[aiomqtt.Message]):
    """Messages in waiting, of which the oldest goes where there is no room."""

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if self.full():
            self.get_nowait()
        super().put_nowait(item)


class TopicSource(Listening):
    """Listens to one topic of a broker."""

    def __init__(
        self,
        connection: Connection,
        values: Sequence[TopicValue],
        access: BrokerAccess = _OPEN_BROKER,
        *,
        first_s: Seconds = FIRST_S,
        quiet_s: Seconds = QUIET_S,
    ) -> None:
        super().__init__(f"{connection.line}/{connection.topic}")
        self._connection = connection
        self._values = tuple(values)
        self._access = access
        self._first_s = first_s
        self._quiet_s = quiet_s

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
                queue_type=_Newest,
                max_queued_incoming_messages=MOST_WAITING,
            ) as client:
                granted = await client.subscribe(to.topic)
                self._check(granted)
                is_up = True
                await self._hear(client, deliver, fail)
        except aiomqtt.MqttError as exc:
            if is_up:
                return f"the connection broke ({exc})"
            raise MeterUnreachable(
                f"no connection to {to.line} ({exc})", remedy="check the broker's address and its access rights"
            ) from exc
        return "the connection was closed"

    def _check(self, granted: Iterable[int | ReasonCode]) -> None:
        """:raises MeterUnreachable: the broker refuses the subscription (MQTT 5 §3.9.3); nothing would ever come."""
        for code in granted:
            if isinstance(code, ReasonCode) and code.is_failure:
                raise MeterUnreachable(
                    f"{self._connection.line} refuses to let {self._connection.topic} be subscribed to ({code})",
                    remedy="give the user the right to it, at the broker",
                )

    async def _hear(self, client: aiomqtt.Client, deliver: Deliver, fail: Fail) -> None:
        """Take what comes, until the connection ends."""
        messages, patience_s = aiter(client.messages), self._first_s
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    message = await anext(messages)
            except TimeoutError:
                fail(
                    f"{self._described}: nothing has come for {patience_s:g} s; check the topic's name, and whether "
                    "anybody publishes there"
                )
            except StopAsyncIteration:
                return
            else:
                self._take(message, deliver, fail)
                await asyncio.sleep(1 / MOST_PER_S)
            patience_s = self._quiet_s

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
