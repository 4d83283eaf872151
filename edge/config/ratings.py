"""The currents of an EVSE, whether the file gives them in A or, for DC, in W."""

import math
from dataclasses import dataclass

from edge.config.schema_station import PILOT_MIN_A, EvseTable
from edge.domain.site import Supply
from edge.units import Amps, Volts, phase_amps

# What a DC charger needs to start at all is seldom told; most go down to about this.
DEFAULT_MIN_W = 5000.0


# Sums of currents from a file are exact to far less than this; a finer difference comes from the arithmetic.
EQUAL_A = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """In A on each of the EVSE's phases. ``max_a`` is 0 where the file gives none."""

    min_a: Amps
    max_a: Amps
    fallback_a: Amps

    @classmethod
    def of(cls, evse: EvseTable, nominal_voltage_v: Volts) -> "Ratings":
        """Watts are divided over the EVSE's phases. The fallback is the minimum where none is given."""
        if evse.supply is Supply.AC:
            least = PILOT_MIN_A if evse.min_a is None else evse.min_a
            safe = least if evse.fallback_a is None else evse.fallback_a
            return cls(min_a=least, max_a=evse.max_a or 0.0, fallback_a=safe)
        least_w = DEFAULT_MIN_W if evse.min_w is None else evse.min_w
        safe_w = least_w if evse.fallback_w is None else evse.fallback_w
        least, most, safe = (
            phase_amps(power_w, nominal_voltage_v) / len(evse.phases)
            for power_w in (least_w, evse.max_w or 0.0, safe_w)
        )
        return cls(min_a=least, max_a=most, fallback_a=safe)

    def least_a(self, step_a: Amps) -> Amps:
        """The minimum in whole steps, as it is given."""
        return math.ceil(self.min_a / step_a - EQUAL_A) * step_a
