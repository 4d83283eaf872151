"""The grid operator in the world: it dims the site by §14a EnWG and takes that back, and what that allows."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from edge.config import Configuration
from simulators.errors import ScenarioError
from simulators.site import Endpoint
from simulators.world.broker import WorldBroker
from simulators.world.limits import GONE, MODBUS, MQTT
from simulators.world.modbus_master import MASTER, Master
from simulators.world.node import start_on

AGAIN_S: Final = 20.0  # a word that wasn't taken is said again after so long; one that was isn't
MINIMUM_W: Final = 4200.0  # BNetzA BK6-22-300, annex 1 no. 4.5: for one device
FACTORS: Final[Mapping[int, float]] = {1: 0.0, 2: 0.8, 3: 0.75, 4: 0.7, 5: 0.65, 6: 0.6, 7: 0.55, 8: 0.5}
FACTOR_OF_MANY: Final = 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class DimmingSpec:
    """From second `from_s` to `to_s` the grid operator dims, by a coil over Modbus or by a command over MQTT."""

    over: str
    from_s: float
    to_s: float


class GridOperator:
    """`taken` is what the gateway has taken, by each way: whether it is to dim.

    Raises ScenarioError where the site can't be dimmed that way.
    """

    def __init__(
        self,
        specs: Sequence[DimmingSpec],
        *,
        configuration: Configuration,
        broker: WorldBroker | None,
        now: Callable[[], float],
        wall: Callable[[], datetime],
    ) -> None:
        self._specs = tuple(specs)
        self._modbus, self._broker = configuration.bms.modbus, broker
        self._topic = f"edge/{configuration.site.id}/cmd/grid"
        self._now, self._wall = now, wall
        self.taken: dict[str, bool] = {}
        grid = configuration.grid
        for way in sorted({spec.over for spec in specs}):
            if (lacking := lacks(configuration, way)) is not None:
                raise ScenarioError(f"dimming: {lacking}")
        root = next(each.id for each in configuration.site.circuits if each.parent is None)
        self.circuit = root if grid is None or grid.circuit is None else grid.circuit
        below = _below(configuration, self.circuit)
        count = sum(evse.circuit in below for evse in configuration.site.evses)
        count = count if grid is None or grid.devices is None else grid.devices
        is_direct = grid is not None and grid.steering == "direct"
        self.allows_w = MINIMUM_W * (count if is_direct else 1.0 + (count - 1) * FACTORS.get(count, FACTOR_OF_MANY))

    @property
    def dims(self) -> bool:
        """Whether the gateway has taken that anybody dims."""
        return any(self.taken.values())

    def talks(self) -> Iterator[Coroutine[None, None, None]]:
        """What it says, each way."""
        for way in sorted({spec.over for spec in self._specs}):
            yield self._talk(way)

    async def _talk(self, way: str) -> None:
        changes = sorted(
            [(spec.from_s, True) for spec in self._specs if spec.over == way]
            + [(spec.to_s, False) for spec in self._specs if spec.over == way]
        )
        for at_s, dims in changes:
            await asyncio.sleep(max(0.0, at_s - self._now()))
            while not await self._say(way, dims):  # noqa: ASYNC110 - time is what is waited for
                await asyncio.sleep(AGAIN_S)
            self.taken[way] = dims

    async def _say(self, way: str, dims: bool) -> bool:
        try:
            return await (self._over_modbus(dims) if way == MODBUS else self._over_mqtt(dims))
        except GONE:
            return False  # the gateway or the broker is gone

    async def _over_modbus(self, dims: bool) -> bool:
        assert self._modbus is not None  # noqa: S101 - seen when it began
        server = Endpoint(host=self._modbus.listen.host, port=self._modbus.listen.port)
        return await start_on(MASTER, _write(server, dims))

    async def _over_mqtt(self, dims: bool) -> bool:
        assert self._broker is not None  # noqa: S101 - seen when it began
        identity = f"grid-{self._now():.3f}"
        said = orjson.dumps({"id": identity, "ts": self._wall(), "dim": dims})
        answer = await self._broker.ask(self._topic, said, answer=f"{self._topic}/ack", identity=identity)
        return bool(answer["accepted"])


def lacks(configuration: Configuration, way: str) -> str | None:
    """What the scenario's site lacks to be dimmed that way; None: nothing."""
    table = {MODBUS: configuration.bms.modbus, MQTT: configuration.bms.mqtt}[way]
    if configuration.grid is not None and table is not None and table.writable:
        return None
    return f"the scenario's site needs [grid], and [bms.{way}] with writable = true"


async def _write(server: Endpoint, dims: bool) -> bool:
    master = await Master.dial(server)
    try:
        return await master.write_coil(0, dims)
    finally:
        master.close()


def _below(configuration: Configuration, circuit: str) -> frozenset[str]:
    """The circuit and those below it."""
    found, before = {circuit}, 0
    while len(found) > before:
        before = len(found)
        found |= {each.id for each in configuration.site.circuits if each.parent in found}
    return frozenset(found)
