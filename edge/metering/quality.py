"""Whether a poll's values may be believed: good, suspect, or held against the last good ones. Pure.

A value that can't be true, or doesn't fit the others, is first taken for a slip of the line: for ``HOLD_S`` the last
good reading stands, with its own time, so that it grows old meanwhile. What lasts longer is no slip. If it can't be
true there is no reading any more; if it only doesn't fit (a wrong current transformer, a wrong model) it is used, each
phase with the larger of what its current and its power say, and called suspect. So it is at once where nothing may be
held, as of a meter that tells every ten seconds: until it tells again a fuse would rest on what flowed before.
"""

from dataclasses import dataclass, replace

from edge.domain.reading import MeterReading, Quality
from edge.errors import MeterImplausible
from edge.metering.energies import STALE_S, EnergyCounter
from edge.metering.family import ENERGIES, Family, Quantity, Values
from edge.metering.sample import (
    MAX_CURRENT_A,
    MAX_VOLTAGE_V,
    Sample,
    frequency,
    impossible,
    mismatches,
    sample,
    wired,
    worst,
)
from edge.metering.turned import WHY, Turned, drawn
from edge.units import PHASES, Amps, Phase, PhaseAmps, Seconds, WattHours

HOLD_S: Seconds = 3.0  # three polls; a miniature circuit breaker at 1.45 of its rating holds 13 s at worst
# A change within one poll that is only believed when the next poll says the same, unless the phase's power says it too.
STEP_OF_RATING = 1.0
STEP_A: Amps = 100.0  # without a rating

STEP = "a step that nothing else bears out"
_REMEDY = "check the meter's model, its register order setting and its wiring"


@dataclass(frozen=True, slots=True)
class _Bad:
    """A run of polls that can't be taken as they are."""

    since: Seconds
    currents: PhaseAmps | None  # of the poll that began it


class Judge:
    """One meter's readings, each judged by those before it."""

    def __init__(
        self,
        *,
        meter: str,
        family: Family,
        rating_a: Amps | None = None,
        guarded: frozenset[Phase] = frozenset(PHASES),
    ) -> None:
        """``rating_a``: the fuse of the circuit that the meter measures, None if it measures none. ``guarded``: the
        phases that must be told; another on which there is no voltage counts as not there.
        """
        self._meter = meter
        self._family = family
        self._guarded = guarded
        self._rating_a = rating_a
        self._last: MeterReading | None = None  # the last that was good or suspect
        self._bad: _Bad | None = None
        self._turned = Turned()
        most_w = min(MAX_CURRENT_A, 2 * rating_a if rating_a is not None else MAX_CURRENT_A) * MAX_VOLTAGE_V * 3
        self._frequency_hz: float | None = None  # of the slow blocks
        self._frequency_at: Seconds = 0.0
        self._counters = {name: EnergyCounter(most_w=most_w) for name in ENERGIES}

    def reading(self, values: Values, at: Seconds) -> MeterReading:
        """The reading that the fast blocks' ``values`` make.

        :raises MeterImplausible: they can't be the truth, and there is nothing that may still be held.
        """
        taken = wired(sample(self._family, values), self._family, self._guarded)
        flaw = impossible(taken, self._family, self._rating_a)
        if flaw is not None:
            return self._hold(flaw, taken.currents, at)
        is_turned = self._turned.take(taken.currents, at)
        if is_turned:
            taken = drawn(taken)
        oddities = tuple(mismatches(taken))
        if oddities and self._may_hold(at) and not self._lasts(at):
            return self._hold(oddities[0], taken.currents, at)
        if not oddities and self._is_unsupported_step(taken) and not self._confirmed(taken.currents):
            if self._may_hold(at):
                return self._hold(STEP, taken.currents, at)
            return self._with_slow(self._either(taken, at), at)
        if not oddities:
            self._bad = None
        doubts = (*oddities, WHY) if is_turned else oddities
        self._last = self._told(taken, at, worst(taken) if oddities else taken.currents, doubts)
        return self._with_slow(self._last, at)

    def _told(self, taken: Sample, at: Seconds, current_a: PhaseAmps | None, doubts: tuple[str, ...]) -> MeterReading:
        return MeterReading(
            meter=self._meter,
            at=at,
            current_a=current_a,
            voltage_v=_told(taken.voltage_v),
            phase_power_w=_told(taken.power_w),
            power_w=taken.power,
            frequency_hz=taken.frequency_hz,
            quality=Quality.SUSPECT if doubts else Quality.GOOD,
            doubts=doubts,
        )

    def _either(self, taken: Sample, at: Seconds) -> MeterReading:
        """A step that waits to be confirmed: of each phase the larger of before and now."""
        self._bad = _Bad(at, taken.currents)
        before_a = self._last.current_a if self._last is not None else None
        current_a = taken.currents
        if before_a is not None and current_a is not None:
            current_a = PhaseAmps(*map(max, before_a, current_a))
        return self._told(taken, at, current_a, (STEP,))

    def take_slow(self, values: Values, at: Seconds) -> None:
        """Take what the slow blocks gave: it stands in the readings from here on."""
        for name, counter in self._counters.items():
            if name in values:
                counter.take(values[name], at)
        if Quantity.FREQUENCY in values:
            self._frequency_hz, self._frequency_at = frequency(values), at

    def _hold(self, why: str, currents: PhaseAmps | None, at: Seconds) -> MeterReading:
        if self._bad is None:
            self._bad = _Bad(at, currents)
        if self._last is None or not self._may_hold(at):
            raise MeterImplausible(why, remedy=_REMEDY)
        return self._with_slow(replace(self._last, quality=Quality.HELD, doubts=(why,)), at)

    def _may_hold(self, at: Seconds) -> bool:
        """Whether there is a reading of so lately that it may stand for one that doesn't fit."""
        return self._last is not None and at - self._last.at <= HOLD_S

    def _lasts(self, at: Seconds) -> bool:
        """Whether what doesn't fit has been so for longer than a slip; at the start, or known before, it has."""
        if self._last is None or self._last.quality is Quality.SUSPECT:
            return True
        return self._bad is not None and at - self._bad.since >= HOLD_S

    def _is_unsupported_step(self, taken: Sample) -> bool:
        currents = taken.currents
        if self._last is None or self._last.current_a is None or currents is None:
            return False
        limit_a = STEP_A if self._rating_a is None else STEP_OF_RATING * self._rating_a
        borne_out = [
            power_w is not None and voltage_v is not None
            for power_w, voltage_v in zip(taken.power_w, taken.voltage_v, strict=True)
        ]
        return any(
            abs(now_a - before_a) > limit_a and not supported
            for now_a, before_a, supported in zip(currents, self._last.current_a, borne_out, strict=True)
        )

    def _confirmed(self, currents: PhaseAmps | None) -> bool:
        """Whether the poll before said much the same, and was held for it."""
        if self._bad is None or self._bad.currents is None or currents is None:
            self._bad = None  # a step after another kind of slip begins anew
            return False
        limit_a = STEP_A if self._rating_a is None else STEP_OF_RATING * self._rating_a
        near = all(abs(a - b) <= limit_a for a, b in zip(currents, self._bad.currents, strict=True))
        if not near:
            self._bad = None
        return near

    def _with_slow(self, reading: MeterReading, at: Seconds) -> MeterReading:
        counted: dict[Quantity, WattHours | None] = {name: each.value_wh(at) for name, each in self._counters.items()}
        gaps = tuple(
            f"{name.removesuffix('_wh')} register: {each.gap}" for name, each in self._counters.items() if each.gap
        )
        frequency_hz = reading.frequency_hz
        if frequency_hz is None and at - self._frequency_at <= STALE_S:
            frequency_hz = self._frequency_hz
        return replace(
            reading,
            frequency_hz=frequency_hz,
            import_wh=counted[Quantity.IMPORT_WH],
            export_wh=counted[Quantity.EXPORT_WH],
            doubts=reading.doubts + gaps,
        )


def _told(
    phases: tuple[float | None, float | None, float | None],
) -> tuple[float | None, float | None, float | None] | None:
    return phases if any(value is not None for value in phases) else None
