"""The voltage at which limits in watts are counted.

A limit in watts is of what flows truly: at 240 V as many amperes carry 4 % more than at 230. So where the meters show
more than the nominal voltage, theirs counts; where they show less, or none does, the nominal.
"""

import math
from collections.abc import Mapping

from edge.domain.reading import MeterReading
from edge.domain.site import Site
from edge.units import Seconds, Volts

STEP_V: Volts = 2.0  # mains wander by a volt all the time, and each change may lower limits


class Mains:
    """Follows the highest voltage that the circuits' meters show: up at once, down when it has fallen clearly."""

    def __init__(self, site: Site) -> None:
        self._nominal_v = site.nominal_voltage_v
        self._stale_s = site.control.meter_stale_s
        self._meters = frozenset(circuit.meter for circuit in site.circuits)
        self._held_v: Volts | None = None

    def voltage_v(self, readings: Mapping[str, MeterReading | None], now: Seconds) -> Volts | None:
        """In whole steps, upward; None while the nominal voltage counts. ``readings`` are the newest of each meter."""
        highest_v = max(
            (
                voltage_v
                for meter, reading in readings.items()
                if meter in self._meters and reading is not None and now - reading.at <= self._stale_s
                for voltage_v in reading.voltage_v or ()
                if voltage_v is not None
            ),
            default=0.0,
        )
        if self._held_v is None or not self._held_v - 2 * STEP_V <= highest_v <= self._held_v:
            above = highest_v > self._nominal_v
            self._held_v = math.ceil(highest_v / STEP_V) * STEP_V if above else None
        return self._held_v
