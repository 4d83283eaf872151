"""A submeter that shows more than the meter above it: one of the two is wrong, and the larger is believed.

Where something feeds in below the upper meter, it truly shows less than what a branch draws. A site that has such a
source has a meter on it, which measures no circuit; there nothing can be concluded, and nothing is.
"""

from collections.abc import Mapping

import structlog

from edge.domain.reading import MeterReading
from edge.domain.site import Site
from edge.units import PHASES, Amps, PhaseAmps, Seconds

TOLERANCE_A: Amps = 2.0  # two meters of class 1, read up to a second apart
TOLERANCE_SHARE = 0.1
LASTING_S: Seconds = 10.0  # a load that steps between the two reads is no inconsistency

log = structlog.get_logger(__name__)


class Submeters:
    """Compares each metered circuit with the metered ones below it."""

    def __init__(self, site: Site) -> None:
        measured = [circuit for circuit in site.circuits if circuit.meter is not None]
        users = {circuit.meter for circuit in measured}
        has_source = any(meter.id not in users for meter in site.meters)
        # By circuit: the metered circuits below it, with no metered one in between.
        self._below: dict[str, list[str]] = {circuit.id: [] for circuit in measured}
        self._meter_of = {circuit.id: str(circuit.meter) for circuit in measured}
        for circuit in measured if not has_source else ():
            above = next((each for each in list(site.path(circuit.id))[1:] if each.id in self._below), None)
            if above is not None:
                self._below[above.id].append(circuit.id)
        self._stale_s = site.control.meter_stale_s
        self._since: dict[str, Seconds] = {}  # by circuit: since when it shows less than what is below it
        self._told: dict[str, str] = {}  # by meter

    def currents(self, readings: Mapping[str, MeterReading | None], now: Seconds) -> Mapping[str, PhaseAmps]:
        """By circuit with a fresh meter, what is to be believed: its own current, or that of the circuits below it
        where that is clearly more. ``readings`` are the newest of each meter."""
        currents = {
            circuit_id: counted_a
            for circuit_id, meter_id in self._meter_of.items()
            if (reading := readings.get(meter_id)) is not None and (counted_a := reading.counted_a) is not None
            if now - reading.at <= self._stale_s
        }
        found = dict(currents)
        for circuit_id, below in self._below.items():
            own = currents.get(circuit_id)
            if own is None:
                continue
            sums = [currents[each] for each in below if each in currents]
            total = PhaseAmps(*(sum(each[phase] for each in sums) for phase in PHASES))
            allowed = PhaseAmps(*(amps + TOLERANCE_A + TOLERANCE_SHARE * abs(amps) for amps in own))
            over = [phase for phase in PHASES if total[phase] > allowed[phase]]
            if sums and over:
                found[circuit_id] = own.combine(total, max)
                self._note(circuit_id, f"{total[over[0]]:.1f} A on {over[0]}", f"{own[over[0]]:.1f} A", now)
            else:
                self._clear(circuit_id)
        return found

    def findings(self, meter_id: str) -> tuple[str, ...]:
        """What to tell of a meter that shows less than those below it."""
        told = self._told.get(meter_id)
        return (told,) if told is not None else ()

    def _note(self, circuit_id: str, below: str, own: str, now: Seconds) -> None:
        since = self._since.setdefault(circuit_id, now)
        meter = self._meter_of[circuit_id]
        if now - since >= LASTING_S and meter not in self._told:
            self._told[meter] = (
                f"meter '{meter}' shows {own} where the meters below it show {below}: the larger is used; check the "
                "transformers' ratios and places, and give every source that feeds in a [[meter]]"
            )
            log.warning(self._told[meter])

    def _clear(self, circuit_id: str) -> None:
        self._since.pop(circuit_id, None)
        if self._told.pop(self._meter_of[circuit_id], None) is not None:
            log.info(f"meter '{self._meter_of[circuit_id]}' fits those below it again")
