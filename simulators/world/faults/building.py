"""Rows 39 to 42: what the building's other meters and its management system (BMS) do."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from edge.domain.limit import LimitSource
from simulators.site import Endpoint
from simulators.world.building import SunSpec
from simulators.world.faults.base import NOT_JUDGED, Fault
from simulators.world.limits import MODBUS
from simulators.world.modbus_master import LIMIT_A, MASTER, Master
from simulators.world.node import start_on
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.world import World

MODBUS_PORT: Final = 5502
BROKER: Final = "10.1.0.30:1883"
ANNEX: Final = "annex"
ANNEX_A: Final = 4.0
TOO_LARGE: Final = 20.0  # times what flows: more than the main meter shows
ABOVE_FUSE: Final = 2.0  # of the connection's fuse: what a wrong meter shows at least
SEEN_S: Final = 15.0  # until an inconsistency counts as one, and is told
LIMIT_SHARE, FALLBACK_SHARE = 0.5, 0.75  # of the fuse
VALID_S: Final = 20
OBEYED_S: Final = 15.0
STEP_S: Final = 12.0  # until cars have followed a step of the building
SETTLED_S: Final = 120.0  # of a world: the first time that a silent BMS has is over
NOISE_A: Final = 0.5
QUICK_S: Final = 5.0  # a period of which two, and 5 s of a car, are over by then
FLOOD: Final = 400  # requests over Modbus, commands over MQTT
HUGE: Final = 40_000  # tenths of an ampere
NONE: Final = 0xFFFF
RETRY_S: Final = 75.0  # a broker that is back is dialled again within a minute
GONE: Final = (OSError, TimeoutError, EOFError)


def _root(scenario: WorldScenario) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in tomllib.loads(scenario.site_head)["circuit"] if "parent" not in c)
    return found


def _is_measured(scenario: WorldScenario, circuit: str) -> bool:
    """Whether there is a meter on it or above it, besides that of the connection."""
    circuits = {each["id"]: each for each in tomllib.loads(scenario.site_head)["circuit"]}
    at = circuits[circuit]
    while "parent" in at and "meter" not in at:
        at = circuits[at["parent"]]
    return "parent" in at


def _with(scenario: WorldScenario, tables: str) -> WorldScenario:
    return replace(scenario, site_head=f"{scenario.site_head}\n{tables}")


class SubmeterAboveMain(Fault):
    number, row = 39, "Submeter > main meter"
    outcome = "Inconsistency alarm, use larger"
    how = "a meter of another branch shows 20 times what flows there and more, above the meter of the connection"
    grace: ClassVar[Mapping[str, float]] = {"contactors": NOT_JUDGED}

    @classmethod
    def fitted(cls, scenario: WorldScenario, spec: FaultSpec) -> WorldScenario:
        del spec
        root = _root(scenario)
        if any(isinstance(load, SunSpec) and not _is_measured(scenario, load.circuit) for load in scenario.loads):
            return scenario  # a branch that takes nothing would show more than the connection
        meter = f'[[meter]]\nid = "{ANNEX}"\nmodel = "eastron_sdm630"\nconnection = "tcp://10.1.0.40:502"\n'
        circuit = (
            f'[[circuit]]\nid = "{ANNEX}"\nparent = "{root["id"]}"\nfuse_a = {root["fuse_a"]}\nmeter = "{ANNEX}"\n'
        )
        return _with(scenario, f"{circuit}background_reserve_a = {ANNEX_A:g}\n{meter}")

    @classmethod
    def suits(cls, world: World) -> bool:
        return ANNEX in world.meters.ids

    async def begin(self) -> None:
        self.world.load("fault 39", ANNEX, (ANNEX_A,) * 3)
        # More than the connection's meter shows, whatever the cars of a large site draw.
        self.world.meters.factor[ANNEX] = max(
            TOO_LARGE, ABOVE_FUSE * self.world.copper.runs[self.world.root].fuse_a / ANNEX_A
        )

    def judge(self) -> str | None:
        status = self.world.gateway.status()
        if status is None or self.spec.for_s < SEEN_S or not self.is_alone:
            return None
        if not any("shows" in finding for meter in status["meters"] for finding in meter["wiring"]):
            return "a branch's meter shows more than the one above it, and nobody is told"
        drawn_a = max(max(run.ev_a) for run in self.world.copper.runs.values() if run.parent is None)
        return (
            None
            if drawn_a < 1.0
            else f"the larger of two meters shows a full connection, and cars draw {drawn_a:.1f} A"
        )

    async def end(self) -> None:
        self.world.load("fault 39", ANNEX, (0.0,) * 3)
        self.world.meters.factor[ANNEX] = 1.0


class _OverModbus(Fault):
    """The BMS writes to the gateway's Modbus server, in the place of what the building says otherwise: that falls
    silent meanwhile.
    """

    @classmethod
    def fitted(cls, scenario: WorldScenario, spec: FaultSpec) -> WorldScenario:
        del spec
        document = tomllib.loads(scenario.site_head)
        if "modbus" in document.get("bms", {}):
            return scenario
        host = document["ocpp"]["listen"].rpartition(":")[0]
        listen = f'listen = "{host}:{MODBUS_PORT}"\nwritable = true\nlimit_timeout_s = {VALID_S}\n'
        return _with(scenario, f"[bms.modbus]\n{listen}fallback_a = {FALLBACK_SHARE * _root(scenario)['fuse_a']:g}\n")

    @classmethod
    def suits(cls, world: World) -> bool:
        return world.configuration.bms.modbus is not None

    async def begin(self) -> None:
        self.world.limits.hush(MODBUS)

    async def end(self) -> None:
        self.world.limits.unhush(MODBUS)

    @property
    def fuse_a(self) -> float:
        return self.world.copper.runs[self.world.root].fuse_a

    def holds_a(self) -> float | None:
        """What the report says that is allowed at the connection."""
        status = self.world.gateway.status()
        if status is None or "limits" not in status:
            return None
        effective = {each["circuit"]: float(each["limit_a"]) for each in status["limits"]["effective"]}
        return effective[self.world.root]

    def drawn_beyond_a(self, limit_a: float) -> float | None:
        """What cars draw while more than that flows through the connection; None where they don't, or may, as some
        can't be told."""
        run = self.world.copper.runs[self.world.root]
        over = [phase for phase in range(3) if run.total_a[phase] > limit_a + NOISE_A and run.ev_a[phase] > NOISE_A]
        return max((run.ev_a[phase] for phase in over), default=None)

    async def look_at_copper(self, limit_a: float) -> None:
        """What is said to hold is held to, where the gateway is quick enough for that by now: for as long as it holds,
        cars that a step of the building has just brought above it have time to follow."""
        if self.world.period_s > QUICK_S:
            return
        until_s = self.world.now() + STEP_S
        while (drawn_a := self.drawn_beyond_a(limit_a)) is not None and (self.holds_a() or 0.0) <= limit_a + 0.1:
            if self.world.now() >= until_s:
                break
            await self.world.until(self.world.now() + 1.0)
        else:
            return
        if self.is_alone and self.failure is None:
            self.failure = f"{limit_a:g} A are allowed, more flows, and cars draw {drawn_a:.1f} A of it"

    async def dial(self) -> Master:
        modbus = self.world.configuration.bms.modbus
        assert modbus is not None  # noqa: S101 - such a site is suited
        return await Master.dial(Endpoint(host=modbus.listen.host, port=modbus.listen.port))


class BmsFallsSilent(_OverModbus):
    number, row = 40, "BMS watchdog lapses"
    outcome = "Revert to installer-chosen default, at or below limit"
    how = "the BMS limits the site to half of its fuse for 20 s over Modbus, and never says anything again"

    async def begin(self) -> None:
        before_a, since_s, taken = self.holds_a(), self.world.now(), self.world.limits.taken[MODBUS]
        if (
            before_a is not None
            and since_s > max(SETTLED_S, taken.until_s)
            and before_a > self.fallback_a + 0.1
            and self.is_alone
        ):
            self.failure = f"the BMS is silent, and the gateway allows {before_a:g} A"
        await super().begin()
        await start_on(MASTER, self._limit())
        await self.world.until(self.world.now() + OBEYED_S)
        holds_a = self.holds_a()
        if holds_a is not None and holds_a > LIMIT_SHARE * self.fuse_a + 0.1 and self.is_alone:
            self.failure = f"the BMS allows {LIMIT_SHARE * self.fuse_a:g} A, and the gateway says {holds_a:g} A"
        if holds_a is not None:
            await self.look_at_copper(LIMIT_SHARE * self.fuse_a)

    async def _limit(self) -> None:
        try:
            master = await self.dial()
            limit_a = LIMIT_SHARE * self.fuse_a
            if await master.write(LIMIT_A, [round(10 * limit_a), VALID_S]):
                self.world.limits.written(MODBUS, max_a=limit_a, for_s=VALID_S)
            master.close()
        except GONE as exc:
            if self.is_alone:
                self.failure = f"the BMS can't limit the site: {exc!r}"

    @property
    def fallback_a(self) -> float:
        """What the installer has set for a BMS that is silent."""
        modbus = self.world.configuration.bms.modbus
        assert modbus is not None  # noqa: S101 - such a site is suited
        return modbus.fallback_a

    def judge(self) -> str | None:
        holds_a = self.holds_a()
        if holds_a is None or self.spec.for_s < OBEYED_S + VALID_S or not self.is_alone:
            return self.failure
        # Others may allow less.
        if holds_a > self.fallback_a + 0.1 or self.stated_a() != self.fallback_a:
            return f"the BMS is silent; {self.fallback_a:g} A must hold, and the gateway says {holds_a:g} A"
        return self.failure

    def stated_a(self) -> float | None:
        """What the report says that the BMS allows over Modbus."""
        stated = (self.world.gateway.status() or {})["limits"]["stated"]
        limits_a = (each["limit_a"] for each in stated if each["source"] == LimitSource.BMS_MODBUS.value)
        return next(limits_a, None)


class BmsWritesNonsense(_OverModbus):
    number, row = 41, "BMS writes 0, 65535, flood"
    outcome = "Validated, rate-limited, lowest wins"
    how = "over Modbus come 4,000 A, 65535, and 400 writes as fast as they are answered, the last one of 0 A"

    async def begin(self) -> None:
        await super().begin()
        await start_on(MASTER, self._write())
        await self.world.until(self.world.now() + OBEYED_S)
        if self.holds_a() not in (0.0, None) and self.is_alone and self.failure is None:
            self.failure = f"the BMS allows 0 A, and the gateway says {self.holds_a():g} A"
        if self.holds_a() is not None:
            await self.look_at_copper(0.0)

    async def _write(self) -> None:
        try:
            master = await self.dial()
            if await master.write(LIMIT_A, [HUGE, VALID_S]):
                self.failure = f"a limit of {HUGE / 10:g} A was taken"
            for number in range(FLOOD):
                await master.write(LIMIT_A, [NONE if number % 2 else 10 * number % 320, VALID_S])
            lasts_s = round(max(VALID_S, 2 * OBEYED_S))
            if await master.write(LIMIT_A, [0, lasts_s]):
                self.world.limits.written(MODBUS, max_a=0.0, for_s=lasts_s)
            master.close()
        except GONE as exc:
            if self.is_alone:
                self.failure = f"the BMS isn't answered: {exc!r}"

    def judge(self) -> str | None:
        return self.failure


class MqttFlood(Fault):
    number, row = 42, "MQTT flood/retained junk/broker loss"
    outcome = "Bounded queue; control untouched"
    how = "the broker keeps junk for the command topic, 400 commands come at once, and then the broker is gone"
    aftermath_s = RETRY_S
    grace: ClassVar[Mapping[str, float]] = {"mqtt heard": NOT_JUDGED}

    @classmethod
    def fitted(cls, scenario: WorldScenario, spec: FaultSpec) -> WorldScenario:
        del spec
        if "mqtt" in tomllib.loads(scenario.site_head).get("bms", {}):
            return scenario
        fallback_a = FALLBACK_SHARE * _root(scenario)["fuse_a"]
        return _with(
            scenario, f'[bms.mqtt]\nbroker = "mqtt://{BROKER}"\nwritable = true\nfallback_a = {fallback_a:g}\n'
        )

    @classmethod
    def suits(cls, world: World) -> bool:
        return world.broker is not None

    async def begin(self) -> None:
        broker = self.world.broker
        if broker is None:
            return
        topic = f"edge/{self.world.site.id}/cmd/limit"
        try:
            await broker.tell(topic, [b"\xff\x00 no JSON"], retain=True)
            await broker.tell(topic, [b'{"id":"%d","max_a":-5}' % number for number in range(FLOOD)])
        except GONE as exc:
            if self.is_alone:
                self.failure = f"the broker can't be had: {exc!r}"
        await self.world.until(self.world.now() + OBEYED_S)
        if self.is_alone and not self._mqtt("dropped"):
            self.failure = "of 400 commands at once none was dropped: they wait somewhere"
        await broker.leave()

    def _mqtt(self, what: str) -> Any:
        status = self.world.gateway.status()
        return None if status is None else status.get("bms", {}).get("mqtt", {}).get(what)

    def judge(self) -> str | None:
        if self.failure is None and self._mqtt("connected") and self.is_alone:
            return "the broker is gone, and the gateway says that it is connected"
        return self.failure

    async def end(self) -> None:
        if self.world.broker is not None:
            await self.world.broker.begin()

    def judge_after(self) -> str | None:
        connected = self._mqtt("connected")
        return None if connected or not self.is_alone else "the broker is back, and the gateway isn't connected"
