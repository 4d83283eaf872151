"""The building's end of the wire, as its own programs have it: reads and limits over Modbus TCP and MQTT."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import aiomqtt
import orjson
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from simulators.errors import PeerError
from simulators.site import Endpoint

UNIT: Final = 1
ANSWER_S: Final = 5.0
MAGIC: Final = 0x4547
LIMIT_A_REGISTER: Final = 4
VALID_REGISTER: Final = 5

# What is shown, as an integrator would copy it from the manual: name → register, words, signed, unit per step.
SHOWN: Final[Mapping[str, tuple[int, int, bool, float]]] = {
    "heartbeat": (2, 1, False, 1),
    "status_bits": (3, 1, False, 1),
    "power_w": (10, 2, True, 1),
    "current_l1_a": (18, 1, True, 0.1),
    "current_l2_a": (19, 1, True, 0.1),
    "current_l3_a": (20, 1, True, 0.1),
    "charging_power_w": (40, 2, True, 1),
    "limit_w": (46, 2, False, 1),
    "limit_l1_a": (48, 1, False, 0.1),
    "limit_reason": (51, 1, False, 1),
    "limit_remaining_s": (52, 1, False, 1),
}


class ModbusMaster:
    """A Modbus master; each method raises PeerError where the gateway doesn't do as asked."""

    def __init__(self, gateway: Endpoint) -> None:
        self._gateway = gateway
        self._client = AsyncModbusTcpClient(gateway.host, port=gateway.port, timeout=ANSWER_S, retries=0)

    async def open(self) -> None:
        if not await self._client.connect():
            raise PeerError(f"no Modbus server answers on {self._gateway}")

    def close(self) -> None:
        self._client.close()

    async def read(self) -> dict[str, float | None]:
        """The shown values, all of one control cycle."""
        try:
            answer = _sound(await self._client.read_input_registers(0, count=60, device_id=UNIT))
        except ModbusException as exc:
            raise PeerError(f"{self._gateway} doesn't answer: {exc}") from exc
        if answer.registers[0] != MAGIC:
            raise PeerError(f"{self._gateway} is a Modbus server, but no gateway of this kind")
        return {name: _value(answer.registers, *place) for name, place in SHOWN.items()}

    async def limit(self, limit_a: float, valid_s: int) -> None:
        """Limit the site, per phase; 0 s stands for the configured time."""
        try:
            _sound(await self._client.write_registers(LIMIT_A_REGISTER, [round(limit_a * 10), valid_s], device_id=UNIT))
        except ModbusException as exc:
            raise PeerError(f"{self._gateway} doesn't answer: {exc}") from exc


def _sound(answer: ModbusPDU) -> ModbusPDU:
    if answer.isError():
        raise PeerError(f"the gateway refuses: Modbus exception {answer.exception_code}")
    return answer


def _value(registers: Sequence[int], register: int, words: int, signed: bool, scale: float) -> float | None:
    raw = b"".join(word.to_bytes(2, "big") for word in registers[register : register + words])
    absent = b"\x80" + bytes(len(raw) - 1) if signed else b"\xff" * len(raw)
    return None if raw == absent else round(int.from_bytes(raw, "big", signed=signed) * scale, 3)


class MqttBuilding:
    """A client at the broker that knows one site."""

    def __init__(self, client: aiomqtt.Client, site: str) -> None:
        self._client = client
        self._base = f"edge/{site}"

    async def state(self) -> dict[str, Any]:
        """The next snapshot. Raises PeerError if none comes."""
        topic = f"{self._base}/site/state"
        await self._client.subscribe(topic)
        return await self._next(topic)

    async def limit(self, limit_a: float, valid_s: int, identity: str) -> dict[str, Any]:
        """Limit the site, per phase; the gateway's answer. Raises PeerError if none comes."""
        command: dict[str, Any] = {"id": identity, "ts": datetime.now(UTC).isoformat(), "max_a": limit_a}
        if valid_s:
            command["valid_s"] = valid_s
        await self._client.subscribe(f"{self._base}/cmd/limit/ack", qos=1)
        await self._client.publish(f"{self._base}/cmd/limit", orjson.dumps(command), qos=1)
        while True:
            answer = await self._next(f"{self._base}/cmd/limit/ack")
            if answer.get("id") == identity:
                return answer

    async def _next(self, topic: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWER_S):
                async for message in self._client.messages:
                    if message.topic.value == topic:
                        body: dict[str, Any] = orjson.loads(message.payload)
                        return body
        except TimeoutError:
            pass
        raise PeerError(f"nothing comes on {topic}: is the site's id right, and the gateway connected?")


@asynccontextmanager
async def building(broker: Endpoint, site: str) -> AsyncIterator[MqttBuilding]:
    """Connected to the broker. Raises PeerError."""
    try:
        async with aiomqtt.Client(broker.host, broker.port, timeout=ANSWER_S) as client:
            yield MqttBuilding(client, site)
    except aiomqtt.MqttError as exc:
        raise PeerError(f"the broker on {broker}: {exc}") from exc
