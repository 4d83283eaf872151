"""Who gets how much: inside a class alike, and a lower class nothing above its minima that a higher one could use."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from edge.domain.site import Evse, IdlePolicy
from edge.units import PHASES
from simulators.charger import Obedience
from simulators.phases import Amps3
from simulators.world.oracles.base import Oracle
from simulators.world.parking import Stay
from simulators.world.world import World

# A car begins, learns of its share, and the other is cut: seconds each; one that was stopped rests a minute. Raises by
# less than an ampere wait a minute, and a building that is restless moves everything meanwhile.
SETTLED_S: Final = 300.0
MORE_A: Final = 1.5  # raises by less than 1 A wait, and what rounding leaves goes to one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A car that is there, and its EVSE as the installer has set it. Currents are those of each phase."""

    stay: Stay
    evse: Evse
    wants_a: float  # were there nothing but its post
    offered_a: float
    draws_a: float
    least_a: float  # it is never given less, if it charges
    grid_a: Amps3  # what it draws on each phase of the grid
    has_told: bool  # its driver has told the gateway what it needs in this session
    needs_a: float  # makes it ready in time; 0: nobody has told anything

    @property
    def is_late(self) -> bool:
        """Whether with what it is offered it won't be ready in time."""
        return min(self.needs_a, self.wants_a) > self.offered_a + MORE_A

    def loads(self, phases: Iterable[str]) -> bool:
        """Whether it draws on each of these of the grid's phases."""
        return all(amps > 0.0 for phase, amps in zip(PHASES, self.grid_a, strict=True) if phase in phases)


class SharesAreFair(Oracle):
    """While nothing is wrong with the site: beside a car that wants more than it is offered no other of its class has
    more, by their weights, and none of a lower class more than its minimum; nor that, where the one has nothing. Beside
    one that won't be ready in time, as the gateway was told, none of its class of which nothing was told has more than
    its minimum.

    Judged of two cars on one circuit, of which the other draws on each phase of the one's post: what is taken from the
    other is there for the one, whatever binds it. Where one phase may not carry more than another that isn't so.
    """

    name = "shares"
    promise = "what there is goes class by class, and inside a class to each alike"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        site = world.configuration.site
        self._evses = {(evse.key.station, evse.key.evse): evse for evse in site.evses}
        self._keeps_safe = site.control.idle is IdlePolicy.SAFE
        self._judges = site.imbalance_limit_a is None and not world.configuration.schedule
        self._disobeyed: set[int] = set()  # who is held for a turn because of that
        self._since: dict[tuple[int, int], float] = {}  # by the one and the other: since when it isn't fair
        self._told: set[tuple[int, int]] = set()

    def look(self) -> None:
        if not self._judges:
            return
        parts = [part for key, stay in self.world.parking.here.items() if (part := self._part(key, stay)) is not None]
        if not self.world.is_sound or self.world.signals.was_eco(SETTLED_S):
            self._since.clear()
            return
        now = self.world.now()
        unfair = {(id(one.stay), id(other.stay)): (one, other) for one, other in self._unfair(parts)}
        self._since = {pair: self._since.get(pair, now) for pair in unfair}
        patience_s = SETTLED_S + 2 * self.world.period_s + self.world.scenario.sample_interval_s
        for pair, (one, other) in unfair.items():
            if now - self._since[pair] > patience_s and pair not in self._told:
                self._told.add(pair)
                self.fail(
                    f"for {now - self._since[pair]:.0f} s {one.stay.label} (rank {one.evse.rank}) has been offered "
                    f"{one.offered_a:.1f} of the {one.wants_a:.1f} A that it wants, and {other.stay.label} (rank "
                    f"{other.evse.rank}) has drawn {other.draws_a:.1f} A"
                )

    def _part(self, key: tuple[str, int], stay: Stay) -> _Part | None:
        """None: nobody who takes part, or one of whom it isn't known what it would be given."""
        evse, station = self._evses[key], self.world.stations[stay.evse.station]
        disobeys = station.spec.obedience is not Obedience.OBEYS or self.world.is_unbound(key[0])
        if stay.ev.excess_a > 0.0 or disobeys:
            self._disobeyed.add(id(stay))
        grid_a = self.world.copper.drawn_a(key)
        judged = stay.may_charge and not stay.ev.sleeps and not evse.on_surplus and not evse.switches_phases
        if not judged or id(stay) in self._disobeyed or not station.charging():
            return None
        safe_a = evse.fallback_a if self._keeps_safe else 0.0
        has_told = stay.need is not None and stay.need.session == station.session(stay.evse.evse_id)
        return _Part(
            stay=stay,
            evse=evse,
            wants_a=0.0 if stay.ev.napping else station.wanted_a(stay.evse.evse_id),
            offered_a=station.offered_a(stay.evse.evse_id),
            draws_a=max(grid_a),
            least_a=max(evse.min_a, safe_a),
            has_told=has_told,
            needs_a=self._needs_a(stay, sum(amps > 0.0 for amps in grid_a)) if has_told else 0.0,
            grid_a=grid_a,
        )

    def _needs_a(self, stay: Stay, phases: int) -> float:
        """The rate on so many phases that gives it by its departure what it still needs; all, when that has passed."""
        if stay.need is None or not phases:
            return 0.0
        had_wh = self.world.stations[stay.evse.station].register_wh(stay.evse.evse_id) - stay.need.register_wh
        left_wh, left_s = max(0.0, stay.need.energy_wh - had_wh), stay.need.departs_s - self.world.now()
        return left_wh * 3600.0 / (max(left_s, 1.0) * phases * self.world.site.nominal_voltage_v)

    def _unfair(self, parts: list[_Part]) -> Iterator[tuple[_Part, _Part]]:
        rivals: dict[str, list[_Part]] = {}
        for each in parts:
            rivals.setdefault(each.evse.circuit, []).append(each)
        most = {circuit: max(map(_weighed_a, those)) for circuit, those in rivals.items()}
        is_one_class = {circuit: len({each.evse.rank for each in those}) == 1 for circuit, those in rivals.items()}
        for one in parts:
            # One that naps can't show what it would take; one that doesn't take up what it is offered doesn't want it.
            has_none = one.offered_a < one.evse.min_a
            takes_all = one.draws_a > one.offered_a - MORE_A or (has_none and not one.stay.napped)
            if one.wants_a - max(one.offered_a, one.evse.min_a if has_none else 0.0) <= 0.0 or not takes_all:
                continue
            if one.wants_a <= one.offered_a + MORE_A:
                continue
            circuit, its_part_a = one.evse.circuit, one.offered_a / one.evse.weight
            if is_one_class[circuit] and not one.is_late and most[circuit] <= its_part_a:
                continue  # nearly always: none of them draws more than it is offered
            yield from ((one, other) for other in rivals[circuit] if _has_too_much(one, other))


def _weighed_a(part: _Part) -> float:
    """What it draws beyond what doesn't count, by its weight."""
    return (part.draws_a - MORE_A) / part.evse.weight


def _has_too_much(one: _Part, other: _Part) -> bool:
    """Of two on one circuit."""
    mine, its = one.evse, other.evse
    if one is other or not other.loads(mine.phases):
        return False
    has_none = one.offered_a < mine.min_a
    if mine.rank < its.rank:
        spared = other.least_a + MORE_A
        gives_way = has_none and mine.min_a <= its.min_a and not its.never_zero and other.least_a <= its.min_a
        return other.draws_a >= its.min_a if gives_way else other.draws_a > spared
    if mine.rank > its.rank or has_none or other.has_told:  # that one may be the more urgent one
        return False
    if one.is_late:
        return other.draws_a > other.least_a + MORE_A
    if one.has_told:
        return False
    step_a = max(mine.step_a, its.step_a)
    its_part_a = (other.draws_a - MORE_A - step_a) / its.weight
    return other.draws_a > other.least_a + MORE_A and its_part_a > one.offered_a / mine.weight
