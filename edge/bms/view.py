"""The parts of a status report that points are read from, found once for a whole image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.domain.site import Circuit, Evse, EvseKey, Site
from edge.units import PHASES, Amps, PhaseAmps, Volts, Watts, watts

Part = Mapping[str, Any]
Value = int | float | str | bool | None

# Statuses in which a vehicle is connected (OCPP 1.6 §4.9; the last one 2.x part 2 §3.12).
CONNECTED = frozenset({"Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Occupied"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """The whole site: its grid connection, the meter there, and what all EVSEs draw, as in one report. Of single EVSEs
    nothing is looked at before it is asked for."""

    report: Part
    circuit: Part  # the grid connection; empty before the first tick
    meter: Part  # the meter there; empty where there is none, and but for its age once that is too much to go by
    effective: Part  # what holds for the grid connection
    nominal_voltage_v: Volts

    @classmethod
    def of(cls, report: Part, site: Site) -> "SiteView":
        """The view of ``report``, which is of ``site``."""
        root = next(circuit for circuit in site.circuits if circuit.parent is None)
        limits = report.get("limits", {})
        circuit, meter = _with_id(report.get("circuits", ()), root.id), _with_id(report.get("meters", ()), root.meter)
        return cls(
            report=report,
            circuit=circuit,
            meter={"age_s": meter.get("age_s")} if circuit.get("measured_stale") else meter,
            effective=next((each for each in limits.get("effective", ()) if each["circuit"] == root.id), {}),
            nominal_voltage_v=site.nominal_voltage_v,
        )

    def evse_count(self) -> int:
        return sum(len(station["evses"]) for station in self.report.get("stations", ()))

    def measured_a(self, phase: int) -> Amps | None:
        """Current at the grid connection, positive from the grid."""
        return _measured(self.circuit, phase)

    def voltage_v(self, phase: int) -> Volts | None:
        """Phase to neutral, as measured."""
        return _phase(self.meter.get("voltage_v"), phase)

    def power_w(self) -> Watts | None:
        """What the meter says; where it tells none, from the currents at the nominal voltage."""
        told: Watts | None = self.meter.get("power_w")
        if told is not None:
            return told
        phases = [self.phase_power_w(phase) for phase in range(len(PHASES))]
        return sum(each for each in phases if each is not None) if all(each is not None for each in phases) else None

    def phase_power_w(self, phase: int) -> Watts | None:
        """What the meter says; where it tells none of a phase, from current and voltage at power factor 1."""
        told = _phase(self.meter.get("phase_power_w"), phase)
        if told is not None:
            return told
        current_a, voltage_v = self.measured_a(phase), self.voltage_v(phase)
        if current_a is None:
            return None
        return watts(PhaseAmps(current_a, 0.0, 0.0), voltage_v if voltage_v is not None else self.nominal_voltage_v)

    def charging_a(self, phase: int) -> Amps:
        """What all EVSEs draw on a phase, as far as they have told lately."""
        return _phase(self.circuit.get("draw_a"), phase) or 0.0

    def charging_w(self) -> Watts:
        return _drawn_w(self.circuit, self.nominal_voltage_v)

    def stated(self, *sources: str) -> tuple[Part, ...]:
        """What the named sources have said."""
        limits = self.report.get("limits", {})
        return tuple(each for each in limits.get("stated", ()) if each["source"] in sources)

    def control(self, name: str) -> Value:
        """A value of what the BMS has written over Modbus."""
        value: Value = self.report.get("bms", {}).get("modbus", {}).get(name)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseView:
    """One EVSE and its station in one report; empty before the first tick."""

    evse: Evse
    station: Part
    part: Part
    nominal_voltage_v: Volts

    def draw_a(self, phase: int) -> Amps | None:
        """On the grid's phase; None where that isn't known, or what is known is too old."""
        return _phase(self._draw_a, phase)

    def power_w(self) -> Watts | None:
        """Its currents at the nominal voltage."""
        draw_a = self._draw_a
        return watts(PhaseAmps(*draw_a), self.nominal_voltage_v) if draw_a is not None else None

    @property
    def _draw_a(self) -> Any:
        return None if self.part.get("draw_stale") else self.part.get("draw_a")

    def allocated_a(self) -> Amps | None:
        """What it is to have, and no more than its station has accepted; None where it isn't limited."""
        limit_a, accepted_a = self.part.get("limit_a"), self.part.get("accepted_a")
        return limit_a if limit_a is None or accepted_a is None else min(limit_a, accepted_a)

    def rank(self) -> int:
        """That of its session's class now, or its own."""
        return int(self.part.get("rank", self.evse.rank))

    def connected(self) -> bool | None:
        """Whether a vehicle is connected; None when its status isn't known."""
        status = self.part.get("status")
        return None if status in (None, "Unknown") else status in CONNECTED


def evse_views(report: Part, site: Site) -> tuple[EvseView, ...]:
    """One for each EVSE of the site, in the site file's order."""
    found: dict[EvseKey, tuple[Part, Part]] = {}
    for station in report.get("stations", ()):
        for evse in station["evses"]:
            found[EvseKey(station=station["id"], evse=evse["id"])] = (station, evse)
    return tuple(
        EvseView(evse=evse, station=station, part=part, nominal_voltage_v=site.nominal_voltage_v)
        for evse in site.evses
        for station, part in [found.get(evse.key, ({}, {}))]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitView:
    """One circuit in one report; empty before the first tick."""

    circuit: Circuit
    part: Part
    effective: Part

    def measured_a(self, phase: int) -> Amps | None:
        """What its meter shows; None without one, and of one that is lost."""
        return _measured(self.part, phase)

    def headroom_a(self, phase: int) -> Amps | None:
        """What is left for chargers."""
        return _phase(self.part.get("headroom_a"), phase)


def circuit_views(report: Part, site: Site) -> tuple[CircuitView, ...]:
    """One for each circuit of the site, in the site file's order."""
    effective = report.get("limits", {}).get("effective", ())
    return tuple(
        CircuitView(
            circuit=circuit,
            part=_with_id(report.get("circuits", ()), circuit.id),
            effective=next((each for each in effective if each["circuit"] == circuit.id), {}),
        )
        for circuit in site.circuits
    )


def charging_w(report: Part, site: Site, circuit: str) -> Watts:
    """What all EVSEs below the circuit draw, as far as they have told lately."""
    return _drawn_w(_with_id(report.get("circuits", ()), circuit), site.nominal_voltage_v)


def _drawn_w(circuit: Part, voltage_v: Volts) -> Watts:
    return watts(PhaseAmps(*(_phase(circuit.get("draw_a"), phase) or 0.0 for phase in range(len(PHASES)))), voltage_v)


def _with_id(parts: tuple[Part, ...] | list[Part], identity: str | None) -> Part:
    return next((part for part in parts if part["id"] == identity), {})


def _measured(circuit: Part, phase: int) -> Amps | None:
    """What a circuit's meter shows now: the report keeps what it showed last, however long ago."""
    return None if circuit.get("measured_stale") else _phase(circuit.get("measured_a"), phase)


def _phase(values: Any, phase: int) -> float | None:
    return float(values[phase]) if values is not None and values[phase] is not None else None
