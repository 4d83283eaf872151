"""What a circuit may carry when everybody who may limit it has spoken, and whose word that is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from edge.domain.limit import LimitSource, LimitStated
from edge.units import Amps, PhaseAmps, Seconds, Volts, Watts, phase_amps, watts


class Binding(StrEnum):
    """What the effective limit comes from."""

    FUSE = "fuse"
    BMS = "bms"
    GRID = "grid"
    TARIFF = "tariff"
    FALLBACK = "fallback"  # a source has fallen silent, and its fallback holds
    SCHEDULE = "schedule"
    CLOUD = "cloud"
    INSTALLER = "installer"


BINDINGS: dict[LimitSource, Binding] = {
    LimitSource.GRID: Binding.GRID,
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


def effective(
    circuit: str, rating_a: Amps, limits: Iterable[LimitStated], *, now: Seconds, voltage_v: Volts
) -> Effective:
    """The lowest of the circuit's rating and all that is valid now for the circuit; never above the rating.

    Whose it is, is judged by the power that each allows over three phases; of equals the rating, then the first.
    """
    found = Effective(
        circuit=circuit,
        limit_a=rating_a,
        limit_w=watts(PhaseAmps.same(rating_a), voltage_v),
        binding=Binding.FUSE,
    )
    least_w = found.limit_w
    lowest_a, lowest_w = found.limit_a, found.limit_w
    for limit in limits:
        if limit.circuit != circuit:
            continue
        limit_a, limit_w = limit.amps(now), limit.watts(now)
        allowed_w = min(
            watts(PhaseAmps.same(limit_a), voltage_v) if limit_a is not None else found.limit_w,
            limit_w if limit_w is not None else found.limit_w,
        )
        lowest_a = min(lowest_a, limit_a) if limit_a is not None else lowest_a
        lowest_w = min(lowest_w, allowed_w)
        if allowed_w < least_w:
            least_w = allowed_w
            found = Effective(
                circuit=circuit,
                limit_a=found.limit_a,
                limit_w=found.limit_w,
                binding=Binding.FALLBACK if limit.is_over(now) else BINDINGS[limit.source],
                source=limit.source,
                ends_in_s=max(limit.ends_at - now, 0.0)
                if limit.ends_at is not None and not limit.is_over(now)
                else None,
            )
    return Effective(
        circuit=circuit,
        limit_a=min(lowest_a, phase_amps(lowest_w, voltage_v)),
        limit_w=lowest_w,
        binding=found.binding,
        source=found.source,
        ends_in_s=found.ends_in_s,
    )
