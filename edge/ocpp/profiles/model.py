"""A charging profile of any OCPP version as one frozen value, and what it says at a moment.

All moments are seconds since 1970 in UTC. A day and a week are of fixed length: recurrence counts from the schedule's
start in UTC, so the change to or from daylight saving time moves nothing (OCPP 1.6 §3.14, 2.0.1 K01.FR.40).
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import floor
from typing import TypeAlias

from edge.ocpp.versions import Version
from edge.units import Amps, Volts

Moment: TypeAlias = float  # seconds since 1970-01-01T00:00:00Z

DEFAULT_PHASES = 3  # numberPhases left out (OCPP 1.6 §7.14, 2.0.1 K01.FR.49)


class ProfilePurpose(StrEnum):
    """What a profile limits, by the names of OCPP 2.x (1.6 calls the first one ChargePointMaxProfile)."""

    STATION_MAX = "ChargingStationMaxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"
    PRIORITY = "PriorityCharging"  # 2.1: overrules the two above while the driver has priority
    LOCAL_GENERATION = "LocalGeneration"  # 2.1: comes on top of all others


class Kind(StrEnum):
    """From when a schedule counts (OCPP 1.6 §7.9, 2.0.1 part 2 K §3.3)."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


class Recurrency(StrEnum):
    """How often a recurring schedule begins anew."""

    DAILY = "Daily"
    WEEKLY = "Weekly"


RECURRENCE_S = {Recurrency.DAILY: 86_400, Recurrency.WEEKLY: 7 * 86_400}


class RateUnit(StrEnum):
    """A: per phase. W: all phases together (OCPP 1.6 §7.12, 2.0.1 K01.FR.50 and 51)."""

    AMPERES = "A"
    WATTS = "W"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePeriod:
    """From ``start_s`` after the schedule's start on. Limits and setpoints are in the schedule's unit.

    ``limit`` is None where the cloud leaves it to an energy manager on site (2.1: ExternalLimits, ExternalSetpoint).
    With ``limit_l2`` or ``limit_l3`` each phase has its own, and ``limit`` is that of L1. ``setpoint`` is the sum of
    the phases; a car that may follow it up to there is limited by it.
    """

    start_s: int
    limit: float | None
    limit_l2: float | None = None
    limit_l3: float | None = None
    setpoint: float | None = None
    number_phases: int | None = None
    phase_to_use: int | None = None

    @property
    def phases(self) -> int:
        """How many phases the period counts on."""
        return DEFAULT_PHASES if self.number_phases is None else self.number_phases

    @property
    def has_limits_of_phases(self) -> bool:
        """Whether each phase has a limit of its own (2.1)."""
        return self.limit_l2 is not None or self.limit_l3 is not None

    def limit_a(self, unit: RateUnit, nominal_voltage_v: Volts) -> Amps | None:
        """The most that each phase may carry, in A; the lowest where the phases differ. None: no limit.

        W becomes A by the nominal voltage and numberPhases, never by the phases in use (2.0.1 K01.FR.50, OCPP 1.6
        errata 3.34).
        """
        per_phase = [limit for limit in (self.limit_l2, self.limit_l3) if limit is not None]
        volts = 1.0 if unit is RateUnit.AMPERES else nominal_voltage_v
        found = [limit / volts for limit in per_phase]
        if self.limit is not None:
            # In W without limits of their own, all phases share the limit.
            shared_by = self.phases if unit is RateUnit.WATTS and not per_phase else 1
            found.append(self.limit / (volts * shared_by))
        if self.setpoint is not None:
            found.append(self.setpoint / (volts * self.phases))
        return min(found, default=None)


@dataclass(frozen=True, kw_only=True)  # no slots: what is derived is kept
class ChargingProfile:
    """One profile as the cloud has set it.

    ``start`` is None when the schedule counts from an anchor that the caller gives: the start of the transaction.
    ``recurrence_s`` is set exactly for a recurring profile, and then ``start`` is too. ``given`` is the profile in
    JSON, in the form of its ``version``: what the cloud is told when it asks.
    """

    version: Version
    id: int
    stack_level: int
    purpose: ProfilePurpose
    unit: RateUnit
    periods: tuple[SchedulePeriod, ...]
    start: Moment | None = None
    duration_s: int | None = None
    recurrence_s: int | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    transaction: str | None = None
    max_offline_s: int | None = None  # 2.1: invalid when the cloud has been away for longer,
    expires_offline: bool = False  # and invalid for good
    given: str

    def is_valid(self, at: Moment) -> bool:
        """From validFrom, until just before validTo (2.0.1 K01.FR.36 and 37)."""
        return (self.valid_from is None or at >= self.valid_from) and (self.valid_to is None or at < self.valid_to)

    def is_over(self, at: Moment) -> bool:
        """Whether it says nothing any more, at any later moment either."""
        if self.valid_to is not None and at >= self.valid_to:
            return True
        if self.start is None or self.duration_s is None or self.recurrence_s is not None:
            return False
        return at >= self.start + self.duration_s

    def overlaps(self, other: "ChargingProfile") -> bool:
        """Whether there is a moment at which both are valid."""
        begins = [moment for moment in (self.valid_from, other.valid_from) if moment is not None]
        ends = [moment for moment in (self.valid_to, other.valid_to) if moment is not None]
        return not begins or not ends or max(begins) < min(ends)

    def period_at(self, at: Moment, anchor: Moment) -> SchedulePeriod | None:
        """The period in force, or None while the profile says nothing: not valid, not begun, or over.

        The last period holds until the duration ends; periods beyond the duration or the recurrence are not executed
        (OCPP 1.6 §5.16.4, 2.0.1 K01.FR.11 to 13 and 30). What counts from the ``anchor`` has begun: one that is ahead
        is of a clock that is behind now.
        """
        if not self.is_valid(at):
            return None
        elapsed_s = max(at - anchor, 0.0) if self.start is None else at - self.start
        if elapsed_s < 0:
            return None
        if self.recurrence_s is not None:
            elapsed_s %= self.recurrence_s
        if self.duration_s is not None and elapsed_s >= self.duration_s:
            return None
        return self.periods[bisect_right(self._starts, elapsed_s) - 1]

    def next_edge(self, after: Moment, anchor: Moment) -> Moment | None:
        """The first moment later than ``after`` at which the profile may begin to say something else."""
        candidates = [moment for moment in (self.valid_from, self.valid_to) if moment is not None and moment > after]
        start = anchor if self.start is None else self.start
        rounds, every_s = range(1), self.recurrence_s or 0
        if every_s:
            rounds_over = max(0, floor((after - start) / every_s))
            rounds = range(max(0, rounds_over - 1), rounds_over + 3)  # one more on either side: floats are rounded
        edges = (self._first_edge(start + each * every_s, after) for each in rounds)
        edge = next((each for each in edges if each is not None), None)
        return min([*candidates, edge] if edge is not None else candidates, default=None)

    def edges(self, after: Moment, until: Moment, anchor: Moment) -> Iterator[Moment]:
        """All such moments between the two, in order."""
        edge = self.next_edge(after, anchor)
        while edge is not None and edge < until:
            yield edge
            edge = self.next_edge(edge, anchor)

    def _first_edge(self, start: Moment, after: Moment) -> Moment | None:
        """The first later than ``after`` of a schedule that begins at ``start``. Found by halves: a cloud may ask for
        what thousands of them say together."""
        offsets = self._offsets
        place = bisect_right(offsets, after - start)
        while place > 0 and start + offsets[place - 1] > after:  # the difference was rounded
            place -= 1
        while place < len(offsets) and start + offsets[place] <= after:
            place += 1
        return start + offsets[place] if place < len(offsets) else None

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        return tuple(period.start_s for period in self.periods)

    @cached_property
    def _offsets(self) -> tuple[int, ...]:
        offsets = self._starts if self.duration_s is None else tuple(sorted((*self._starts, self.duration_s)))
        if self.recurrence_s is None:
            return offsets
        return tuple(offset for offset in offsets if offset < self.recurrence_s)
