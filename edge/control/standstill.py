"""A meter that answers, but measures no more: it repeats its currents while the draw of its chargers changes.

A meter that repeats itself is alive: a reading's age is that of its poll. But where the stations below it report that
they draw more or less than before, and have all reported since, not one digit of what flows through it can have stayed.
Then its readings count as failed, until one is another. Who is heard of for the first time draws no more than
before: after a restart a session is known some seconds later than the meter.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from edge.control.records import EvseRecord
from edge.domain.reading import MeterReading
from edge.domain.site import EvseKey, Site
from edge.domain.station import EvseStatus
from edge.units import PHASES, PhaseAmps, Seconds

CHANGE_A = 4.0  # beyond what samples of one draw differ by, below the least that a car charges with
SETTLE_S: Seconds = 3.0  # a sample may have been taken so long before it reached us
FOLLOWS_S: Seconds = 10.0  # what a meter shows may be late by so much: DSMR 4 tells each 10 s
# What an EVSE draws isn't known where it says one of these and no transaction of it is.
UNTOLD = frozenset(
    {
        EvseStatus.UNKNOWN,
        EvseStatus.OCCUPIED,
        EvseStatus.CHARGING,
        EvseStatus.SUSPENDED_EV,
        EvseStatus.SUSPENDED_EVSE,
    }
)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Still:
    """Since when a meter has said the same; what its chargers drew then; since when they draw something else."""

    current_a: PhaseAmps
    since: Seconds
    drawn_a: PhaseAmps | None = None
    compared_since: Seconds = 0.0
    unheard: frozenset[EvseKey] = frozenset()  # what these draw wasn't known then
    changed_at: Seconds | None = None
    problem: str | None = None


class Standstill:
    """Compares each meter's readings with what is drawn below it."""

    def __init__(self, site: Site) -> None:
        below: dict[str, list[EvseKey]] = {}
        for evse in site.evses:
            for circuit in site.path(evse.circuit):
                if circuit.meter is not None:
                    below.setdefault(circuit.meter, []).append(evse.key)
        self._below = below
        self._still: dict[str, _Still] = {}

    def problem(self, reading: MeterReading, evses: Mapping[EvseKey, EvseRecord]) -> str | None:
        """Why this reading, the newest of its meter, is none; None where nothing speaks against it."""
        still = self._still.get(reading.meter)
        if reading.current_a is None or still is None or still.current_a != reading.current_a:
            if still is not None and still.problem is not None:
                log.info(f"meter {reading.meter} measures again")
            self._still.pop(reading.meter, None)
            if reading.current_a is not None:
                self._still[reading.meter] = _Still(reading.current_a, reading.at, compared_since=reading.at)
            return None
        if still.problem is None:
            still.problem = self._contradiction(
                still, [evses[key] for key in self._below.get(reading.meter, ())], reading
            )
            if still.problem is not None:
                log.warning(f"meter {reading.meter} measures no longer: {still.problem}")
        return still.problem

    def _contradiction(self, still: _Still, below: list[EvseRecord], reading: MeterReading) -> str | None:
        unheard = frozenset(record.evse.key for record in below if _is_unheard(record))
        if still.drawn_a is not None and still.unheard - unheard:
            still.drawn_a, still.changed_at, still.compared_since = None, None, reading.at
        drawn = [record.draw_a for record in below if record.draw_a is not None]
        total = PhaseAmps(*(sum(each[phase] for each in drawn) for phase in PHASES))
        if still.drawn_a is None:
            if _all_sampled(below, still.compared_since):
                still.drawn_a, still.unheard = total, unheard
            return None
        change = total - still.drawn_a
        phase = max(PHASES, key=lambda each: abs(change[each]))
        if abs(change[phase]) < CHANGE_A:
            still.changed_at = None
            return None
        if still.changed_at is None:
            still.changed_at = reading.at
        # An end of a session is told before its car has come down, and none may be left to be sampled.
        if reading.at - still.changed_at < FOLLOWS_S or not _all_sampled(below, still.changed_at):
            return None
        return (
            f"it has shown the same for {reading.at - still.since:.0f} s, while what its chargers draw changed "
            f"by {change[phase]:+.1f} A on {phase}; restart it, or its gateway"
        )


def _is_unheard(record: EvseRecord) -> bool:
    return record.transaction_id is None and record.status in UNTOLD


def _all_sampled(below: list[EvseRecord], since: Seconds) -> bool:
    """Whether each car that draws has been sampled after this moment."""
    return all(
        record.drawn_at is not None and record.drawn_at >= since + SETTLE_S
        for record in below
        if record.transaction_id is not None
    )
