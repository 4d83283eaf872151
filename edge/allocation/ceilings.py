"""What each line may carry: what the installer set, lowered by whoever may lower it. The lowest wins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.allocation.layout import LINES_PER_CIRCUIT, POWER, Floats
from edge.allocation.plant import Plant
from edge.domain.limit import LimitSource, LimitStated
from edge.units import Seconds, Volts, phase_amps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ceilings:
    """``limit_a`` has one entry a line of the plant's layout, infinite without a limit.

    ``sources`` names whose limit it is where an outsider's is lower than the installer's; ``ended`` are those of its
    lines on which that is a fallback.
    """

    limit_a: Floats
    sources: Mapping[int, LimitSource]
    ended: frozenset[int] = frozenset()

    @classmethod
    def of(cls, plant: Plant, limits: Iterable[LimitStated], now: Seconds, *, voltage_v: Volts) -> "Ceilings":
        """Limits on circuits that the plant doesn't have say nothing. Those in W, the installer's too, count at
        ``voltage_v``."""
        grid = plant.grid
        places = {plant.circuits[number].id: place for place, number in enumerate(grid.layout.circuits.tolist())}
        lowered = grid.limit_a.copy()
        grid.layout.by_circuit(lowered)[:, POWER] *= plant.nominal_voltage_v / voltage_v
        sources: dict[int, LimitSource] = {}
        ended: set[int] = set()
        for limit in limits:
            place = places.get(limit.circuit)
            if place is None:
                continue
            first = place * LINES_PER_CIRCUIT
            amps, power_w = limit.amps(now), limit.watts(now)
            wanted = [] if amps is None else [(first + phase, amps) for phase in range(POWER)]
            if power_w is not None:
                wanted.append((first + POWER, phase_amps(power_w, voltage_v)))
            for line, most_a in wanted:
                if most_a < lowered[line]:
                    lowered[line] = max(most_a, 0.0)
                    sources[line] = limit.source
                    (ended.add if limit.is_over(now) else ended.discard)(line)
        return cls(limit_a=lowered, sources=sources, ended=frozenset(ended))
