"""Limits stand still while all that they depend on does: one that goes up and down chases what it has done itself."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from edge.units import PHASES
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.building import WINDOW_MIN
from simulators.world.oracles.lately import amps_of
from simulators.world.parking import Stay
from simulators.world.world import World

WINDOW_S: Final = 300.0
# In that time a limit comes down and goes up for a change of a moment before that is seen late, and once more for
# another number of phases, which is tried every 300 s at most (docs/design.md, Phases).
TURNS: Final = 4
# What isn't a change: of a building's load on a phase or in all, and of what a car wants.
STILL_A: Final = 1.0
STILL: Final = 0.01  # and so much of the circuit's rating, or of what the post can give
# What isn't a swing. A raise is by 1 A or more, and decimals and a car that is trimmed leave as much open; the load's
# noise may move a limit by all that it is, on one phase as on three, and what the gateway believes of it by as much.
SWING_A: Final = 2.0
OF_NOISE: Final = 2.0


@dataclass(slots=True, kw_only=True)
class _Range:
    """Between what something was since nothing changed."""

    least: float
    most: float

    def takes(self, value: float) -> float:
        """How far it reaches with this one."""
        self.least, self.most = min(self.least, value), max(self.most, value)
        return self.most - self.least


@dataclass(slots=True, kw_only=True)
class _Limit:
    """What one EVSE was offered since nothing changed: which way it went last, how far, and when it turned."""

    way: int = 0
    least_a: float
    most_a: float
    turns: deque[float] = field(default_factory=deque)

    def goes(self, amps: float, swing_a: float, now: float) -> None:
        """It is that now: a turn is one by more than `swing_a` back from the farthest that it had come."""
        self.least_a, self.most_a = min(self.least_a, amps), max(self.most_a, amps)
        back = -1 if amps < self.most_a - swing_a else 1 if amps > self.least_a + swing_a else 0
        if back and back != self.way:
            if self.way:
                self.turns.append(now)
            self.way = back
        if back:
            self.least_a = self.most_a = amps
        while self.turns and self.turns[0] < now - WINDOW_S:
            self.turns.popleft()


class LimitsStandStill(Oracle):
    """While nothing is wrong with the site, the same cars are there and want the same, the building's load and the sun
    move by no more than their noise, and nobody limits the site otherwise than before.

    What the design moves without any change is allowed for: turns, and who paused and is offered its minimum for a
    minute of each turn, for which the others come down and go up again.
    """

    name = "steady"
    promise = "no limit goes up and down while nothing that it depends on changes"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        grid, site = world.configuration.grid, world.configuration.site
        self._has_window = bool(world.configuration.demand_limits_kw)
        self._window_s = 60.0 * (WINDOW_MIN if grid is None else grid.demand_window_min)
        self._turns = math.ceil(WINDOW_S / site.control.turn_s)
        self._state: object = None
        self._idle = 0
        self._loads: dict[tuple[str, int], _Range] = {}
        self._noise_a: dict[str, float] = {}
        self._wants: dict[tuple[str, int], _Range] = {}
        self._limits: dict[tuple[str, int], _Limit] = {}
        self._asked: set[str] = set()
        self._told: set[tuple[str, int]] = set()

    def look(self) -> None:
        state = self._what_holds()
        if not self.world.is_sound or state != self._state or not self._is_still():
            self._begin(state)
            self._is_still()
        self._idle = max(self._idle, sum(stay.ev.draw_a == 0.0 for stay in self.world.parking.here.values()))

    def station_got(self, identity: str, text: str) -> None:
        if '"SetChargingProfile"' in text:
            self._asked.add(identity)

    def station_said(self, identity: str, text: str) -> None:
        """It has answered: what it offers from now on is known to it."""
        if identity not in self._asked or not text.startswith("[3"):
            return
        self._asked.discard(identity)
        for key, stay in self.world.parking.here.items():
            if key[0] == identity and key in self._wants:
                self._follow(key, stay)

    def _begin(self, state: object) -> None:
        """Something has changed: all that was before explains nothing any more."""
        self._state, self._idle = state, 0
        for kept in (self._loads, self._noise_a, self._wants, self._limits):
            kept.clear()

    def _what_holds(self) -> object:
        """What limits depend on, but for loads and what cars want."""
        world = self.world
        world.signals.advance()
        window = world.wall_s() // self._window_s if self._has_window else 0
        grid = (world.signals.allows_w(), world.signals.is_eco, world.grid_operator.dims)
        cars = [(key, *self._of(stay)) for key, stay in world.parking.here.items()]
        return (window, grid, world.limits.held(), cars)

    def _of(self, stay: Stay) -> Iterator[object]:
        station, evse = self.world.stations[stay.evse.station], stay.evse.evse_id
        yield from (id(stay), stay.may_charge, stay.plugs, stay.napped, stay.ev.napping, stay.ev.full)
        yield from (station.charging(), station.session(evse), stay.need)

    def _is_still(self) -> bool:
        """Whether loads and cars are where they were, but for noise."""
        is_still = True
        for run in self.world.copper.runs.values():
            l1, l2, l3 = amps_of(run)
            noise_a, still_a = 0.0, STILL_A + STILL * run.fuse_a
            for number, amps in enumerate((l1, l2, l3, l1 + l2 + l3)):
                moved_a = self._loads.setdefault((run.id, number), _Range(least=amps, most=amps)).takes(amps)
                noise_a = max(noise_a, moved_a)
                is_still = is_still and moved_a <= (still_a if number < len(PHASES) else len(PHASES) * still_a)
            self._noise_a[run.id] = noise_a
        for key, stay in self.world.parking.here.items():
            wanted_a = self.world.stations[key[0]].wanted_a(key[1])
            moved_a = self._wants.setdefault(key, _Range(least=wanted_a, most=wanted_a)).takes(wanted_a)
            is_still = is_still and moved_a <= STILL_A + STILL * stay.evse.max_a
        return is_still

    def _follow(self, key: tuple[str, int], stay: Stay) -> None:
        now, amps = self.world.now(), self.world.stations[key[0]].offered_a(key[1])
        noise_a = max(self._noise_a[run.id] for run in self.world.copper.path(stay.evse.circuit))
        limit = self._limits.setdefault(key, _Limit(least_a=amps, most_a=amps))
        limit.goes(amps, SWING_A + OF_NOISE * noise_a, now)
        most = TURNS + 2 * self._turns * (1 + self._idle)
        if len(limit.turns) > most and key not in self._told:
            self._told.add(key)
            self.fail(
                f"what {key[0]} offers has gone up and down {len(limit.turns)} times in {WINDOW_S:.0f} s, by more than "
                f"{SWING_A + OF_NOISE * noise_a:.1f} A each time, and nothing has changed: {amps:.1f} A now"
            )
