"""Whether a station tells the sum of its phases' currents as one, without a phase.

OCPP leaves open what that is (1.6 §7.31: a value without phase is an overall one): what each phase carries, the most
that one does, or the sum. The power tells the first from the two others, and never those from each other: a car of one
phase has the same power, and the same current in both. They are told apart by this: under a limit a sum is as many
times the limit as there are phases, whenever the car takes all that it may. Until that was seen, each phase counts with
the whole: too much is the safe mistake.
"""

import math
from dataclasses import dataclass

from edge.domain.site import Evse, EvseKey
from edge.ocpp.meter_values import NOISE_A
from edge.units import VOLTAGE_MAY_DIFFER, Amps, Seconds

# Of the limit times the phases: cars take a little less than they may. A car of one phase that disobeys draws one of
# the usual 10, 13, 16, 20 or 32 A, few of which lie so close to a multiple of its limit.
LEAST, MOST = 0.935, 1.025
TIMES = 2  # samples, apart by this at least
APART_S = 5.0
# So long a car may take what it was allowed before (edge.allocation.exposure.FOLLOW_S, and more).
LINGERS_S = 60.0
LOWEST_FACTOR = 0.8  # of the power by its current: what cars take at their least power factor


class Limits:
    """What the EVSEs of one station may draw, as it has accepted it."""

    def __init__(self) -> None:
        self._told: dict[EvseKey, Amps] = {}
        self._before: dict[EvseKey, list[tuple[Seconds, Amps]]] = {}  # when each was replaced, and what it was

    def accepted(self, key: EvseKey, limit_a: Amps, now: Seconds) -> None:
        """An EVSE has accepted this limit; what it held before the first is unknown."""
        before_a = self._told.get(key, math.inf)
        if limit_a != before_a:
            kept = [each for each in self._before.get(key, []) if now - each[0] < LINGERS_S]
            self._before[key] = [*kept, (now, before_a)]
        self._told[key] = limit_a

    def of(self, key: EvseKey) -> Amps:
        """What it may draw now; 0 where that isn't known."""
        return self._told.get(key, 0.0)

    def lately(self, key: EvseKey, now: Seconds) -> Amps:
        """The most of what it was allowed before, and its car may still take."""
        return max((amps for at, amps in self._before.get(key, []) if now - at < LINGERS_S), default=0.0)


@dataclass(slots=True)
class _Evidence:
    """What the samples of one EVSE have shown; ``last_at``: when the last did."""

    times: int = 0
    last_at: Seconds | None = None


class Sums:
    """One station's habit, as seen since the program's start."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._evidence: dict[EvseKey, _Evidence] = {}

    def is_sum(self, evse: Evse, current_a: Amps, by_power_a: Amps, at: Seconds) -> bool:
        """Whether a current without phase is what all phases carry together. ``by_power_a``: what that is by the power.

        To be asked for every such sample: it also is what shows the next ones' meaning.
        """
        evidence = self._evidence.setdefault(evse.key, _Evidence())
        if by_power_a > current_a * VOLTAGE_MAY_DIFFER + NOISE_A:
            evidence.times, evidence.last_at = 0, None  # more than one phase carries it
            return False
        if by_power_a < current_a * LOWEST_FACTOR - NOISE_A:
            return False
        limit_a = self._limits.of(evse.key)
        is_apart = evidence.last_at is None or at - evidence.last_at >= APART_S
        multiple_a = limit_a * len(evse.phases)
        is_multiple = limit_a > NOISE_A and LEAST * multiple_a <= current_a <= MOST * multiple_a
        if is_multiple and is_apart and self._limits.lately(evse.key, at) < current_a * LEAST:
            evidence.times, evidence.last_at = evidence.times + 1, at
        return evidence.times >= TIMES
