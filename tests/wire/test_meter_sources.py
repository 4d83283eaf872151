"""P1 ports and MQTT topics over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiomqtt
import orjson
import pytest

from edge.clock import SystemClock
from edge.domain.connection import parse_connection
from edge.domain.reading import MeterFact, MeterReading
from edge.domain.site import BrokerAccess, Meter
from edge.domain.station import StationFact
from edge.domain.topic import TopicValue
from edge.errors import StartError
from edge.metering.catalogue import FAMILIES
from edge.metering.family import Quantity, Values
from edge.metering.mqtt_source import TopicSource
from edge.metering.p1_source import P1Source
from edge.metering.poller import Meters
from edge.metering.source import TellingSource
from edge.metering.tellers import open_source
from edge.units import PhaseAmps
from tests.mqtt_broker import Broker, running_broker
from tests.p1_telegrams import telegram
from tests.wire.mqtt_brokers import embedded

WAIT_S = 60.0  # for what comes within milliseconds, on a machine that is busy
VALUES = (
    TopicValue(quantity="current_l1_a", path=("i", 0)),
    TopicValue(quantity="power_w", path=("kW",), scale=1000.0),
)


class Told:
    """What a source tells, to be waited for."""

    def __init__(self) -> None:
        self.values: asyncio.Queue[Values] = asyncio.Queue()
        self.problems: asyncio.Queue[str] = asyncio.Queue()

    async def next_values(self) -> Values:
        async with asyncio.timeout(WAIT_S):
            return await self.values.get()

    async def next_problem(self) -> str:
        async with asyncio.timeout(WAIT_S):
            return await self.problems.get()


@contextlib.asynccontextmanager
async def listening(source: TellingSource) -> AsyncIterator[Told]:
    """The source at work, until the block ends."""
    told = Told()
    await source.start(told.values.put_nowait, told.problems.put_nowait)
    try:
        yield told
    finally:
        await source.close()


class Facts:
    """What the poller delivers, to be waited for."""

    def __init__(self) -> None:
        self._readings: asyncio.Queue[MeterReading] = asyncio.Queue()

    def take(self, fact: StationFact | MeterFact) -> None:
        if isinstance(fact, MeterReading):
            self._readings.put_nowait(fact)

    async def next_reading(self) -> MeterReading:
        async with asyncio.timeout(WAIT_S):
            return await self._readings.get()


@contextlib.asynccontextmanager
async def reading_of(meter: Meter) -> AsyncIterator[Facts]:
    """The poller at work on one meter, until the block ends."""
    facts = Facts()
    meters = Meters(meters=[meter], families=FAMILIES, clock=SystemClock(), sink=facts)
    await meters.sample()
    try:
        yield facts
    finally:
        await meters.close()


def topic_source(broker: Broker) -> TopicSource:
    """A source of the topic building/meter."""
    return TopicSource(parse_connection(f"mqtt://127.0.0.1:{broker.port}/building/meter"), VALUES)


async def subscribed(broker: Broker) -> None:
    async with asyncio.timeout(WAIT_S):
        await broker.subscribed.wait()


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with running_broker() as running:
        yield running


async def test_messages_of_a_topic_are_told(broker: Broker) -> None:
    """It subscribes to its topic; each message becomes values, and one that can't be read a problem."""
    async with listening(topic_source(broker)) as told:
        await subscribed(broker)
        broker.publish("building/meter", b'{"i": [7.5, 1, 2], "kW": -1.5}')
        assert await told.next_values() == {Quantity.CURRENT_L1: 7.5, Quantity.POWER: -1500.0}
        broker.publish("building/meter", b"offline")
        assert "a message that is no JSON" in await told.next_problem()
        broker.publish("building/meter", b'{"i": [8.5]}')
        assert await told.next_values() == {Quantity.CURRENT_L1: 8.5, Quantity.POWER: None}
    assert broker.topics == ["building/meter"]


async def test_a_retained_message_is_no_reading(broker: Broker) -> None:
    """What the broker had kept may be of last week: it is told as a problem, the next message counts."""
    async with listening(topic_source(broker)) as told:
        await subscribed(broker)
        broker.publish("building/meter", b'{"i": [99]}', retain=True)
        broker.publish("building/meter", b'{"i": [5]}')
        assert (await told.next_values())[Quantity.CURRENT_L1] == 5.0
        assert "only a retained message" in await told.next_problem()


async def test_messages_that_come_too_fast_make_no_reading_old(broker: Broker) -> None:
    """A reading's age counts from when it is judged, so those that would wait for that give way to the newest."""
    flood = 2_000
    async with listening(topic_source(broker)) as told, asyncio.timeout(WAIT_S):
        await subscribed(broker)
        for number in range(flood + 1):
            broker.publish("building/meter", b'{"i": [%d]}' % number)
        count = 1
        while (await told.next_values())[Quantity.CURRENT_L1] != flood:
            count += 1
        assert count < flood / 2


async def test_it_comes_back_after_the_broker_was_gone(broker: Broker) -> None:
    """A broken connection is told, and the topic subscribed anew."""
    async with listening(topic_source(broker)) as told:
        await subscribed(broker)
        broker.drop()
        assert "the connection broke" in await told.next_problem()
        await subscribed(broker)
        broker.publish("building/meter", b'{"i": [5]}')
        assert (await told.next_values())[Quantity.CURRENT_L1] == 5.0


async def test_a_broker_that_refuses_the_topic_is_told() -> None:
    """Its rights let the gateway in and not listen: nothing would ever come, and nobody would know why."""
    async with running_broker(refuses=True) as broker, listening(topic_source(broker)) as told:
        problem = await told.next_problem()
        assert "refuses to let building/meter be subscribed to" in problem
        assert "give the user the right" in problem


async def test_a_topic_on_which_nothing_comes_is_told(broker: Broker) -> None:
    """As one with a wrong name; and told again, later, when what came has ended."""
    address = parse_connection(f"mqtt://127.0.0.1:{broker.port}/building/meter")
    async with listening(TopicSource(address, VALUES, first_s=0.01, quiet_s=0.02)) as told:
        assert "nothing has come for 0.01 s; check the topic's name" in await told.next_problem()
        broker.publish("building/meter", b'{"i": [5]}')
        assert (await told.next_values())[Quantity.CURRENT_L1] == 5.0
        assert "nothing has come for 0.02 s" in await told.next_problem()


async def test_a_topic_becomes_a_reading(broker: Broker) -> None:
    """Through the poller: currents take the direction of their phase's power, as any meter's do."""
    names = [f"{kind}_l{phase}_{unit}" for kind, unit in (("current", "a"), ("power", "w")) for phase in (1, 2, 3)]
    meter = Meter(
        id="grid",
        model="mqtt",
        connection=f"mqtt://127.0.0.1:{broker.port}/building/meter",
        values=tuple(TopicValue(quantity=name, path=(name,)) for name in names),
    )
    async with reading_of(meter) as facts:
        await subscribed(broker)
        broker.publish("building/meter", orjson.dumps(dict(zip(names, (5, 6, 7, 1150, -1380, 1610), strict=True))))
        reading = await facts.next_reading()
        assert reading.current_a == PhaseAmps(5.0, -6.0, 7.0)
        assert reading.power_w == 1380.0


@pytest.mark.parametrize("password", ["secret", "wrong", None])
async def test_a_broker_that_wants_a_password(password: str | None) -> None:
    """Most of a building's have one: with it the topic is read, with another that is told."""
    async with embedded(users={"edge": "secret"}) as port:
        meter = Meter(
            id="grid",
            model="mqtt",
            connection=f"mqtt://127.0.0.1:{port}/building/meter",
            values=VALUES,
            access=BrokerAccess(username="edge", password=password),
        )
        source = open_source(meter, parse_connection(meter.connection), SystemClock())
        async with listening(source) as told:
            if password != "secret":
                assert f"no connection to mqtt://127.0.0.1:{port}" in await told.next_problem()
                return
            async with aiomqtt.Client("127.0.0.1", port, username="edge", password="secret") as publisher:
                values = asyncio.create_task(told.next_values())
                while not values.done():  # until it has subscribed
                    await publisher.publish("building/meter", b'{"i": [7.5]}')
                    await asyncio.wait([values], timeout=0.05)
                assert values.result()[Quantity.CURRENT_L1] == 7.5


async def test_an_authority_that_can_not_be_read_is_told() -> None:
    """It is no fault of this program, and the next attempt may find the file."""
    access = BrokerAccess(ca_file="/nowhere/ca.pem")
    source = TopicSource(parse_connection("mqtts://127.0.0.1:1/building/meter"), VALUES, access)
    async with listening(source) as told:
        assert "/nowhere/ca.pem can't be used" in await told.next_problem()


def test_a_topic_without_places_is_refused_in_words() -> None:
    """As `edge setup` has it, which asks for none: the sentence says what is missing and where it belongs."""
    meter = Meter(id="grid", model="mqtt", connection="mqtt://10.0.0.9/building/meter")
    with pytest.raises(StartError, match=r"messages of building/meter.*\[\[meter\.value\]\]"):
        open_source(meter, parse_connection(meter.connection), SystemClock())


async def test_no_broker_is_no_crash() -> None:
    """Where nothing listens, that is told."""
    async with running_broker() as gone:
        source = topic_source(gone)
    async with listening(source) as told:
        assert "no connection to mqtt://127.0.0.1" in await told.next_problem()


async def test_a_p1_port_behind_a_network_adapter() -> None:
    """Telegrams over TCP, in pieces; when the adapter closes, that is told."""

    async def adapter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        whole = telegram()
        for piece in (whole[-40:], whole[:300], whole[300:]):
            writer.write(piece)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(adapter, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, listening(P1Source(parse_connection(f"p1+tcp://127.0.0.1:{port}"))) as told:
        assert (await told.next_values())[Quantity.POWER] == pytest.approx(80.0)
        assert "the other side closed the connection" in await told.next_problem()


async def test_a_p1_telegram_becomes_a_reading() -> None:
    """Through the poller: the phase that feeds in has a negative current, energies come with it."""
    release = asyncio.Event()

    async def adapter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(telegram())
        await release.wait()
        writer.close()

    server = await asyncio.start_server(adapter, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    meter = Meter(id="grid", model="dsmr_p1", connection=f"p1+tcp://127.0.0.1:{port}")
    async with server, reading_of(meter) as facts:
        reading = await facts.next_reading()
        release.set()
    assert reading.current_a == PhaseAmps(11.0, -16.0, 6.0)
    assert reading.voltage_v == (230.1, 231.2, 229.4)
    assert reading.import_wh == pytest.approx(2_000_000.0)
