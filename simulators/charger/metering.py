"""The meter in a connector, as MeterValues shows it (OCPP 1.6 §7.30 to §7.43)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from simulators.charger.frames import Payload
from simulators.charger.timestamp import format_time

PHASES = ("L1", "L2", "L3")  # the EVSE's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at a connector's meter; one current and one voltage for each wired phase."""

    taken_s: float  # station clock
    currents_a: tuple[float, ...]
    voltage_v: float
    register_wh: float

    @property
    def power_w(self) -> float:
        """Of all phases together, at unity power factor."""
        return sum(self.currents_a) * self.voltage_v


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurand:
    """How one is written: the values of a reading, for each of ``phases`` that is wired (None: one value for all)."""

    unit: str
    values: Callable[[Reading], list[str]]
    phases: tuple[str | None, ...] = (None,)


MEASURANDS = {
    "Current.Import": Measurand(
        unit="A", values=lambda reading: [f"{amps:.2f}" for amps in reading.currents_a], phases=PHASES
    ),
    "Power.Active.Import": Measurand(unit="W", values=lambda reading: [f"{reading.power_w:.1f}"]),
    "Energy.Active.Import.Register": Measurand(unit="Wh", values=lambda reading: [f"{reading.register_wh:.1f}"]),
    "Voltage": Measurand(
        unit="V",
        values=lambda reading: [f"{reading.voltage_v:.1f}"] * len(reading.currents_a),
        phases=tuple(f"{phase}-N" for phase in PHASES),
    ),
}
"""What the meter can measure."""


@cache
def _words(name: str, context: str) -> tuple[Payload, ...]:
    """What each sampled value of a measurand says; in the place of its value nothing yet."""
    measurand = MEASURANDS[name]
    common = {"value": "", "unit": measurand.unit, "measurand": name, "context": context, "location": "Outlet"}
    return tuple(common if phase is None else {"value": "", "phase": phase, **common} for phase in measurand.phases)


def meter_value(reading: Reading, measurands: Iterable[str], *, context: str) -> Payload:
    """The reading as a MeterValue: the measurands asked for, in all their phases (§3.16.3)."""
    sampled: list[Payload] = []
    for name in measurands:
        for value, words in zip(MEASURANDS[name].values(reading), _words(name, context), strict=False):
            each = words.copy()
            each["value"] = value
            sampled.append(each)
    return {"timestamp": format_time(reading.taken_s), "sampledValue": sampled}
