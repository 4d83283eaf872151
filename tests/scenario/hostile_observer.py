"""The observer who knows the truth: what each charger is entitled to draw, and what it draws."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.domain.site import Circuit, Site
from edge.units import PHASES, Amps, Phase, PhaseAmps, Seconds
from tests.scenario.hostile_link import Troubles
from tests.scenario.hostile_plan import VOLTAGE_V, Plan
from tests.scenario.hostile_station import Point

# After a step up of the background what the chargers may draw is above the rating until they have obeyed their cuts,
# and nothing can be done about it. That takes: a reading (1 s); where cars have just been raised and don't draw all of
# it yet, until they do (5 s) and are sampled (10 s), because so long the rise may be theirs, and as long again where
# they are raised once more, or in a row of small steps after the meter has failed; then the cut (a second, network
# delays of 4 s at most, 5 s to obey). Most are over in 10 s, the longest seen took 38 s.
EXCUSE_S = 45.0
# Where cars also take less than they may and change their minds, a rise can hide behind cars that move for as long as
# some car does, up to what they leave of their limits; so there the excuse begins anew with each car that moves. It
# can't hide from the meter: what really flows is above a rating no longer than a reading, the hold of an overload
# (8 s), a cut and its obedience (10 s) take; and a rest of it until a sample shows what came of that (10 s more).
OVERLOAD_S = 30.0
# A station that knows no TxDefaultProfile is bound by nothing from a session's end until its next session's first limit
# is obeyed, nor can anything be: for so long as it takes to hear of that session and to cut the others for it. While it
# is out of reach, a session may have begun that nobody can bind, on a circuit that may not even carry it alone.
UNBOUND_S = 30.0
TOLERANCE_A = 1e-6

Line = tuple[str, Phase | None]  # a circuit's phase, or all of it, for its total power


@dataclass(slots=True)
class Observer:
    """``failures`` are what was seen: sentences. ``latest_s``: how long after a step the last excused one was seen."""

    plan: Plan
    troubles: Troubles
    failures: list[str] = field(default_factory=list)
    latest_s: Seconds = 0.0
    stepped_at: Seconds | None = None
    moved_at: Seconds = 0.0
    unbound_until: Seconds = 0.0
    _within_at: dict[Line, Seconds] = field(default_factory=dict)  # when each was last seen within its rating

    @property
    def site(self) -> Site:
        return self.plan.site

    def failed_cut_s(self, now: Seconds, *, cut_off: bool) -> Seconds:
        """How long a cut that is refused or lost leaves the limit before it in force: a lease, with all slack.

        ``cut_off``: some station is out of reach. Where nothing went wrong for so long, no cut has failed.
        """
        lease_s = self.site.control.lease_s + 40.0
        return lease_s if cut_off or now - self.troubles.last_at < lease_s else 0.0

    def is_excused(self, now: Seconds, *, metered: bool, cut_off: bool) -> bool:
        """Whether nobody could have known, or done, better yet."""
        if now < self.unbound_until + self.failed_cut_s(now, cut_off=cut_off):
            return True
        if self.stepped_at is None:
            return False
        since = max(self.stepped_at, self.moved_at) if metered and self.plan.habits.capricious else self.stepped_at
        return now - since <= EXCUSE_S + self.failed_cut_s(now, cut_off=cut_off)

    def observe(self, now: Seconds, points: Iterable[Point], background_a: PhaseAmps, *, cut_off: bool) -> Amps:
        """Whether what the chargers may draw is under every rating, with the background; and what they do draw.

        Return what they draw in all, of each its busiest phase.
        """
        entitled: dict[Line, Amps] = {}
        drawn: dict[Line, Amps] = {}
        for circuit in self.site.circuits:
            for phase in PHASES:
                building_a = background_a[phase] if circuit.parent is None else 0.0
                entitled[circuit.id, phase] = drawn[circuit.id, phase] = building_a
        total_a = 0.0
        for point in points:
            phases, does_a = point.drawn(now)
            total_a += does_a
            may = point.entitled_a(now)
            for circuit in self.site.path(point.evse.circuit):
                for phase, amps in may.items():
                    entitled[circuit.id, phase] += amps
                for phase in phases:
                    drawn[circuit.id, phase] += does_a
        for circuit in self.site.circuits:
            for on, rating_a in _ratings(circuit):
                excused = self.is_excused(now, metered=circuit.meter is not None, cut_off=cut_off)
                may_a, flows_a = _on(entitled, circuit, on), _on(drawn, circuit, on)
                if may_a > rating_a + TOLERANCE_A:
                    self._over(now, (circuit.id, on), may_a, rating_a, excused=excused)
                self._watch(now, (circuit.id, on), flows_a, rating_a, cut_off=cut_off)
        return total_a

    def _over(self, now: Seconds, line: Line, may_a: Amps, rating_a: Amps, *, excused: bool) -> None:
        if not excused:
            self._fail(now, line, "the chargers may draw", may_a, rating_a)
        elif self.stepped_at is not None:
            self.latest_s = max(self.latest_s, now - self.stepped_at)

    def _watch(self, now: Seconds, line: Line, flows_a: Amps, rating_a: Amps, *, cut_off: bool) -> None:
        """What flows is above a rating for a moment at most, unless a station is about that nothing can bind."""
        if flows_a <= rating_a + TOLERANCE_A or now < self.unbound_until:
            self._within_at[line] = now
        elif now - self._within_at.setdefault(line, now) > OVERLOAD_S + self.failed_cut_s(now, cut_off=cut_off):
            self._fail(now, line, "for too long the chargers have drawn", flows_a, rating_a)

    def _fail(self, now: Seconds, line: Line, what: str, amps: Amps, rating_a: Amps) -> None:
        where = f"{line[0]} {line[1] or 'in all'}"
        self.failures.append(f"{now:.2f} s: {where}: {what}, with the background, {amps:.2f} of {rating_a:g} A")


def _ratings(circuit: Circuit) -> list[tuple[Phase | None, Amps]]:
    ratings: list[tuple[Phase | None, Amps]] = [(phase, circuit.rating_a) for phase in PHASES]
    if circuit.limit_w is not None:
        ratings.append((None, circuit.limit_w / VOLTAGE_V))
    return ratings


def _on(flows: dict[Line, Amps], circuit: Circuit, phase: Phase | None) -> Amps:
    return flows[circuit.id, phase] if phase is not None else sum(flows[circuit.id, each] for each in PHASES)
