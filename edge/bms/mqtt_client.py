"""The MQTT client's connection. What is said and understood is in ``mqtt_topics``, ``mqtt_commands`` and
``home_assistant``; here is how it gets to the broker and back, for ever.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from functools import partial
from typing import Protocol, assert_never

import aiomqtt
import structlog
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.bms.mqtt_attempts import Attempts, Told
from edge.bms.mqtt_confirmed import ConfirmedClient, Refusals
from edge.bms.mqtt_topics import Message
from edge.bms.outbox import Outbox
from edge.bms.settings import MqttSettings, MqttVersion
from edge.chance import Chance
from edge.ending import end
from edge.errors import StartError
from edge.units import Seconds

log = structlog.get_logger(__name__)

KEEPALIVE_S = 10  # a broker tells of our death after one and a half times as long (MQTT 5 §3.1.2.10)
CONNECT_S: Seconds = 10.0
FIRST_RETRY_S: Seconds = 1.0
LAST_RETRY_S: Seconds = 60.0  # a building's network comes back within minutes; a broker bears one attempt a minute
FAREWELL_S: Seconds = 5.0  # milliseconds too, but who is cancelled once more says none, and a busy machine stalls
MOST_INCOMING = 64  # commands in waiting; the rest is thrown away unread, and counted
CROWDED = 16  # from so many on only those that may be carried out find a place
LARGEST_PACKET = 65_536  # bytes: more than any command has; a broker of MQTT 5 keeps back what is larger (§3.1.2.11.4)
MOST_COMMANDS_PER_S = 50  # more than any BMS gives; junk waits, and falls out of the queue

VERSIONS = {MqttVersion.V3_1_1: aiomqtt.ProtocolVersion.V311, MqttVersion.V5: aiomqtt.ProtocolVersion.V5}

# Its warnings (a full queue, an unknown packet) are a line for each message of a flood.
_quiet = logging.getLogger("edge.bms.mqtt")
_quiet.setLevel(logging.CRITICAL)


class Conversation(Protocol):
    """What is said over the connection."""

    @property
    def will(self) -> Message: ...
    @property
    def topics(self) -> tuple[str, ...]:
        """What to subscribe to."""

    def begin(self) -> None:
        """A connection is up: queue what comes first."""

    def receive(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """A message came. Never raises for what is in it."""

    def may_count(self, topic: str, payload: bytes, *, retained: bool) -> bool:
        """Whether it may be carried out, at a glance: it is a command, and of now. Never raises."""


class Link(Protocol):
    """A way to the broker, kept up from :meth:`start` to :meth:`stop`. ``dropped``: messages that came faster than they
    are judged, since the start."""

    connected: bool
    dropped: int

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class MakeLink(Protocol):
    """Makes one; :class:`MqttClient` does so over the system's sockets."""

    def __call__(
        self, settings: MqttSettings, *, identifier: str, outbox: Outbox, conversation: Conversation, chance: Chance
    ) -> Link: ...


def retry_s(failures: int, chance: Callable[[], float]) -> Seconds:
    """How long to wait after so many failures in a row: doubled each time, half of it by ``chance`` (0 to 1), so that
    the gateways of a street don't come back in step.
    """
    longest_s = min(FIRST_RETRY_S * float(1 << min(failures, 16)), LAST_RETRY_S)
    return longest_s * (0.5 + 0.5 * chance())


class MqttClient:
    """Connected as long as there is a broker; a lost one is dialled again."""

    def __init__(
        self, settings: MqttSettings, *, identifier: str, outbox: Outbox, conversation: Conversation, chance: Chance
    ) -> None:
        self._settings = settings
        self._identifier = identifier
        self._outbox = outbox
        self._conversation = conversation
        self._tls = _tls(settings) if settings.tls else None
        self._task: asyncio.Task[None] | None = None
        self._chance = chance
        self.connected = False
        self._connected_at: Seconds = 0.0
        self._refused: list[str] = []  # topics that the broker doesn't let us subscribe to
        self._refusals = Refusals()  # and publish
        self.dropped = 0  # messages that came faster than they are judged, since the start

    async def start(self) -> None:
        """Begin to dial; returns at once."""
        self._task = asyncio.create_task(self._dial(), name="mqtt")

    async def stop(self) -> None:
        """Say that we go, if anybody hears it, and end."""
        if self._task is not None:
            await end(self._task, again_s=FAREWELL_S)

    async def _dial(self) -> None:
        attempts, loop = Attempts(), asyncio.get_running_loop()
        while True:
            try:
                await self._converse()
            except (aiomqtt.MqttError, OSError, TimeoutError, ValueError) as exc:
                lasted_s = loop.time() - self._connected_at if self.connected else None
                self._tell_lost(attempts.over(lasted_s, refused=isinstance(exc, MqttConnectError)), exc)
            finally:
                self.connected = False
            await asyncio.sleep(retry_s(attempts.failures, self._chance.fraction))

    def _tell_lost(self, told: Told, exc: Exception) -> None:
        match told:
            case Told.LOST:
                log.warning("the MQTT broker is out of reach", broker=self._address, problem=_sentence(exc))
            case Told.PUT_OUT:
                log.warning(
                    "the MQTT broker ends each connection as soon as it is there",
                    broker=self._address,
                    remedy=f"see that no other client has the identifier {self._identifier} (a gateway of the same "
                    "site id), and that the broker lets this one publish and subscribe",
                )
            case Told.NOTHING:
                pass
            case _:
                assert_never(told)

    async def _converse(self) -> None:
        settings, will = self._settings, self._conversation.will
        async with ConfirmedClient(
            settings.host,
            settings.port,
            identifier=self._identifier,
            username=settings.username,
            password=settings.password,
            protocol=VERSIONS[settings.version],
            will=aiomqtt.Will(topic=will.topic, payload=will.payload, qos=will.qos, retain=will.retain),
            clean_session=True if settings.version is MqttVersion.V3_1_1 else None,
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_S,
            tls_context=self._tls,
            queue_type=self._queue(),
            max_queued_incoming_messages=MOST_INCOMING,
            properties=_properties() if settings.version is MqttVersion.V5 else None,
            logger=_quiet,
        ) as client:
            refused = [topic for topic in self._conversation.topics if not await self._subscribe(client, topic)]
            self._tell_refused(refused)
            self.connected, self._connected_at = True, asyncio.get_running_loop().time()
            log.info("the MQTT broker is in reach", broker=self._address)
            self._outbox.clear()  # what came before is said anew, after the birth
            self._conversation.begin()
            await self._until_lost(client)

    async def _subscribe(self, client: aiomqtt.Client, topic: str) -> bool:
        """Whether the broker lets us; it goes on without a word where it doesn't (MQTT 5 §3.9.3).

        MQTT 5 tells of each command whether it is to be retained; 3.1.1 only of those that lay there (§3.8.3.1).
        """
        if self._settings.version is MqttVersion.V5:
            granted = await client.subscribe(topic, options=SubscribeOptions(qos=1, retainAsPublished=True))
        else:
            granted = await client.subscribe(topic, qos=1)
        return not any(isinstance(code, ReasonCode) and code.is_failure for code in granted)

    def _tell_refused(self, topics: list[str]) -> None:
        """Where commands are on, of which none will be heard; once, not with each connection."""
        if self._settings.policy.writable and topics and topics != self._refused:
            log.warning(
                "the MQTT broker refuses subscriptions: commands there are never heard",
                topics=", ".join(topics),
                remedy="give this gateway's user the right to subscribe to them, at the broker",
            )
        self._refused = topics

    def _queue(self) -> type[asyncio.Queue[aiomqtt.Message]]:
        """Commands in waiting, which count what they have no room for: aiomqtt makes its queue of a type.

        Who floods the topic with what is no command takes no place from those that are.
        """
        lost, may_count = self._lost, self._conversation.may_count

        class Waiting(asyncio.Queue[aiomqtt.Message]):
            def put_nowait(self, item: aiomqtt.Message) -> None:
                if self.full():
                    lost()
                elif self.qsize() >= CROWDED and not may_count(item.topic.value, item.payload, retained=item.retain):
                    lost()
                    return
                super().put_nowait(item)

        return Waiting

    def _lost(self) -> None:
        self.dropped += 1
        if self.dropped == 1:
            log.warning("commands over MQTT come faster than they are judged; what has no room is dropped and counted")

    async def _until_lost(self, client: ConfirmedClient) -> None:
        tasks = (asyncio.create_task(self._hear(client)), asyncio.create_task(self._tell(client)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except asyncio.CancelledError:
            await end(*tasks)
            with contextlib.suppress(aiomqtt.MqttError):
                farewell = self._conversation.will
                await client.publish(farewell.topic, farewell.payload, qos=farewell.qos, retain=farewell.retain)
            raise
        finally:
            await end(*tasks)

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            try:
                self._conversation.receive(message.topic.value, message.payload, retained=message.retain)
            except Exception:
                # A bulkhead: a fault of ours over one message mustn't end the conversation; nobody would begin it anew.
                log.exception("a message over MQTT ended in a fault of this program", topic=message.topic.value[:100])
            await asyncio.sleep(1 / MOST_COMMANDS_PER_S)

    async def _tell(self, client: ConfirmedClient) -> None:
        """Publish what waits, in its order. Whether an answer has come to the broker (PUBACK) isn't waited for: that
        comes behind all that a flood has put into the connection, and what each tick shows would wait for it.
        """
        answers: set[asyncio.Task[None]] = set()
        try:
            while True:
                message = await self._outbox.next()
                publishing = client.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)
                if message.qos == 0 or message.retain:
                    await publishing
                    if message.qos > 0:
                        self._refusals.take(message.topic, client.refusal)
                    continue
                answer = asyncio.create_task(publishing)
                answers.add(answer)
                answer.add_done_callback(partial(self._answered, client, message.topic))
                answer.add_done_callback(answers.discard)
                await asyncio.sleep(0)  # it is on its way before what follows it
        finally:
            await end(*answers)

    def _answered(self, client: ConfirmedClient, topic: str, answer: asyncio.Task[None]) -> None:
        """That one didn't come to the broker is seen by the connection's end."""
        if not answer.cancelled() and answer.exception() is None:
            self._refusals.take(topic, client.refusal)

    @property
    def _address(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"


async def log_in(host: str, port: int, *, username: str | None, password: str | None) -> None:
    """Whether a broker without TLS lets this gateway in: connect to it by MQTT 5, and leave.

    :raises ConnectionError: says why it doesn't.
    """
    try:
        async with aiomqtt.Client(
            host,
            port,
            username=username,
            password=password,
            protocol=VERSIONS[MqttVersion.V5],
            timeout=CONNECT_S,
            logger=_quiet,
        ):
            pass
    except (aiomqtt.MqttError, ValueError) as exc:
        raise ConnectionError(_sentence(exc)) from exc


def _tls(settings: MqttSettings) -> ssl.SSLContext:
    """:raises StartError: a certificate file can't be used."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.certificate_file is not None:
            context.load_cert_chain(settings.certificate_file, settings.key_file)
    except OSError as exc:
        raise StartError(
            f"the certificates of [bms.mqtt] can't be used ({exc})", remedy="give readable files in PEM form"
        ) from exc
    return context


def _properties() -> Properties:
    """Of the CONNECT packet."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho has no types here
    properties.MaximumPacketSize = LARGEST_PACKET
    return properties


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__
