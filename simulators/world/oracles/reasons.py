"""Why each car gets what it gets: the sentence that the gateway gives for it, against what is so."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from edge.domain.limit import LimitSource
from edge.domain.setpoint import SOURCE_NAMES, Reason
from edge.domain.site import Evse, IdlePolicy
from simulators.phases import PHASE_NAMES
from simulators.world.limits import MODBUS, MQTT
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.books import evses_said
from simulators.world.oracles.lately import BuildingLately
from simulators.world.parking import Stay
from simulators.world.world import World

WRONG_S: Final = (
    120.0  # a sample, a raise that waits its minute, and a decision: until then a sentence may be of before
)
HUNGRY_A: Final = 2.5  # what a car leaves that is trimmed, and what a raise isn't worth
TAKES_A: Final = 1.5
NEARLY_FULL_A: Final = 2.5  # less is left where something is full: raises by less wait, and the building is restless
SHOWN_A: Final = 0.1
BUILDING_S: Final = 90.0
ASKS_S: Final = 15.0  # for the report, which takes longer than all else here
# By these nothing but the car itself, or its post, keeps it from more.
HAS_ALL: Final = frozenset(
    {Reason.MAXIMUM, Reason.DEMAND_MET, Reason.WHOLE_STEPS, Reason.CAR_PAUSED, Reason.NOT_LET_IN, Reason.IDLE}
)
FULL: Final = re.compile(
    r"A: (?:waits[^:]*: )?(?P<circuit>\S+) (?P<phase>L[123]) (?P<how>is full|has no|can't).* of (?P<rating>[\d.]+) A\)"
)
LIMITED: Final = re.compile(r"A: (?P<source>.+) (?:allows|is silent: \S+ falls back to)")
ALLOWED: Final = re.compile(r"(?:allows \S+|falls back to) (?P<amount>[\d.]+) (?P<unit>A|W) ")
WAYS: Final = {SOURCE_NAMES[LimitSource.BMS_MODBUS]: MODBUS, SOURCE_NAMES[LimitSource.BMS_MQTT]: MQTT}
FOREIGN: Final = frozenset(
    {
        Reason.STATION_OFFLINE,
        Reason.STATION_NEW,
        Reason.STATION_SILENT,
        Reason.STATION_REFUSES,
        Reason.STATION_DISOBEYS,
        Reason.METER_STALE,
        Reason.METER_LATE,
        Reason.RECOVERING,
    }
)


OF_SIGNALS: Final = frozenset(SOURCE_NAMES[each] for each in (LimitSource.GRID_EEBUS, LimitSource.OPENADR))


class ReasonsAreTrue(Oracle):
    """While nothing is wrong with the site: the line that is named as full lies above the post, is wired to it, and has
    no room; whoever is said to limit does, and so much; no car that is said to have all would take more, and none that
    is said to keep its safe current has more than that; and what its post is said to have accepted is what that holds.
    """

    name = "why"
    promise = "the reason that is given for a car's current is so"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        site = world.configuration.site
        self._evses = {(evse.key.station, evse.key.evse): evse for evse in site.evses}
        self._keeps_safe = site.control.idle is IdlePolicy.SAFE
        self._ratings = {circuit.id: circuit.rating_a for circuit in site.circuits}
        self._building = BuildingLately(world, BUILDING_S)
        self._wrong_since: dict[tuple[str, int], float] = {}
        self._told: set[int] = set()
        self._asks_at = 0.0
        self._kept_a: dict[tuple[str, int], float] = {}  # for guests: nobody but the gateway knows what they may draw
        self._above_a: float | None = None  # what a gateway above allows this one
        self._profiled: set[str] = set()  # stations that the cloud has told limits of its own
        self._closes = any(each.at_close is not None for each in world.configuration.schedule)
        self._checks: tuple[Callable[[Stay, Evse, Reason, str], str | None], ...] = (
            self._has_all,
            self._is_full,
            self._is_limited,
            self._is_known,
            self._is_kept,
        )

    def look(self) -> None:
        now = self.world.now()
        self._building.look()
        if now < self._asks_at:
            return
        self._asks_at = now + ASKS_S
        self._above_a = self._of_above()
        status = self.world.gateway.site_report() if self.world.is_sound else None
        if status is None or status["control"]["state"] == "STARTING":
            self._wrong_since.clear()
            return
        if not (self.world.parking.here or self.world.scenario.guests):
            self._wrong_since.clear()  # nobody is there of whom anything could be said
            return
        said = evses_said(status)
        guests = [key for key in self._evses if key[0] in self.world.scenario.guests]
        self._kept_a = {key: min(said[key]["exposure_a"], self._evses[key].max_a) for key in guests}
        wrong = {key: text for key, stay in self.world.parking.here.items() for text in self._wrong(key, stay, said)}
        self._wrong_since = {key: self._wrong_since.get(key, now) for key in wrong}
        patience_s = WRONG_S + self.world.scenario.sample_interval_s + 2 * self.world.period_s
        for key, text in wrong.items():
            stay = self.world.parking.here[key]
            if now - self._wrong_since[key] > patience_s and id(stay) not in self._told:
                self._told.add(id(stay))
                self.fail(
                    f"for {patience_s:.0f} s what was said of {stay.label} wasn't so: '{said[key]['text']}': {text}"
                )

    def cloud_said(self, identity: str, text: str) -> None:
        if '"SetChargingProfile"' in text:
            self._profiled.add(identity)

    def _wrong(self, key: tuple[str, int], stay: Stay, said: Mapping[tuple[str, int], Any]) -> Iterator[str]:
        """What isn't so of the sentence about that one, in words; the first thing."""
        told, station = said.get(key), self.world.stations[key[0]]
        if told is None or not stay.may_charge or not station.charging():
            return
        holds_a, accepted_a = station.told_a(key[1]), told["accepted_a"]
        if accepted_a is None or abs(accepted_a - holds_a) > SHOWN_A:
            yield f"its post is told {holds_a:.1f} A, and the report says {accepted_a} A"
            return
        # Where the station holds something lower besides, nobody can know why its car takes no more.
        if told["limit_a"] is not None and station.offered_a(key[1]) < told["limit_a"] - SHOWN_A:
            return
        for check in self._checks:
            text = check(stay, self._evses[key], Reason(told["reason"]), told["text"])
            if text is not None:
                yield text
                return

    def _has_all(self, stay: Stay, evse: Evse, reason: Reason, _text: str) -> str | None:
        station = self.world.stations[evse.key.station]
        wants_a, offered_a = station.wanted_a(evse.key.evse), station.offered_a(evse.key.evse)
        takes = stay.ev.draw_a > offered_a - TAKES_A and not stay.ev.napping and not stay.ev.sleeps
        if reason in HAS_ALL and takes and wants_a - max(offered_a, evse.min_a) > HUNGRY_A:
            return f"it would take {wants_a:.1f} A, and is offered {offered_a:.1f} A"
        return None

    def _is_full(self, _stay: Stay, evse: Evse, _reason: Reason, text: str) -> str | None:
        found = FULL.search(text)
        if found is None:
            return None
        circuit, phase = found["circuit"], PHASE_NAMES.index(found["phase"])
        above = {run.id: run for run in self.world.copper.path(evse.circuit)}
        if circuit not in above or found["phase"] not in {each.value for each in evse.phases}:
            return f"{circuit} {found['phase']} isn't above {evse.key.station}"
        told_a = sum(
            self._told_a(each) for each in self._evses.values() if self._is_told_on(each, circuit, found["phase"])
        )
        building_a = max(amps[phase] for amps in self._building.of(circuit))
        waits = found["how"] != "is full"  # then it has no room for its minimum
        rating_a = self._ratings[circuit]
        if waits and circuit == self.world.root:
            rating_a = min(
                [rating_a, *(each for each in (self.world.limits.held()[0], self._above_a) if each is not None)]
            )
        if self.world.configuration.schedule:
            rating_a = min(rating_a, float(found["rating"]))
        if abs(rating_a - float(found["rating"])) > SHOWN_A:
            return f"{circuit} may carry {rating_a:g} A"
        room_a = rating_a - told_a - building_a
        if room_a > (evse.min_a if waits else 0.0) + NEARLY_FULL_A:
            return f"{room_a:.1f} A of it are left of {rating_a:g}"
        return None

    def _told_a(self, evse: Evse) -> float:
        """What a car that is there is offered; and what is kept free for a guest, which has no copper, or for the next
        car, which may begin with it.
        """
        key = (evse.key.station, evse.key.evse)
        if key[0] in self.world.scenario.guests:
            return self._kept_a.get(key, 0.0)
        offered_a = self.world.stations[key[0]].offered_a(key[1]) if key in self.world.parking.here else 0.0
        return max(offered_a, evse.fallback_a) if self._keeps_safe else offered_a

    def _is_told_on(self, evse: Evse, circuit: str, phase: str) -> bool:
        """Whether what that one is told may flow there."""
        above = {run.id for run in self.world.copper.path(evse.circuit)}
        return circuit in above and phase in {each.value for each in evse.phases}

    def _is_limited(self, _stay: Stay, _evse: Evse, reason: Reason, text: str) -> str | None:
        if reason not in (Reason.LIMITED, Reason.LIMIT_ENDED):
            return None
        found, allowed = LIMITED.search(text), ALLOWED.search(text)
        source = None if found is None else found["source"]
        if source == SOURCE_NAMES[LimitSource.DEMAND_WINDOW] and self.world.configuration.demand_limits_kw:
            return None  # what a window leaves is judged by its oracle
        if source == SOURCE_NAMES[LimitSource.SCHEDULE] and self.world.configuration.schedule:
            return None  # when a rule holds isn't reckoned here
        if source == SOURCE_NAMES[LimitSource.GRID] and allowed is not None:
            operator = self.world.grid_operator
            allows_w = operator.allows_w if operator.dims else math.inf
            so = abs(allows_w - float(allowed["amount"])) <= 1.0
            return None if so else f"the grid operator allows {allows_w:g} W"
        if source in OF_SIGNALS and allowed is not None:
            leaves_w = self.world.signals.allows_w()
            so = leaves_w is not None and abs(leaves_w - float(allowed["amount"])) <= 1.0
            return None if so else f"EEBUS LPC and OpenADR allow {leaves_w} W"
        if source == SOURCE_NAMES[LimitSource.CLOUD] and allowed is not None and self._above_a is not None:
            so = abs(self._above_a - float(allowed["amount"])) <= SHOWN_A
            return None if so else f"the gateway above allows {self._above_a:.1f} A"
        taken = self.world.limits.taken.get(WAYS.get(source or "", ""))
        if taken is None or allowed is None:
            return f"nobody limits by {source}"
        now = self.world.now()
        is_so = taken.amps(now) if allowed["unit"] == "A" else taken.watts(now)
        if is_so is None or abs(is_so - float(allowed["amount"])) > SHOWN_A:
            return f"{source} allows {is_so} {allowed['unit']}"
        return None if (now >= taken.until_s) is (reason is Reason.LIMIT_ENDED) else f"{source} has other words"

    def _of_above(self) -> float | None:
        above, upper = self.world.above, self.world.upper
        status = None if upper is None else upper.site_report()
        if above is None or status is None:
            return None
        ours = next((each for each in status["stations"] if each["id"] == above.identity), None)
        return None if ours is None else ours["evses"][0]["limit_a"]

    def _is_known(self, stay: Stay, evse: Evse, reason: Reason, _text: str) -> str | None:
        if reason in FOREIGN:
            return "it is there, obeys, and all meters answer"
        if reason is Reason.READY_IN_TIME and stay.need is None:
            return "nobody has said what its car needs"
        if reason is Reason.SURPLUS and not evse.on_surplus:
            return "it doesn't live on the sun"
        if reason in (Reason.ECO, Reason.ECO_WAITS) and not self.world.signals.is_eco:
            return "nobody asks for mode eco"
        return None

    def _is_kept(self, _stay: Stay, evse: Evse, reason: Reason, _text: str) -> str | None:
        """Its safe current, where `idle = "safe"` and who limits that one in particular would leave it less."""
        if reason is not Reason.SAFE_KEPT:
            return None
        if not self._keeps_safe:
            return "no post keeps its safe current here"
        station = evse.key.station
        offered_a = self.world.stations[station].offered_a(evse.key.evse)
        if offered_a > evse.fallback_a + SHOWN_A:
            return f"it is offered {offered_a:.1f} A, and its safe current is {evse.fallback_a:g} A"
        limited = evse.on_surplus or self.world.signals.is_eco or station in self._profiled or self._closes
        return None if limited else "nobody limits it in particular"
