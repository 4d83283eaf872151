"""What the building allows its connection, over Modbus or MQTT: said by peers of its own, and known to who judges."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from edge.config import Configuration
from simulators.errors import ScenarioError
from simulators.site import Endpoint
from simulators.world.broker import WorldBroker
from simulators.world.modbus_master import LIMIT_W, MASTER, Master
from simulators.world.node import start_on

MODBUS, MQTT = "modbus", "mqtt"
WAYS: Final = (MODBUS, MQTT)
AGAIN_S: Final = 20.0  # so often it is said, changed or not
VALID_S: Final = 60  # and so long it holds
NO_WATTS, NO_AMPS = 0xFFFFFFFF, 0xFFFF
GONE: Final = (OSError, TimeoutError, EOFError)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSpec:
    """From second `from_s` to `to_s` the building allows its connection `max_a` per phase, `max_w` in all, or both;
    it says so over Modbus or MQTT, whichever is `over`.
    """

    over: str
    from_s: float
    to_s: float
    max_a: float | None = None
    max_w: float | None = None


class Limits:
    """All that the building says; each way by a peer of its own, of which the lowest holds.

    Raises ScenarioError where the site takes no limits that way.
    """

    def __init__(
        self,
        specs: Sequence[LimitSpec],
        *,
        configuration: Configuration,
        broker: WorldBroker | None,
        now: Callable[[], float],
        wall: Callable[[], datetime],
    ) -> None:
        self._specs = tuple(specs)
        self._modbus, self._broker = configuration.bms.modbus, broker
        self._topic = f"edge/{configuration.site.id}/cmd/limit"
        self._now, self._wall = now, wall
        self._said: dict[str, tuple[float, float | None, float | None]] = {}  # by way: when it was taken, A, W

        bms = configuration.bms
        listens = {
            MODBUS: bms.modbus is not None and bms.modbus.writable,
            MQTT: bms.mqtt is not None and bms.mqtt.writable,
        }
        for way in sorted({spec.over for spec in specs}):
            if not listens[way]:
                raise ScenarioError(f"limit: the scenario's site takes none: it needs [bms.{way}] with writable = true")

    def talks(self) -> Iterator[Coroutine[None, None, None]]:
        """The peers, each if there is anything that it will say; they never end."""
        for way in sorted({spec.over for spec in self._specs}):
            yield self._talk(way)

    def held(self) -> tuple[float | None, float | None]:
        """The lowest that the gateway has taken, and still has to hold to, in A and in W."""
        fresh = [each for each in self._said.values() if self._now() - each[0] < VALID_S]
        return _lowest(each[1] for each in fresh), _lowest(each[2] for each in fresh)

    async def _talk(self, way: str) -> None:
        changes = sorted({at for spec in self._specs if spec.over == way for at in (spec.from_s, spec.to_s)})
        while True:
            now = self._now()
            mine = [spec for spec in self._specs if spec.over == way and spec.from_s <= now < spec.to_s]
            max_a, max_w = _lowest(spec.max_a for spec in mine), _lowest(spec.max_w for spec in mine)
            try:
                await (self._over_modbus(max_a, max_w) if way == MODBUS else self._over_mqtt(max_a, max_w))
                self._said[way] = (self._now(), max_a, max_w)
            except GONE:
                pass  # the gateway or the broker is gone: it is said again
            next_at = min([now + AGAIN_S, *(at for at in changes if at > now)])
            await asyncio.sleep(max(0.0, next_at - self._now()))

    async def _over_modbus(self, max_a: float | None, max_w: float | None) -> None:
        assert self._modbus is not None  # noqa: S101 - seen when it began
        watts = NO_WATTS if max_w is None else round(max_w)
        amps = NO_AMPS if max_a is None else round(10 * max_a)
        server = Endpoint(host=self._modbus.listen.host, port=self._modbus.listen.port)
        await start_on(MASTER, _write(server, (watts >> 16, watts & 0xFFFF, amps, VALID_S)))

    async def _over_mqtt(self, max_a: float | None, max_w: float | None) -> None:
        assert self._broker is not None  # noqa: S101 - seen when it began
        said = {"id": f"{self._now():.3f}", "ts": self._wall(), "max_a": max_a, "max_w": max_w, "valid_s": VALID_S}
        await self._broker.tell(self._topic, [orjson.dumps(said)])


async def _write(server: Endpoint, registers: Sequence[int]) -> None:
    master = await Master.dial(server)
    try:
        if not await master.write(LIMIT_W, registers):
            raise ScenarioError("limit: the gateway doesn't take what its building writes over Modbus")
    finally:
        master.close()


def _lowest(limits: Iterable[float | None]) -> float | None:
    return min((each for each in limits if each is not None), default=None)
