"""GetCompositeSchedule: what is expected to be allowed from now on, as a list of periods (OCPP 1.6 §5.7, 2.0.1 K08).

It is the composite of the cloud's profiles, at most the EVSE's own maximum and what the site allows it ("local
limits": 1.6 errata 3.27, 2.0.1 SC.01), as if its session began now where none runs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge.ocpp.profiles.answer import Context
from edge.ocpp.profiles.composite import Composer
from edge.ocpp.profiles.model import Moment, RateUnit
from edge.ocpp.profiles.refusal import ProfileRefused, Reason
from edge.ocpp.profiles.store import STATION, ProfileStore
from edge.units import PHASES, Amps

LONGEST_S = 31 * 86_400  # a month of quarter hours is what a cloud may plan ahead with; more is a mistake
MOST_EDGES = 6000  # 31 days with a limit for every quarter hour of three profiles; beyond it, work without end
MOST_PERIODS = 1024  # chargingSchedulePeriod has at most so many (schema of 2.0.1)

# Limits have one decimal (OCPP 1.6 §7.13); a value this little below a step is that step.
_SLACK = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inquiry:
    """What is asked for: the EVSE (or the station), from a whole second on, in which unit."""

    composer: Composer
    evse: int
    start: Moment
    now: Moment  # within its first second
    duration_s: int
    unit: RateUnit
    site_a: Mapping[int, Amps]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From ``start_s`` on: the limit in the unit that was asked for, and the phases that it counts on."""

    start_s: int
    limit: float
    phases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A composite schedule from the whole second ``start`` on, in as few steps as it has."""

    start: Moment
    duration_s: int
    unit: RateUnit
    steps: tuple[Step, ...]

    @property
    def periods(self) -> list[dict[str, Any]]:
        """The steps as a chargingSchedulePeriod list."""
        return [{"startPeriod": step.start_s, "limit": step.limit, "numberPhases": step.phases} for step in self.steps]


def expected(store: ProfileStore, context: Context, evse: int, duration_s: int, unit: RateUnit) -> Expected:
    """The composite schedule of the EVSE, or of the station, from now on.

    Raises ProfileRefused where it can't be told: the answer is Rejected (1.6 §5.7, 2.0.1 K08.FR.05 and 07).
    """
    if not context.knows(evse):
        raise ProfileRefused(Reason.UNKNOWN_EVSE, f"EVSE {evse} doesn't exist")
    if unit not in context.wiring.capacity.units:
        raise ProfileRefused(Reason.UNSUPPORTED_RATE_UNIT, f"chargingRateUnit {unit} is not supported")
    if not 0 < duration_s <= LONGEST_S:
        raise ProfileRefused(Reason.INVALID_VALUE, f"a duration of {duration_s} s is not between 1 and {LONGEST_S}")
    start = float(math.floor(context.now))
    composer = replace(context.composer(store), session_since=start)
    inquiry = _Inquiry(
        composer=composer,
        evse=evse,
        start=start,
        now=context.now,
        duration_s=duration_s,
        unit=unit,
        site_a=context.site_a,
    )
    return Expected(start=start, duration_s=duration_s, unit=unit, steps=tuple(_steps(inquiry)))


def _steps(inquiry: _Inquiry) -> list[Step]:
    found: list[Step] = []
    for second in _seconds(inquiry):
        step = _step(inquiry, second)
        if not found or (found[-1].limit, found[-1].phases) != (step.limit, step.phases):
            found.append(step)
        if len(found) > MOST_PERIODS:
            raise ProfileRefused(Reason.TOO_MANY_ELEMENTS, f"the schedule has more than {MOST_PERIODS} periods")
    return found


def _seconds(inquiry: _Inquiry) -> list[int]:
    """The seconds at which the schedule may change, in order."""
    until = inquiry.start + inquiry.duration_s
    evses = (STATION, *inquiry.composer.wiring.phases) if inquiry.evse == STATION else (inquiry.evse,)
    edges = (edge for evse in evses for edge in inquiry.composer.edges(evse, inquiry.start, until))
    seconds = {0}
    for looked_at, edge in enumerate(edges):
        if looked_at >= MOST_EDGES:
            raise ProfileRefused(Reason.TOO_MANY_ELEMENTS, f"the profiles change more than {MOST_EDGES} times")
        # A change within a second shows in the next whole one.
        seconds.add(math.ceil(round(edge - inquiry.start, 6)))
    return sorted(each for each in seconds if each < inquiry.duration_s)


def _step(inquiry: _Inquiry, second: int) -> Step:
    # The second that is under way is told as it is now: what the cloud has set a moment ago counts.
    at = max(inquiry.start + second, inquiry.now)
    limit, phases = (_of_station if inquiry.evse == STATION else _of_evse)(inquiry, inquiry.evse, at)
    return Step(start_s=second, limit=math.floor(limit * 10 + _SLACK) / 10, phases=phases)


def _of_evse(inquiry: _Inquiry, evse: int, at: Moment) -> tuple[float, int]:
    """The EVSE's limit in the unit of the inquiry, and its phases."""
    limit_a, phases = _evse_amps(inquiry, evse, at)
    return limit_a * _per_amp(inquiry, phases), phases


def _evse_amps(inquiry: _Inquiry, evse: int, at: Moment) -> tuple[Amps, int]:
    wiring = inquiry.composer.wiring
    verdict = inquiry.composer.verdict(evse, at)
    limits = (verdict.limit_a, wiring.max_a[evse], inquiry.site_a.get(evse))
    limit_a = min(limit for limit in limits if limit is not None)
    return limit_a, min(verdict.phases, len(wiring.phases[evse]))


def _of_station(inquiry: _Inquiry, station: int, at: Moment) -> tuple[float, int]:
    """What all EVSEs are expected to take together, at most the station's maximum (1.6 §5.7, 2.0.1 K08.FR.03).

    In A it is the current of the phase that carries most.
    """
    wiring = inquiry.composer.wiring
    on_phase = dict.fromkeys(PHASES, 0.0)
    total, phases = 0.0, 1
    for evse, wired in wiring.phases.items():
        limit_a, used = _evse_amps(inquiry, evse, at)
        total += limit_a * _per_amp(inquiry, used)
        phases = max(phases, used)
        for phase in wired:
            on_phase[phase] += limit_a
    if not wiring.phases:
        phases = len(PHASES)
        total = wiring.whole_a * _per_amp(inquiry, phases)
    elif inquiry.unit is RateUnit.AMPERES:
        total = max(on_phase.values())
    verdict = inquiry.composer.verdict(station, at)
    caps = (verdict.limit_a, inquiry.site_a.get(station))
    limits = [total, *(cap * _per_amp(inquiry, verdict.phases) for cap in caps if cap is not None)]
    return min(limits), phases


def _per_amp(inquiry: _Inquiry, phases: int) -> float:
    return 1.0 if inquiry.unit is RateUnit.AMPERES else inquiry.composer.wiring.nominal_voltage_v * phases
