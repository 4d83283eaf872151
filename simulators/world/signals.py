"""What comes and goes of the grid and the building beside limits: EEBUS LPC, OpenADR and mode eco, said over MQTT.

Each is said by a peer of its own. What the gateway has taken is known here, and what follows from it by the use case.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from edge.config import Configuration
from simulators.errors import ScenarioError
from simulators.world.broker import WorldBroker
from simulators.world.gateway import Gateway
from simulators.world.limits import AGAIN_S, GONE, VALID_S

LPC, OPENADR, ECO = "lpc", "openadr", "eco"
KINDS: Final = (LPC, OPENADR, ECO)
BEAT_S: Final = 30.0  # the box's heartbeat; two may be lost (LPC-911)
SILENT_S: Final = 120.0  # without a heartbeat the failsafe value holds (LPC-912); and as long are the other waits


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSpec:
    """From second `from_s` to `to_s` the grid operator's box limits the site to `max_w`, an event of OpenADR does, or
    the building asks for mode eco, which has no `max_w`.
    """

    kind: str
    from_s: float
    to_s: float
    max_w: float | None = None


class Lpc:
    """The states of the use case (LPC 1.0.0 §2.3), by what the gateway has taken. `failsafe_w` for `failsafe_s`."""

    def __init__(self, *, failsafe_w: float, failsafe_s: float) -> None:
        self.state = "init"
        self._failsafe_w, self._failsafe_s = failsafe_w, failsafe_s
        self._since = 0.0
        self._beat_at = float("-inf")
        self._heard_at: float | None = None  # in the failsafe state: since when the box beats again
        self._limit_w = failsafe_w

    @property
    def allows_w(self) -> float | None:
        """None: all."""
        if self.state in ("init", "failsafe"):
            return self._failsafe_w
        return self._limit_w if self.state == "limited" else None

    def starts(self, now: float) -> None:
        """The gateway has started: a limit and the failsafe state outlive that, and the box has its time to beat."""
        if self.state in ("init", "unlimited_autonomous"):
            self._to("init", now)
        elif self.state == "failsafe":
            self._beat_at, self._heard_at = float("-inf"), None
        else:
            self._beat_at = now

    def beats(self, now: float) -> None:
        if self.state == "failsafe" and self._heard_at is None:
            self._heard_at = now
        self._beat_at = now

    def limits(self, limit_w: float, *, active: bool, now: float) -> None:
        self._limit_w = limit_w
        self._to("limited" if active else "unlimited_controlled", now)

    def advance(self, now: float) -> None:
        """What time brings."""
        silent = now - self._beat_at >= SILENT_S
        if self.state == "init" and now - self._since >= SILENT_S:
            self._to("unlimited_autonomous", now)
        elif self.state in ("limited", "unlimited_controlled") and silent:
            self._to("failsafe", now)
        elif self.state == "failsafe":
            self._heard_at = None if silent else self._heard_at
            back = self._heard_at is not None and now - self._heard_at >= SILENT_S
            if back or (silent and now - self._since >= self._failsafe_s):
                self._to("unlimited_autonomous", now)

    def _to(self, state: str, now: float) -> None:
        self._heard_at = None
        if state != self.state or state == "init":
            self.state, self._since = state, now


class Signals:
    """All of one world. Raises ScenarioError where the site doesn't take them."""

    def __init__(
        self,
        specs: Sequence[SignalSpec],
        *,
        configuration: Configuration,
        broker: WorldBroker | None,
        gateway: Gateway,
        wall: Callable[[], datetime],
    ) -> None:
        self._specs, self._broker, self._gateway = tuple(specs), broker, gateway
        self._base = f"edge/{configuration.site.id}/cmd"
        self._now, self._wall = asyncio.get_running_loop().time, wall
        self._hushed: list[str] = []
        self._starts = 0
        self._count = 0
        self.eco_until = float("-inf")
        self._events: list[SignalSpec] = []  # of OpenADR, as the gateway has taken them
        self._begun = wall() - timedelta(seconds=self._now())
        grid = configuration.grid
        self.lpc: Lpc | None = None
        if grid is not None and grid.eebus_lpc:
            self.lpc = Lpc(failsafe_w=grid.failsafe_kw * 1000.0, failsafe_s=grid.failsafe_h * 3600.0)
        for kind in self.kinds:
            if (lacking := lacks(configuration, kind)) is not None:
                raise ScenarioError(f"signal: {lacking}")
        root = next(each.id for each in configuration.site.circuits if each.parent is None)
        self.circuit = root if grid is None or grid.circuit is None else grid.circuit

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is said."""
        return tuple(kind for kind in KINDS if any(spec.kind == kind for spec in self._specs))

    def advance(self) -> None:
        """Time passes for what the gateway has taken."""
        if self.lpc is None:
            return
        if self._gateway.starts != self._starts:
            self._starts = self._gateway.starts
            self.lpc.starts(self._gateway.started_at)
        if self._gateway.is_up:
            self.lpc.advance(self._now())

    def allows_w(self) -> float | None:
        """What the grid allows the circuit now, by what the gateway has taken; None: all."""
        found = [] if self.lpc is None else [self.lpc.allows_w]
        clock = self._gateway.clock
        at_s = (clock.wall() - self._begun).total_seconds() if clock.wall_is_trusted() else None
        found += [each.max_w for each in self._events if at_s is None or each.from_s <= at_s < each.to_s]
        return min((each for each in found if each is not None), default=None)

    @property
    def is_eco(self) -> bool:
        """Whether the mode holds that the gateway has taken."""
        return self._now() < self.eco_until

    def was_eco(self, within_s: float) -> bool:
        """Whether it holds, or did until a moment ago."""
        return self._now() < self.eco_until + within_s

    def hush(self, kind: str) -> None:
        """That peer falls silent, until as many as have hushed it :meth:`unhush` it."""
        self._hushed.append(kind)

    def unhush(self, kind: str) -> None:
        self._hushed.remove(kind)

    def talks(self) -> Iterator[Coroutine[None, None, None]]:
        """The peers; they never end."""
        says = {LPC: self._beat, OPENADR: self._hand_in, ECO: self._ask_for_eco}
        if self.lpc is not None:
            yield self._talk(LPC, self._beat)
        for kind in self.kinds:
            if kind != LPC:
                yield self._talk(kind, says[kind])

    async def _talk(self, kind: str, say: Callable[[], Coroutine[None, None, None]]) -> None:
        changes = sorted({at for spec in self._specs if spec.kind == kind for at in (spec.from_s, spec.to_s)})
        while True:
            if kind not in self._hushed:
                await say()
            now = self._now()
            next_at = min([now + (BEAT_S if kind == LPC else AGAIN_S), *(at for at in changes if at > now)])
            await asyncio.sleep(max(0.0, next_at - self._now()))

    def _held(self, kind: str) -> list[SignalSpec]:
        now = self._now()
        return [spec for spec in self._specs if spec.kind == kind and spec.from_s <= now < spec.to_s]

    async def _beat(self) -> None:
        """The box's heartbeat, and with it what it limits, where that is news or wasn't taken, or it had been lost."""
        assert self.lpc is not None  # noqa: S101 - seen when it began
        held = min((spec.max_w for spec in self._held(LPC) if spec.max_w is not None), default=None)
        self.advance()
        is_news = self.lpc.state not in (("limited",) if held is not None else ("unlimited_controlled",))
        is_news = is_news or (held is not None and held != self.lpc.allows_w)
        told: dict[str, Any] = {"heartbeat": True}
        if is_news:
            told |= {"limit_w": 0.0 if held is None else held, "active": held is not None}
        if await self._say(LPC, told):
            self.advance()
            self.lpc.beats(self._now())
            if is_news:
                self.lpc.limits(told["limit_w"], active=told["active"], now=self._now())

    async def _hand_in(self) -> None:
        """All events that aren't over, where they aren't those that were taken last."""
        events = [spec for spec in self._specs if spec.kind == OPENADR and self._now() < spec.to_s]
        if events == self._events:
            return
        if await self._say(OPENADR, {"events": [self._event(number, each) for number, each in enumerate(events)]}):
            self._events = events

    def _event(self, number: int, spec: SignalSpec) -> dict[str, Any]:
        start = (self._begun + timedelta(seconds=spec.from_s)).isoformat()
        values = [(spec.max_w or 0.0) / 1000.0]
        return {
            "id": f"{number}",
            "intervalPeriod": {"start": start, "duration": f"PT{spec.to_s - spec.from_s:.3f}S"},
            "intervals": [{"id": 0, "payloads": [{"type": "IMPORT_CAPACITY_LIMIT", "values": values}]}],
        }

    async def _ask_for_eco(self) -> None:
        held = bool(self._held(ECO))
        if not held and not self.is_eco:
            return
        mode = {"mode": "eco", "valid_s": VALID_S} if held else {"mode": "auto"}
        if await self._say("mode", mode):
            self.eco_until = self._now() + (VALID_S if held else 0.0)

    async def _say(self, topic: str, told: dict[str, Any]) -> bool:
        """Whether it was taken."""
        assert self._broker is not None  # noqa: S101 - seen when it began
        self._count += 1
        identity = f"{topic}-{self._count}"
        said = orjson.dumps({"id": identity, "ts": self._wall()} | told)
        topic = f"{self._base}/{topic}"
        try:
            answer = await self._broker.ask(topic, said, answer=f"{topic}/ack", identity=identity)
        except GONE:
            return False  # the gateway or the broker is gone: it is said again
        return bool(answer["accepted"])


def lacks(configuration: Configuration, kind: str) -> str | None:
    """What the scenario's site lacks to hear that; None: nothing."""
    grid, mqtt = configuration.grid, configuration.bms.mqtt
    can = {LPC: grid is not None and grid.eebus_lpc, OPENADR: grid is not None and grid.openadr, ECO: True}
    if can[kind] and mqtt is not None and mqtt.writable:
        return None
    needs = "" if kind == ECO else f"[grid] with {'eebus_lpc' if kind == LPC else kind} = true, and "
    return f"the scenario's site needs {needs}[bms.mqtt] with writable = true"
