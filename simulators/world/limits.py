"""What the building allows its connection, over Modbus or MQTT: said by peers of its own, and known to who judges."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the gateway took last over one way: it holds until second `until_s`, and then `fallback_a` does. None: it
    allows all.
    """

    until_s: float
    fallback_a: float | None
    max_a: float | None = None
    max_w: float | None = None

    def amps(self, now: float) -> float | None:
        """What it allows per phase."""
        return self.max_a if now < self.until_s else self.fallback_a

    def watts(self, now: float) -> float | None:
        """What it allows in all."""
        return self.max_w if now < self.until_s else None


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
        self._hushed: list[str] = []
        self._unheard: dict[str, float] = {}

        tables = {MODBUS: configuration.bms.modbus, MQTT: configuration.bms.mqtt}
        # Who may limit and has never spoken is silent from the start.
        self._taken = {
            way: Taken(until_s=now() + table.limit_timeout_s, fallback_a=table.fallback_a)
            for way, table in tables.items()
            if table is not None and table.writable
        }
        for way in sorted({spec.over for spec in specs}):
            if (lacking := lacks(configuration, way)) is not None:
                raise ScenarioError(f"limit: {lacking}")

    @property
    def taken(self) -> Mapping[str, Taken]:
        """What the gateway has taken last, by each way that the site file opens."""
        return self._taken

    def talks(self) -> Iterator[Coroutine[None, None, None]]:
        """The peers, each if there is anything that it will say; they never end."""
        for way in sorted({spec.over for spec in self._specs}):
            yield self._talk(way)

    def held(self) -> tuple[float | None, float | None]:
        """The lowest that holds now, in A and in W: what the gateway has taken, or where that is over the fallback."""
        now, ways = self._now(), self._taken.values()
        return _lowest(way.amps(now) for way in ways), _lowest(way.watts(now) for way in ways)

    def unheard_s(self, way: str) -> float:
        """For how long the gateway hasn't taken what the building says that way; 0: it takes it, or nothing is said."""
        since = self._unheard.get(way)
        return 0.0 if since is None else self._now() - since

    def written(self, way: str, *, max_a: float | None, for_s: float) -> None:
        """Somebody else has had the gateway take this; what is said in W stays as it was."""
        self._taken[way] = replace(self._taken[way], max_a=max_a, until_s=self._now() + for_s)

    def replaced(self, way: str, *, max_a: float | None, for_s: float) -> None:
        """The same by a command that replaces the one before whole: what that said in W is gone."""
        self._taken[way] = replace(self._taken[way], max_a=max_a, max_w=None, until_s=self._now() + for_s)

    def hush(self, way: str) -> None:
        """The building falls silent over that way, until as many as have hushed it :meth:`unhush` it."""
        self._hushed.append(way)
        self._unheard.pop(way, None)

    def unhush(self, way: str) -> None:
        """It may speak again, and does so within `AGAIN_S` if it has anything to say."""
        self._hushed.remove(way)

    async def _talk(self, way: str) -> None:
        changes = sorted({at for spec in self._specs if spec.over == way for at in (spec.from_s, spec.to_s)})
        while True:
            now = self._now()
            if way not in self._hushed:
                await self._say(way, [spec for spec in self._specs if spec.over == way and _holds(spec, now)])
            next_at = min([now + AGAIN_S, *(at for at in changes if at > now)])
            await asyncio.sleep(max(0.0, next_at - self._now()))

    async def _say(self, way: str, specs: Sequence[LimitSpec]) -> None:
        max_a, max_w = _lowest(spec.max_a for spec in specs), _lowest(spec.max_w for spec in specs)
        said_at = self._now()
        try:
            taken = await (self._over_modbus(max_a, max_w) if way == MODBUS else self._over_mqtt(max_a, max_w))
        except GONE:
            taken = False  # the gateway or the broker is gone: it is said again
        if taken:
            self._taken[way] = replace(self._taken[way], max_a=max_a, max_w=max_w, until_s=self._now() + VALID_S)
            self._unheard.pop(way, None)
        elif way not in self._hushed:
            self._unheard.setdefault(way, said_at)

    async def _over_modbus(self, max_a: float | None, max_w: float | None) -> bool:
        assert self._modbus is not None  # noqa: S101 - seen when it began
        watts = NO_WATTS if max_w is None else round(max_w)
        amps = NO_AMPS if max_a is None else round(10 * max_a)
        server = Endpoint(host=self._modbus.listen.host, port=self._modbus.listen.port)
        return await start_on(MASTER, _write(server, (watts >> 16, watts & 0xFFFF, amps, VALID_S)))

    async def _over_mqtt(self, max_a: float | None, max_w: float | None) -> bool:
        assert self._broker is not None  # noqa: S101 - seen when it began
        identity = f"{self._now():.3f}"
        said = {"id": identity, "ts": self._wall(), "max_a": max_a, "max_w": max_w, "valid_s": VALID_S}
        answer = await self._broker.ask(self._topic, orjson.dumps(said), answer=f"{self._topic}/ack", identity=identity)
        return bool(answer["accepted"])


def lacks(configuration: Configuration, way: str) -> str | None:
    """What the scenario's site lacks to be limited that way; None: nothing."""
    table = {MODBUS: configuration.bms.modbus, MQTT: configuration.bms.mqtt}[way]
    if table is not None and table.writable:
        return None
    return f"the scenario's site takes none: it needs [bms.{way}] with writable = true"


async def _write(server: Endpoint, registers: Sequence[int]) -> bool:
    master = await Master.dial(server)
    try:
        return await master.write(LIMIT_W, registers)
    finally:
        master.close()


def _holds(spec: LimitSpec, now: float) -> bool:
    return spec.from_s <= now < spec.to_s


def _lowest(limits: Iterable[float | None]) -> float | None:
    return min((each for each in limits if each is not None), default=None)
