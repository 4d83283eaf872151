"""What the building sees of the site: it reads the gateway's registers, and hears its topics."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

from edge.config import Configuration
from simulators.site import Endpoint
from simulators.world.broker import WorldBroker
from simulators.world.limits import GONE
from simulators.world.modbus_master import MASTER, Master
from simulators.world.node import start_on

READS_S: Final = 20.0  # so often, as a building does that draws a curve
SITE_REGISTERS: Final = 60
EVSE_BASE, EVSE_STRIDE = 100, 20
CIRCUIT_BASE, CIRCUIT_STRIDE = 30_000, 20

Place = tuple[int, int, bool, float]  # the first register, how many, whether it is signed, the unit of a step


def _phases(stem: str, register: int, words: int, step: float) -> dict[str, Place]:
    return {stem.format(n + 1): (register + n * words, words, True, step) for n in range(3)}


# As an integrator would copy them from the manual.
SITE: Final[Mapping[str, Place]] = {
    "power_w": (10, 2, True, 1.0),
    **_phases("current_l{}_a", 18, 1, 0.1),
    "charging_power_w": (40, 2, True, 1.0),
    **_phases("charging_current_l{}_a", 42, 1, 0.1),
    "limit_w": (46, 2, False, 1.0),
    "limit_l1_a": (48, 1, False, 0.1),
    "limit_reason": (51, 1, False, 1.0),
}
EVSE: Final[Mapping[str, Place]] = {
    "state": (0, 1, False, 1.0),
    "vehicle_connected": (1, 1, False, 1.0),
    **_phases("current_l{}_a", 2, 1, 0.1),
    "power_w": (5, 2, True, 1.0),
    "session_wh": (7, 2, False, 1.0),
    "allocated_a": (9, 1, False, 0.1),
    "priority": (10, 1, False, 1.0),
}
CIRCUIT: Final[Mapping[str, Place]] = {
    **_phases("current_l{}_a", 0, 1, 0.1),
    "rating_a": (3, 1, False, 0.1),
    "limit_a": (7, 1, False, 0.1),
    "limit_w": (8, 2, False, 1.0),
    "limit_reason": (10, 1, False, 1.0),
}
CODES: Final[Mapping[str, Mapping[str, int]]] = {
    "state": {
        name: code
        for code, name in enumerate(
            (
                "Available",
                "Preparing",
                "Charging",
                "SuspendedEV",
                "SuspendedEVSE",
                "Finishing",
                "Reserved",
                "Unavailable",
                "Faulted",
                "Unknown",
                "Occupied",
            )
        )
    },
    "limit_reason": {
        name: code
        for code, name in enumerate(
            ("fuse", "bms", "grid", "tariff", "fallback", "schedule", "cloud", "installer"), start=1
        )
    },
    "vehicle_connected": {"false": 0, "true": 1},
}

Seen = dict[str, float | None]  # by topic below the site's, None: not available


class Shown:
    """Both ways, as far as the site file opens them. ``modbus`` is what was read last, ``read_at`` when."""

    def __init__(self, configuration: Configuration, broker: WorldBroker | None) -> None:
        self._configuration, self._broker = configuration, broker
        self._base = f"edge/{configuration.site.id}/"
        self.modbus: Seen = {}
        self.read_at: float | None = None

    @property
    def is_read(self) -> bool:
        """Whether there are registers to be read."""
        return self._configuration.bms.modbus is not None

    async def read_on(self) -> None:
        """Read the registers again and again."""
        while True:
            await asyncio.sleep(READS_S)
            try:
                seen = await start_on(MASTER, self._read())
            except GONE:
                continue
            if seen is not None:
                self.modbus, self.read_at = seen, asyncio.get_running_loop().time()

    def mqtt(self) -> Seen | None:
        """What lies at the broker now; None: it is gone, or there is none, or the gateway hasn't come yet."""
        retained = self._broker.retained() if self._broker is not None else {}
        if retained.get(f"{self._base}status") != b"online":
            return None
        return {
            topic.removeprefix(self._base): _number(topic, payload)
            for topic, payload in retained.items()
            if topic.rpartition("/")[2] in ALL
        }

    async def _read(self) -> Seen | None:
        modbus = self._configuration.bms.modbus
        assert modbus is not None  # noqa: S101 - nobody reads else
        master = await Master.dial(Endpoint(host=modbus.listen.host, port=modbus.listen.port))
        seen: Seen = {}
        try:
            for topic, base, places in self._blocks():
                words = await master.read(base, max(first + count for first, count, _, _ in places.values()))
                if words is None:
                    return None
                seen |= {f"{topic}/{name}": _value(words, *place) for name, place in places.items()}
        finally:
            master.close()
        return seen

    def _blocks(self) -> Iterator[tuple[str, int, Mapping[str, Place]]]:
        """Each block's topic, first register and places."""
        site = self._configuration.site
        yield "site", 0, SITE
        for number, evse in enumerate(site.evses):
            yield f"cp/{evse.key.station}/{evse.key.evse}", EVSE_BASE + EVSE_STRIDE * number, EVSE
        for number, circuit in enumerate(site.circuits):
            yield f"circuit/{circuit.id}", CIRCUIT_BASE + CIRCUIT_STRIDE * number, CIRCUIT


ALL: Final = frozenset({*SITE, *EVSE, *CIRCUIT})


def _value(words: tuple[int, ...], first: int, count: int, signed: bool, step: float) -> float | None:
    raw = b"".join(word.to_bytes(2, "big") for word in words[first : first + count])
    absent = b"\x80" + bytes(len(raw) - 1) if signed else b"\xff" * len(raw)
    return None if raw == absent else int.from_bytes(raw, "big", signed=signed) * step


def _number(topic: str, payload: bytes) -> float | None:
    """A payload as the registers have it."""
    said, name = payload.decode(), topic.rpartition("/")[2]
    return float(CODES[name][said]) if said in CODES.get(name, {}) else float(said)
