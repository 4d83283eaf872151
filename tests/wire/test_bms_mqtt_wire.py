"""The MQTT client against real brokers: the embedded one and, where it is installed, mosquitto."""

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from structlog.testing import capture_logs

from edge.bms.facility import Facility
from edge.bms.settings import FacilitySettings, MqttSettings, MqttVersion, WritePolicy
from edge.domain.limit import LimitStated
from edge.errors import StartError
from simulators.ports import free_endpoints
from tests.mqtt_broker import running_broker
from tests.unit.bms.bms_site import Hands, Taken, report, site
from tests.wire.mqtt_brokers import MOSQUITTO, NO_MOSQUITTO, UP_S, embedded, mosquitto, watching

BASE = "edge/harbour-3"
STATUS, COMMAND, ACK = f"{BASE}/status", f"{BASE}/cmd/limit", f"{BASE}/cmd/limit/ack"
SHOWN = "homeassistant/device/edge_3a_harbour-3/config"
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)
BROKERS = [pytest.param("embedded"), pytest.param("mosquitto", marks=needs_mosquitto)]

Start = Callable[[], AbstractAsyncContextManager[int]]


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """How to start each kind of broker."""
    return embedded if request.param == "embedded" else lambda: mosquitto(tmp_path)


def settings(port: int) -> MqttSettings:
    return MqttSettings(
        host="127.0.0.1",
        port=port,
        tls=False,
        policy=WritePolicy(writable=True, limit_timeout_s=60.0, fallback_a=20.0),
    )


class Gateway:
    """A facility with nothing but MQTT."""

    def __init__(self, mqtt: MqttSettings, taken: Taken | None = None) -> None:
        self.clock = Hands()
        self.taken = taken if taken is not None else Taken()
        self.facility = Facility(site(), FacilitySettings(mqtt=mqtt), clock=self.clock, version="test", sink=self.taken)

    def tick(self, number: int) -> None:
        limits = {"limits": self.facility.limits.report(self.clock.now)}
        self.facility.publish(report(ticks=number) | limits | self.facility.report())

    def command(self, number: int, **fields: object) -> str:
        return json.dumps({"id": str(number), "ts": self.clock.wall().isoformat()} | fields)


@asynccontextmanager
async def gateway(mqtt: MqttSettings, taken: Taken | None = None) -> AsyncIterator[Gateway]:
    running = Gateway(mqtt, taken)
    running.tick(1)
    await running.facility.start()
    try:
        yield running
    finally:
        await running.facility.stop()


@pytest.mark.parametrize("version", list(MqttVersion))
async def test_telemetry_commands_and_farewell(broker: Start, version: MqttVersion) -> None:
    """Online, the tick's values, a limit with its answer, offline; over both versions of the protocol."""
    async with broker() as port, watching(port, STATUS, f"{BASE}/site/#", ACK) as bms:
        async with gateway(replace(settings(port), version=version)) as running:
            await bms.next(STATUS, b"online")
            state = json.loads((await bms.next(f"{BASE}/site/state")).payload)
            assert (state["tick"], state["site"]["power_w"]) == (1, 8650.4)
            running.tick(2)
            await bms.next(f"{BASE}/site/heartbeat", b"2")
            await bms.send(COMMAND, running.command(1, max_a=16, valid_s=30))
            answer = json.loads((await bms.next(ACK)).payload)
            assert (answer["id"], answer["accepted"], answer["effective"]["limit_a"]) == ("1", True, 16.0)
            assert (answer["effective"]["reason"], answer["effective"]["remaining_s"]) == ("bms", 30.0)
            assert running.taken.limits[-1].limit_a == 16.0
            await bms.send(COMMAND, running.command(2, max_a=99))
            assert json.loads((await bms.next(ACK)).payload)["accepted"] is False
            assert running.taken.limits[-1].limit_a == 16.0
        await bms.next(STATUS, b"offline")


async def test_who_comes_later_finds_what_is_retained(broker: Start) -> None:
    """Scalars and the status are; the snapshot isn't."""
    async with broker() as port, gateway(settings(port)) as running:
        async with watching(port, f"{BASE}/limit/effective") as first:
            await first.next()
        running.tick(2)
        async with watching(port, f"{BASE}/#") as late:
            status = await late.next(STATUS)
            power = await late.next(f"{BASE}/cp/CP-01/1/power_w")
            assert (status.payload, status.retain, power.retain) == (b"online", True, True)
            running.tick(3)
            assert not (await late.next(f"{BASE}/site/state")).retain


async def test_a_retained_command_is_ignored(broker: Start) -> None:
    """Whoever left it there, and whenever; the one after it is carried out."""
    async with broker() as port, watching(port, ACK, STATUS) as bms:
        await bms.send(COMMAND, Gateway(settings(port)).command(1, max_a=0), retain=True)
        async with gateway(settings(port)) as running:
            await bms.next(STATUS, b"online")
            await bms.send(COMMAND, running.command(2, max_a=10))
            assert json.loads((await bms.next(ACK)).payload)["id"] == "2"
            assert [limit.limit_a for limit in running.taken.limits] == [None, 10.0]


async def test_a_command_that_is_to_be_retained_is_ignored_from_the_first_time_on(broker: Start) -> None:
    """Not carried out once, and never again after the next reconnection: MQTT 5 tells us, and it was asked to."""
    async with broker() as port, watching(port, ACK, STATUS) as bms, gateway(settings(port)) as running:
        await bms.next(STATUS, b"online")
        await bms.send(COMMAND, running.command(1, max_a=0), retain=True)
        await bms.send(COMMAND, running.command(2, max_a=10))
        assert json.loads((await bms.next(ACK)).payload)["id"] == "2"
        assert [limit.limit_a for limit in running.taken.limits] == [None, 10.0]


async def test_a_broker_that_is_lost_is_dialled_again() -> None:
    """Ticks go on meanwhile and wait for nobody; afterwards everything is there again."""
    port = free_endpoints(1)[0].port
    async with embedded(port), watching(port, STATUS) as bms:
        running = Gateway(settings(port))
        await running.facility.start()
        await bms.next(STATUS, b"online")
    for number in range(100):
        running.tick(number)
    async with embedded(port), watching(port, f"{BASE}/#") as bms:
        await bms.next(STATUS, b"online")
        await bms.next(f"{BASE}/site/power_w")
        await running.facility.stop()
        await bms.next(STATUS, b"offline")


@pytest.mark.parametrize("turns", range(6))
async def test_a_machine_that_stalls_says_farewell_all_the_same(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second passes at any moment of its end; nobody is to think that the gateway is there still."""
    loop = asyncio.get_running_loop()
    real_time, ahead_s = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: real_time() + ahead_s)
    async with embedded() as port, watching(port, STATUS) as bms:
        running = Gateway(settings(port))
        await running.facility.start()
        await bms.next(STATUS, b"online")
        stopping = asyncio.create_task(running.facility.stop())
        for _ in range(turns):
            await asyncio.sleep(0)
        ahead_s += 1.0
        await stopping
        await bms.next(STATUS, b"offline")


class DeafBroker:
    """A broker of MQTT 3.1.1 that takes everything, and confirms what is retained only (§3.4)."""

    def __init__(self) -> None:
        self.published: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.connections: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        try:
            while True:
                first = (await reader.readexactly(1))[0]
                length, shift = 0, 0
                while (byte := (await reader.readexactly(1))[0]) & 0x80:
                    length, shift = length | (byte & 0x7F) << shift, shift + 7
                body = await reader.readexactly(length | byte << shift)
                match first >> 4:
                    case 1:  # CONNECT
                        writer.write(b"\x20\x02\x00\x00")
                    case 8:  # SUBSCRIBE
                        writer.write(b"\x90\x03" + body[:2] + b"\x01")
                    case 12:  # PINGREQ
                        writer.write(b"\xd0\x00")
                    case 3:  # PUBLISH
                        end = 2 + int.from_bytes(body[:2])
                        confirmed = bool(first & 0x06)
                        if confirmed and first & 0x01:
                            writer.write(b"\x40\x02" + body[end : end + 2])
                        self.published.put_nowait((body[2:end].decode(), body[end + 2 * confirmed :]))
        except asyncio.IncompleteReadError:
            writer.close()

    def send(self, topic: str, payload: bytes) -> None:
        body = len(topic).to_bytes(2) + topic.encode() + payload
        assert len(body) < 0x80
        self.connections[-1].write(bytes((0x30, len(body))) + body)

    async def next(self, topic: str) -> bytes:
        """The next of that topic; others are passed over."""
        async with asyncio.timeout(UP_S):
            while (found := await self.published.get())[0] != topic:
                pass
        return found[1]


async def test_an_answer_that_is_not_confirmed_holds_nothing_up() -> None:
    """In a flood the broker's confirmation comes late, or never: each tick is published, and the connection stays."""
    broker = DeafBroker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, gateway(replace(settings(port), version=MqttVersion.V3_1_1)) as running:
        await broker.next(f"{BASE}/site/state")
        for number in range(3):
            broker.send(COMMAND, running.command(number, max_a=16).encode())
            assert json.loads(await broker.next(ACK))["id"] == str(number)
            running.tick(10 + number)
            while await broker.next(f"{BASE}/site/heartbeat") != b"%d" % (10 + number):
                pass
        assert len(broker.connections) == 1


async def test_a_fault_over_one_message_ends_nothing() -> None:
    """What goes wrong in the program while one command is carried out costs that command only."""

    class Faulty(Taken):
        def take(self, fact: LimitStated) -> None:
            if fact.limit_a == 13:
                raise RuntimeError("a fault of the program")
            super().take(fact)

    async with embedded() as port, watching(port, STATUS, ACK) as bms, gateway(settings(port), Faulty()) as running:
        await bms.next(STATUS, b"online")
        for number, max_a in enumerate((13, 14)):
            await bms.send(COMMAND, running.command(number, max_a=max_a))
        assert json.loads((await bms.next(ACK)).payload)["id"] == "1"
        assert running.taken.limits[-1].limit_a == 14


async def test_a_flood_of_junk_changes_nothing(broker: Start) -> None:
    """10,000 messages that are no commands: no limit, and every tick is published."""
    async with broker() as port, watching(port, STATUS) as bms, gateway(settings(port)) as running:
        await bms.next(STATUS, b"online")
        before = list(running.taken.limits)

        async def flood() -> None:
            for number in range(10_000):
                await bms.send(COMMAND, b"\xff{junk %d" % number, qos=0)

        async with watching(port, f"{BASE}/site/heartbeat") as witness:
            flooding = asyncio.create_task(flood())
            for number in range(100, 110):
                running.tick(number)
                await witness.next(payload=b"%d" % number)
            await flooding
        assert running.taken.limits == before
        assert running.facility.report()["bms"]["mqtt"]["dropped"] > 0


async def test_commands_are_heard_through_a_flood_of_junk(broker: Start) -> None:
    """Who floods the topic with what is no command, or of another day, takes no place from those that are."""
    async with broker() as port, watching(port, STATUS) as bms, gateway(settings(port)) as running:
        await bms.next(STATUS, b"online")
        stop, under_way = asyncio.Event(), asyncio.Event()

        async def flood(junk: bytes) -> None:
            while not stop.is_set():
                for _ in range(200):
                    await bms.send(COMMAND, junk, qos=0)
                under_way.set()

        floods = [asyncio.create_task(flood(junk)) for junk in (b"\xff{junk", b'{"id": "junk", "ts": 0, "max_a": 1}')]
        try:
            await under_way.wait()
            async with watching(port, ACK) as other, asyncio.timeout(UP_S):
                for number in range(3):
                    await other.send(COMMAND, running.command(number, max_a=10 + number))
                    while json.loads((await other.next(ACK)).payload)["id"] != str(number):
                        pass
                    assert running.taken.limits[-1].limit_a == 10 + number
        finally:
            stop.set()
            await asyncio.gather(*floods)


@needs_mosquitto
async def test_a_huge_command_is_kept_back_by_the_broker(tmp_path: Path) -> None:
    """Over MQTT 5 nothing of it comes; a long one that comes is refused unread; the next is carried out."""
    async with mosquitto(tmp_path) as port, watching(port, STATUS, ACK) as bms, gateway(settings(port)) as running:
        await bms.next(STATUS, b"online")
        await bms.send(COMMAND, b"[" * 10_000_000)
        await bms.send(COMMAND, b"[" * 50_000)
        assert json.loads((await bms.next(ACK)).payload)["reason"] == "longer than 4096 bytes"
        await bms.send(COMMAND, running.command(2, max_a=10))
        assert json.loads((await bms.next(ACK)).payload)["id"] == "2"
        assert running.taken.limits[-1].limit_a == 10.0


async def test_a_broker_that_refuses_subscriptions_is_told() -> None:
    """Else a building that may write, and whose commands are never heard, would look for the fault everywhere else."""
    with capture_logs() as logs:
        async with (
            asyncio.timeout(UP_S),
            running_broker(refuses=True) as broker,
            gateway(replace(settings(broker.port), version=MqttVersion.V3_1_1)),
        ):
            await broker.heard.wait()  # of what it publishes afterwards
    (told,) = [line for line in logs if "refuses subscriptions" in line["event"]]
    assert told["topics"] == f"{COMMAND}, {BASE}/cmd/mode"
    assert "right to subscribe" in told["remedy"]


def thrown_away(logs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lines that tell of it."""
    return [line for line in logs if "throws away" in line["event"]]


@needs_mosquitto
@pytest.mark.parametrize(
    ("rules", "refused"),
    [
        (f"topic read {BASE}/cmd/#", [STATUS, SHOWN]),
        (f"topic readwrite {BASE}/#", [SHOWN]),
        (f"topic readwrite {BASE}/#\ntopic readwrite homeassistant/#", []),
    ],
    ids=["reads alone", "no discovery", "all"],
)
async def test_a_broker_that_takes_nothing_is_told(tmp_path: Path, rules: str, refused: list[str]) -> None:
    """Its access list leaves out what is published: it confirms that all the same, and throws it away. The building
    sees nothing of a gateway that says it is connected."""
    (tmp_path / "rules").write_text(f"{rules}\n", encoding="utf-8")
    (tmp_path / "rules").chmod(0o700)
    with capture_logs() as logs:
        async with (
            asyncio.timeout(UP_S),
            mosquitto(tmp_path, extra=f"acl_file {tmp_path / 'rules'}") as port,
            watching(port, "homeassistant/#") as viewer,
            gateway(replace(settings(port), discovery=True)),
        ):
            if not refused:
                await viewer.next()
            while len(told := thrown_away(logs)) < len(refused):  # noqa: ASYNC110 - a log sets no event
                await asyncio.sleep(0.01)
    assert [(line["topic"], line["problem"]) for line in told] == [(topic, "Not authorized") for topic in refused]


@needs_mosquitto
async def test_answers_that_the_broker_throws_away_are_told(tmp_path: Path) -> None:
    """It lets the site's values through, and no answers to commands."""
    rules = f"topic readwrite {BASE}/status\ntopic readwrite {COMMAND}\n"
    (tmp_path / "rules").write_text(rules, encoding="utf-8")
    (tmp_path / "rules").chmod(0o700)
    with capture_logs() as logs:
        async with (
            asyncio.timeout(UP_S),
            mosquitto(tmp_path, extra=f"acl_file {tmp_path / 'rules'}") as port,
            watching(port, STATUS) as bms,
            gateway(settings(port)) as running,
        ):
            await bms.next(STATUS, b"online")
            await bms.send(COMMAND, running.command(1, max_a=10))
            while not (told := thrown_away(logs)):  # noqa: ASYNC110 - a log sets no event
                await asyncio.sleep(0.01)
    assert [line["topic"] for line in told] == [ACK]


async def test_a_password_opens_the_broker() -> None:
    """And without it the client isn't let in."""
    async with embedded(users={"edge": "secret"}) as port:
        async with aiomqtt.Client("127.0.0.1", port, username="edge", password="secret", identifier="w") as client:
            await client.subscribe(STATUS)
            async with gateway(replace(settings(port), username="edge", password="secret")):
                message = await asyncio.wait_for(anext(client.messages), UP_S)
                assert message.payload == b"online"
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", port, username="edge", password="wrong"):
                pass


def certificates(folder: Path) -> None:
    """An authority, a server's certificate for localhost, a client's."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)  # noqa: S607

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n", encoding="utf-8")
    for name in ("server", "client"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", "names")  # fmt: skip


@needs_mosquitto
async def test_tls_with_a_client_certificate(tmp_path: Path) -> None:
    """The broker is proved to the client by its authority, the client to the broker by its certificate."""
    await asyncio.to_thread(certificates, tmp_path)
    extra = "\n".join(
        (
            f"cafile {tmp_path}/ca.pem",
            f"certfile {tmp_path}/server.pem",
            f"keyfile {tmp_path}/server.key",
            "require_certificate true",
        )
    )
    secured = {
        "tls": True,
        "ca_file": tmp_path / "ca.pem",
        "certificate_file": tmp_path / "client.pem",
        "key_file": tmp_path / "client.key",
    }
    async with mosquitto(tmp_path, extra=extra) as port:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        context.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
        async with aiomqtt.Client("127.0.0.1", port, tls_context=context) as client:
            await client.subscribe(STATUS)
            async with gateway(replace(settings(port), **secured)):  # type: ignore[arg-type] # three types in one dict
                message = await asyncio.wait_for(anext(client.messages), UP_S)
                assert message.payload == b"online"


def test_certificates_that_can_not_be_read_are_told_at_the_start(tmp_path: Path) -> None:
    """In a sentence, before anything listens."""
    broken = replace(settings(1883), tls=True, ca_file=tmp_path / "missing.pem")
    with pytest.raises(StartError, match="certificates of"):
        Gateway(broken)
