"""The meter in a connector, as MeterValues shows it (OCPP 1.6 §7.30 to §7.43)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

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


def _currents(reading: Reading) -> list[Payload]:
    return [
        {"value": f"{current_a:.2f}", "phase": phase, "unit": "A"}
        for phase, current_a in zip(PHASES, reading.currents_a, strict=False)
    ]


def _power(reading: Reading) -> list[Payload]:
    return [{"value": f"{reading.power_w:.1f}", "unit": "W"}]


def _energy(reading: Reading) -> list[Payload]:
    return [{"value": f"{reading.register_wh:.1f}", "unit": "Wh"}]


def _voltages(reading: Reading) -> list[Payload]:
    return [
        {"value": f"{reading.voltage_v:.1f}", "phase": f"{phase}-N", "unit": "V"}
        for phase, _ in zip(PHASES, reading.currents_a, strict=False)
    ]


MEASURANDS: dict[str, Callable[[Reading], list[Payload]]] = {
    "Current.Import": _currents,
    "Power.Active.Import": _power,
    "Energy.Active.Import.Register": _energy,
    "Voltage": _voltages,
}
"""What the meter can measure, and how each is written."""


def meter_value(reading: Reading, measurands: Iterable[str], *, context: str) -> Payload:
    """The reading as a MeterValue: the measurands asked for, in all their phases (§3.16.3)."""
    return {
        "timestamp": format_time(reading.taken_s),
        "sampledValue": [
            {**sample, "measurand": name, "context": context, "location": "Outlet"}
            for name in measurands
            for sample in MEASURANDS[name](reading)
        ],
    }
