"""Watches every meter of the site for signs that it is wired otherwise than the site file says.

A station tells its draw now and then, the meter its currents every second. When an EVSE reports one draw twice and then
another one twice, the meter's currents before and after that step are compared, provided that no other EVSE below that
meter changed meanwhile. What comes of it is told once in the log, and kept for the status report.
"""

import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import structlog

from edge.allocation.state import EvseState
from edge.control.wiring import Step, believed
from edge.domain.reading import MeterReading, Quality
from edge.domain.site import EvseKey, Site
from edge.units import Amps, PhaseAmps, Seconds

STEP_A: Amps = 4.0  # from 6 A to nothing and back is more; what a car does by itself is less
QUIET_A: Amps = 1.0  # what another EVSE may have changed meanwhile
LONGEST_REPORT_S: Seconds = 75.0  # between two reports: stations report each minute or more often
WINDOW_S: Seconds = 6.0  # of readings on each side of a step
LEAST_READINGS = 3  # on each side
REPORTS = 4  # two before the step, two after it
REMEMBERED_STEPS = 24  # per meter and EVSE: old ones are forgotten, so that what was put right is seen to be
REMEMBERED_TOGETHER = 48  # per meter

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What an EVSE last reported, by grid phase as the site file says, and when."""

    current_a: PhaseAmps
    at: Seconds


def draws(evses: Sequence[EvseState], before: Sequence[EvseState] = ()) -> dict[EvseKey, Draw]:
    """What the EVSEs have reported, but those whose state is the very one of ``before``: that was told already."""
    return {
        state.key: Draw(current_a=state.draw_a, at=state.drawn_at)
        for state, last in zip_longest(evses, before)
        if state is not last and state.draw_a is not None and state.drawn_at is not None
    }


@dataclass(slots=True)
class _MeterWatch:
    evses: frozenset[EvseKey]
    readings: deque[MeterReading] = field(default_factory=deque)
    steps: dict[EvseKey, deque[Step]] = field(default_factory=dict)
    together: deque[Step] = field(default_factory=lambda: deque(maxlen=REMEMBERED_TOGETHER))
    changed: dict[EvseKey, tuple[Seconds, Seconds]] = field(default_factory=dict)  # between which reports it last did
    findings: tuple[str, ...] = ()


class WiringWatch:
    """Fed once a tick with the latest facts; never raises for their sake."""

    def __init__(self, site: Site) -> None:
        self._reports: dict[EvseKey, deque[Draw]] = {}
        self._meters: dict[str, _MeterWatch] = {}
        for circuit in site.circuits:
            if circuit.meter is not None:
                below = frozenset(
                    evse.key for evse in site.evses if any(above.id == circuit.id for above in site.path(evse.circuit))
                )
                self._meters[circuit.meter] = _MeterWatch(evses=below)

    def observe(self, readings: Mapping[str, MeterReading], draws: Mapping[EvseKey, Draw]) -> None:
        """The latest reading of each meter and the latest report of each EVSE; those seen before count once."""
        for meter_id, watch in self._meters.items():
            reading = readings.get(meter_id)
            if reading is not None:
                _remember(watch, reading)
        for key, draw in draws.items():
            reports = self._reports.setdefault(key, deque(maxlen=REPORTS))
            if not reports or draw.at > reports[-1].at:
                reports.append(draw)
                self._note(key, reports)

    def findings(self, meter_id: str) -> tuple[str, ...]:
        """What is believed to be wired otherwise, in sentences."""
        watch = self._meters.get(meter_id)
        return watch.findings if watch is not None else ()

    def _note(self, key: EvseKey, reports: deque[Draw]) -> None:
        for meter_id, watch in self._meters.items():
            if key not in watch.evses:
                continue
            if len(reports) > 1 and _change(reports[-2], reports[-1]) > QUIET_A:
                watch.changed[key] = (reports[-2].at, reports[-1].at)
            step = _step(watch, key, reports) if len(reports) == REPORTS else None
            if step is not None:
                watch.steps.setdefault(key, deque(maxlen=REMEMBERED_STEPS)).append(step)
                watch.together.append(step)
                self._judge(meter_id, watch)

    def _judge(self, meter_id: str, watch: _MeterWatch) -> None:
        found = tuple(_sentences(meter_id, watch))
        for sentence in found:
            if sentence not in watch.findings:
                log.warning(sentence)
        if watch.findings and not found:
            log.info(f"meter '{meter_id}': its phases are seen as the site file says")
        watch.findings = found


def _sentences(meter_id: str, watch: _MeterWatch) -> list[str]:
    """The meter is suspected when what its chargers do is seen otherwise for all alike, else the charger."""
    beliefs = {key: believed(tuple(steps)) for key, steps in watch.steps.items()}
    together = believed(watch.together)
    if together is not None and not together.is_as_told:
        return [f"meter '{meter_id}': {each}" for each in together.sentences()]
    return [
        f"EVSE {key} as seen by meter '{meter_id}': {each} of the meter; else check the phases of this EVSE in the "
        "site file, and whether the station turns its phases in its own settings too"
        for key, belief in sorted(beliefs.items())
        if belief is not None and not belief.is_as_told
        for each in belief.sentences()
    ]


def _remember(watch: _MeterWatch, reading: MeterReading) -> None:
    if reading.quality is Quality.HELD or reading.current_a is None:
        return
    if watch.readings and reading.at <= watch.readings[-1].at:
        return
    watch.readings.append(reading)
    oldest = reading.at - REPORTS * LONGEST_REPORT_S
    while watch.readings[0].at < oldest:
        watch.readings.popleft()


def _change(first: Draw, second: Draw) -> Amps:
    before, after = first.current_a, second.current_a
    return max(abs(after.l1 - before.l1), abs(after.l2 - before.l2), abs(after.l3 - before.l3))


def _step(watch: _MeterWatch, key: EvseKey, reports: deque[Draw]) -> Step | None:
    """What the meter made of the step between the second and the third report, if there is one to judge by."""
    steady, before, after, settled = reports
    is_step = _change(steady, before) <= QUIET_A and _change(before, after) >= STEP_A
    if not is_step or _change(after, settled) > QUIET_A or after.at - before.at > LONGEST_REPORT_S:
        return None
    first = max(steady.at, before.at - WINDOW_S)
    if any(other != key and at[0] < settled.at and at[1] > first for other, at in watch.changed.items()):
        return None
    low = _median(watch, first, before.at)
    high = _median(watch, max(after.at, settled.at - WINDOW_S), settled.at)
    if low is None or high is None:
        return None
    return Step(drawn_a=settled.current_a - before.current_a, measured_a=high - low)


def _median(watch: _MeterWatch, first: Seconds, last: Seconds) -> PhaseAmps | None:
    """Of the readings from ``first`` to ``last``, phase by phase: what stands for a second only is no level."""
    within = [each.current_a for each in watch.readings if first <= each.at <= last and each.current_a is not None]
    if len(within) < LEAST_READINGS:
        return None
    return PhaseAmps(*(statistics.median(phase) for phase in zip(*within, strict=True)))
