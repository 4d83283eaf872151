"""`edge-sim bms` against the gateway's interface, and its broker against what a broker must do."""

import asyncio
import contextlib
import json

import aiomqtt
import pytest

from edge.bms.facility import Facility
from edge.bms.settings import FacilitySettings, ModbusSettings, MqttSettings, WritePolicy
from edge.clock import SystemClock
from simulators.bms.broker import Broker
from simulators.bms.mqtt_packets import matches
from simulators.site import Endpoint
from tests.forked import as_text, forked
from tests.unit.bms.bms_site import Hands, Taken, report, site
from tests.wire.mqtt_brokers import UP_S, embedded, watching

POLICY = WritePolicy(writable=True, limit_timeout_s=60.0, fallback_a=20.0)


async def sim(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of `edge-sim bms`."""
    ended = as_text(await asyncio.to_thread(forked, "simulators", "bms", *arguments))
    return ended.returncode, ended.stdout, ended.stderr


async def test_it_reads_and_limits_over_modbus() -> None:
    """As the manual says; a refusal is told in a sentence."""
    taken = Taken()
    settings = FacilitySettings(modbus=ModbusSettings(host="127.0.0.1", port=0, policy=POLICY))
    facility = Facility(site(), settings, clock=Hands(), version="test", sink=taken)
    await facility.start()
    facility.publish(report() | facility.report())
    try:
        address = f"127.0.0.1:{facility.modbus_port}"
        code, out, _ = await sim("--modbus", address, "--limit-a", "16", "--valid", "30", "--json")
        assert code == 0
        assert json.loads(out)["power_w"] == 8650
        assert taken.limits[-1].limit_a == 16.0
        code, _, err = await sim("--modbus", address, "--limit-a", "100")
        assert (code, err) == (1, "edge-sim: the gateway refuses: Modbus exception 3\n")
    finally:
        await facility.stop()


async def test_it_reads_and_limits_over_mqtt() -> None:
    """At the broker that the gateway is at; commands need a clock of today."""
    clock = RealHands()
    async with embedded() as port:
        mqtt = MqttSettings(host="127.0.0.1", port=port, tls=False, policy=POLICY)
        facility = Facility(site(), FacilitySettings(mqtt=mqtt), clock=clock, version="test", sink=Taken())
        async with watching(port, "edge/harbour-3/status") as watcher:
            await facility.start()
            await watcher.next(payload=b"online")
        ticking = asyncio.create_task(ticks(facility))
        try:
            arguments = ("--mqtt", f"127.0.0.1:{port}", "--site", "harbour-3", "--json")
            code, out, _ = await sim(*arguments)
            assert (code, json.loads(out)["power_w"]) == (0, 8650.4)
            code, out, _ = await sim(*arguments, "--limit-a", "10")
            assert (code, json.loads(out)["accepted"]) == (0, True)
        finally:
            ticking.cancel()
            await facility.stop()


class RealHands(Hands):
    """With today's time: the simulated building stamps its commands with it."""

    def __init__(self) -> None:
        super().__init__(wall=SystemClock().wall())


async def ticks(facility: Facility) -> None:
    for number in range(10_000):
        facility.publish(report(ticks=number) | facility.report())
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give one of --modbus"),
        (("--mqtt", "127.0.0.1:1", "--modbus", "127.0.0.1:1"), "give one of --modbus"),
        (("--mqtt", "127.0.0.1:1"), "--site: is missing"),
        (("--modbus", "127.0.0.1:1", "--limit-a", "-1"), "--limit-a: must be"),
        (("--modbus", "127.0.0.1:1", "--broker"), "--broker: needs --mqtt"),
    ],
)
async def test_wrong_input_is_told(arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2 and one sentence."""
    code, _, err = await sim(*arguments)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "$SYS/x", False),
        ("+/b", "a/b", True),
        ("a", "a/b", False),
    ],
)
def test_filters_take_what_the_specification_says(pattern: str, topic: str, fits: bool) -> None:
    """MQTT 5 §4.7."""
    assert matches(pattern, topic) is fits


async def test_the_broker_keeps_forgets_and_carries_out_wills() -> None:
    """Retained messages for who comes later, until an empty one; a will where the connection just ends."""
    async with embedded() as port:
        async with watching(port, "#") as first:
            await first.send("a/b", "1", retain=True)
            assert (await first.next("a/b")).retain is False
        async with watching(port, "a/#") as late:
            assert (await late.next("a/b", b"1")).retain is True
            await late.send("a/b", b"", retain=True)
            await late.next("a/b", b"")
        async with watching(port, "will") as watcher:
            will = b"\x00\x04MQTT\x04\x06\x00\x0a\x00\x01x\x00\x04will\x00\x04gone"
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(bytes((0x10, len(will))) + will)
            await writer.drain()
            writer.close()
            await watcher.next("will", b"gone")


JUNK = (b"\x00\x00", b"\x30\x02\x00\x01", b"\x10\xff\xff\xff\xff\xff", b"\x20\x02\x00\x00")


@pytest.mark.parametrize("junk", JUNK)
async def test_junk_ends_a_connection_to_the_broker(junk: bytes) -> None:
    """And nobody else's."""
    async with embedded() as port, watching(port, "x") as other:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(junk)
        assert await asyncio.wait_for(reader.read(), UP_S) == b""
        writer.close()
        await other.send("x", "alive")
        await other.next("x", b"alive")


async def test_a_name_is_used_once() -> None:
    """Who comes second under a name puts the first one out (MQTT 5 §3.1.4)."""
    broker = await Broker().open(Endpoint(host="127.0.0.1", port=0))
    try:
        with contextlib.suppress(aiomqtt.MqttError):  # the first one can't take leave any more
            async with aiomqtt.Client("127.0.0.1", broker.port, identifier="same") as first:
                await first.subscribe("x")
                async with aiomqtt.Client("127.0.0.1", broker.port, identifier="same"):
                    with pytest.raises(aiomqtt.MqttError):
                        await asyncio.wait_for(anext(first.messages), UP_S)
    finally:
        await broker.close()
