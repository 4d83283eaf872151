"""What may be told of what each EVSE should get, EVSE by EVSE."""

from dataclasses import dataclass, replace

from edge.allocation.headroom import estimate
from edge.allocation.memory import Memory
from edge.allocation.release import (
    Held,
    Released,
    release,
)
from edge.allocation.share import share_out
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState, EvseState
from edge.allocation.turns import Wishes, precedence
from edge.units import PHASES, Amps, Phase
from tests.site_builders import (
    circuit,
    entitled,
    remembered,
    snapshot,
)

L1, L2, L3 = PHASES
MAIN = ("main", L1)


@dataclass(frozen=True)
class Told:
    """What one EVSE may be told, why not all of its share, and for want of room on which line."""

    amps: Amps
    why: Held = Held.NOT
    line: tuple[str, Phase | None] | None = None
    single: bool = False


def released(
    site: Snapshot, *wishes_a: Amps, most_a: Amps = 32.0, memory: Memory | None = None, elapsed_s: float = 1.0
) -> tuple[Released, list[Told]]:
    """What each may be told of what it should get; the EVSEs are in the order of their numbers."""
    grid, settings = site.plant.grid, site.settings
    memory = memory or remembered(site)
    assert memory.cars is not None
    entitlement = entitled(site)
    headroom, _ = estimate(site, entitlement, memory.background)
    wishes = Wishes.of(site.fleet, memory.cars, settings, site.now)
    order = precedence(grid, site.fleet, wishes, memory.cars, settings, site.now)
    reserved = 0.0 * entitlement.exposure_a
    shares = share_out(site, memory.cars, wishes, headroom, reserved, order)
    shares = replace(
        shares,
        solution=shares.solution.among(0.0 * shares.amps + list(wishes_a), shares.solution.admitted),
        demand_a=0.0 * shares.amps + most_a,
    )
    given = release(site, shares, headroom, entitlement, memory.cars, order, elapsed_s)
    told = []
    for amps, single, why, line in zip(
        given.amps.tolist(), given.single.tolist(), given.why.tolist(), given.line.tolist(), strict=True
    ):
        place = shares.solution.place(line)
        full = (place["circuit"], place.get("phase")) if why == Held.FOR_CUT else None
        told.append(Told(amps=round(amps, 9), why=Held(why), line=full, single=single))
    return given, told


def told(room_a: Amps | CircuitState, *wishes: tuple[EvseState, Amps], most_a: Amps = 32.0) -> list[Told]:
    """On one circuit with so much room and no background."""
    main = circuit(room_a) if isinstance(room_a, float | int) else room_a
    site = snapshot(main, *(state for state, _ in wishes))
    return released(site, *(amps for _, amps in wishes), most_a=most_a)[1]
