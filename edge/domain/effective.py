"""What a circuit may carry when everybody who may limit it has spoken, and whose word that is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge.domain.limit import LimitSource, LimitStated
from edge.domain.site import Circuit, Site
from edge.units import Amps, PhaseAmps, Seconds, Volts, Watts, phase_amps, watts

DECIMALS = 2  # of amperes, watts and seconds shown


class Binding(StrEnum):
    """What the effective limit comes from."""

    FUSE = "fuse"
    BMS = "bms"
    GRID = "grid"
    TARIFF = "tariff"
    FALLBACK = "fallback"  # a source has fallen silent, and its fallback holds
    SCHEDULE = "schedule"
    CLOUD = "cloud"
    INSTALLER = "installer"  # the circuit's limit_w, where it is lower than its fuse


BINDINGS: dict[LimitSource, Binding] = {
    LimitSource.GRID: Binding.GRID,
    LimitSource.GRID_EEBUS: Binding.GRID,
    LimitSource.OPENADR: Binding.GRID,
    LimitSource.BMS_MQTT: Binding.BMS,
    LimitSource.BMS_MODBUS: Binding.BMS,
    LimitSource.CLOUD: Binding.CLOUD,
    LimitSource.DEMAND_WINDOW: Binding.TARIFF,
    LimitSource.SCHEDULE: Binding.SCHEDULE,
    LimitSource.INSTALLER: Binding.INSTALLER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The effective limit of a circuit, background included.

    ``limit_a`` is the most on any one phase, ``limit_w`` the most in all. ``source`` is None where the fuse binds.
    ``ends_in_s`` is how long what binds still holds, None where it has no end.
    """

    circuit: str
    limit_a: Amps
    limit_w: Watts
    binding: Binding
    source: LimitSource | None = None
    ends_in_s: Seconds | None = None


def effective(circuit: Circuit, limits: Iterable[LimitStated], *, now: Seconds, voltage_v: Volts) -> Effective:
    """The lowest of what the installer gave the circuit and all that is valid now for it; never above the former.

    Whose it is, is judged by the power that each allows over three phases; of equals the installer, then the first.
    """
    lowest_a, lowest_w = circuit.rating_a, watts(PhaseAmps.same(circuit.rating_a), voltage_v)
    binding, source, ends_in_s = Binding.FUSE, None, None
    if circuit.limit_w is not None and circuit.limit_w < lowest_w:
        lowest_w, binding, source = circuit.limit_w, Binding.INSTALLER, LimitSource.INSTALLER
    for limit in limits:
        if limit.circuit != circuit.id:
            continue
        limit_a, limit_w = limit.amps(now), limit.watts(now)
        allowed_w = lowest_w
        if limit_a is not None:
            lowest_a = min(lowest_a, max(limit_a, 0.0))
            allowed_w = min(allowed_w, watts(PhaseAmps.same(max(limit_a, 0.0)), voltage_v))
        if limit_w is not None:
            allowed_w = min(allowed_w, max(limit_w, 0.0))
        if allowed_w < lowest_w:
            over = limit.is_over(now)
            lowest_w, source = allowed_w, limit.source
            binding = Binding.FALLBACK if over else BINDINGS[limit.source]
            ends_in_s = limit.ends_at - now if limit.ends_at is not None and not over else None
    return Effective(
        circuit=circuit.id,
        limit_a=min(lowest_a, phase_amps(lowest_w, voltage_v)),
        limit_w=lowest_w,
        binding=binding,
        source=source,
        ends_in_s=ends_in_s,
    )


def limits_report(site: Site, limits: Iterable[LimitStated], now: Seconds) -> dict[str, Any]:
    """The ``limits`` of the status report: what holds for each circuit and whose it is, and who said what."""
    stated = tuple(limits)
    return {
        "effective": [
            effective_report(effective(circuit, stated, now=now, voltage_v=site.nominal_voltage_v))
            for circuit in site.circuits
        ],
        "stated": [_stated(limit, now) for limit in stated],
    }


def effective_report(found: Effective) -> dict[str, Any]:
    """An effective limit as plain values."""
    return {
        "circuit": found.circuit,
        "limit_a": round(found.limit_a, DECIMALS),
        "limit_w": round(found.limit_w, DECIMALS),
        "reason": found.binding.value,
        "source": found.source.value if found.source is not None else None,
        "remaining_s": round(found.ends_in_s, DECIMALS) if found.ends_in_s is not None else None,
    }


def _stated(limit: LimitStated, now: Seconds) -> dict[str, Any]:
    over = limit.is_over(now)
    return {
        "source": limit.source.value,
        "circuit": limit.circuit,
        "limit_a": limit.amps(now),
        "limit_w": limit.watts(now),
        "is_fallback": over,
        "remaining_s": round(limit.ends_at - now, DECIMALS) if limit.ends_at is not None and not over else None,
    }
