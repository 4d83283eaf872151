"""Rows 40 and 41, further: who speaks for the grid falls silent, and the building has two masters that disagree."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Final

import orjson

from simulators.site import Endpoint
from simulators.world.faults.base import NOT_JUDGED, Fault
from simulators.world.limits import GONE, MODBUS, MQTT, NO_AMPS
from simulators.world.modbus_master import LIMIT_A, MASTER, Master
from simulators.world.node import start_on
from simulators.world.signals import LPC
from simulators.world.world import World

STEPS_S: Final = (1.0, 3.0, 9.0, 25.0)  # between two words of the second master
SHARES: Final = (None, 0.0, 0.3, 0.5, 0.7, 1.0)  # of the fuse
VALID_S: Final = (5, 20, 60)


class GridFallsSilent(Fault):
    number, row = 40, "BMS watchdog lapses"
    outcome = "Revert to installer-chosen default, at or below limit"
    how = "the grid operator's box of EEBUS, or the building that asks for mode eco, says nothing any more"

    @classmethod
    def suits(cls, world: World) -> bool:
        return bool(cls._kinds(world))

    @staticmethod
    def _kinds(world: World) -> list[str]:
        return sorted({*world.signals.kinds, *([] if world.signals.lpc is None else [LPC])})

    async def begin(self) -> None:
        self.hushed = self.rng.choice(self._kinds(self.world))
        self.world.signals.hush(self.hushed)

    async def end(self) -> None:
        self.world.signals.unhush(self.hushed)


class TwoMasters(Fault):
    number, row = 41, "BMS writes 0, 65535, flood"
    outcome = "Validated, rate-limited, lowest wins"
    how = "a second master limits the site by the way of the first, to something else each time, and for seconds only"
    # Of so many words not each is written down before the next one: a start may go on with one of a moment ago.
    grace: ClassVar[Mapping[str, float]] = {"contactors": NOT_JUDGED, "stuck": NOT_JUDGED, "beliefs": 60.0}

    @classmethod
    def suits(cls, world: World) -> bool:
        return bool(world.scenario.limits)

    async def begin(self) -> None:
        self.way = self.rng.choice(sorted({spec.over for spec in self.world.scenario.limits}))
        self.said = 0

    async def last(self) -> None:
        until = self.spec.at_s + self.spec.for_s
        while self.world.now() < until:
            await self._say()
            await asyncio.sleep(self.rng.choice(STEPS_S))

    async def _say(self) -> None:
        share, valid_s = self.rng.choice(SHARES), self.rng.choice(VALID_S)
        limit_a = None if share is None else round(share * self.world.copper.runs[self.world.root].fuse_a, 1)
        try:
            taken = await (
                self._over_modbus(limit_a, valid_s) if self.way == MODBUS else self._by_mqtt(limit_a, valid_s)
            )
        except GONE:
            return
        if taken and self.way == MQTT:
            self.world.limits.replaced(MQTT, max_a=limit_a, for_s=valid_s)
        elif taken:
            self.world.limits.written(MODBUS, max_a=limit_a, for_s=valid_s)

    async def _over_modbus(self, limit_a: float | None, valid_s: int) -> bool:
        return await start_on(MASTER, self._write(NO_AMPS if limit_a is None else round(10 * limit_a), valid_s))

    async def _write(self, tenths: int, valid_s: int) -> bool:
        modbus = self.world.configuration.bms.modbus
        assert modbus is not None  # noqa: S101 - such a way is there
        master = await Master.dial(Endpoint(host=modbus.listen.host, port=modbus.listen.port))
        try:
            return await master.write(LIMIT_A, [tenths, valid_s])
        finally:
            master.close()

    async def _by_mqtt(self, limit_a: float | None, valid_s: int) -> bool:
        assert self.world.broker is not None  # noqa: S101 - such a way is there
        self.said += 1
        identity = f"second {self.spec.at_s:g} {self.said}"
        said = orjson.dumps({"id": identity, "ts": self.world.wall(), "max_a": limit_a, "valid_s": valid_s})
        topic = f"edge/{self.world.site.id}/cmd/limit"
        answer = await self.world.broker.ask(topic, said, answer=f"{topic}/ack", identity=identity)
        return bool(answer["accepted"])
