"""How long one decision takes, by the number of EVSEs."""

import time

from edge.allocation.decide import Memory, decide
from edge.allocation.exposure import Grant, Holdings
from edge.allocation.snapshot import CircuitState, EvseState, Reach, Snapshot
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey
from edge.domain.station import EvseStatus
from edge.units import PHASES, PhaseAmps
from tests.benchmarks.figure import Figure, milliseconds

SIZES = ((20, 4), (200, 20), (1000, 100))  # EVSEs, circuits
ROUNDS = 30


def figures() -> list[Figure]:
    """Median and p99 of ``decide`` for each size; every EVSE is in a session and wants all it can get."""
    rows = []
    for evses, circuits in SIZES:
        snapshot = crowded_site(evses, circuits)
        memory = decide(snapshot, Memory()).memory
        durations = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            decide(snapshot, memory)
            durations.append(time.perf_counter() - begun)
        rows += milliseconds(f"decide, {evses} EVSEs in {circuits} circuits", durations)
    return rows


def crowded_site(evses: int, circuits: int) -> Snapshot:
    """A site where everything is short: a main circuit, and equal sub-circuits below it."""
    tree = [Circuit(id="main", parent=None, fuse_a=8.0 * evses, margin_a=2.0, meter="grid")]
    tree += [
        Circuit(id=f"sub-{number}", parent="main", fuse_a=12.0 * evses / (circuits - 1) + number % 7)
        for number in range(circuits - 1)
    ]
    return Snapshot(
        now=1000.0,
        settings=ControlSettings(),
        circuits=tuple(
            CircuitState(
                circuit=circuit,
                measured_a=PhaseAmps.same(2.0 * evses) if circuit.meter else None,
                measured_at=1000.0 if circuit.meter else None,
            )
            for circuit in tree
        ),
        evses=tuple(_evse(number, tree[1 + number % (circuits - 1)].id) for number in range(evses)),
    )


def _evse(number: int, circuit: str) -> EvseState:
    phases = (PHASES, (PHASES[number % 3],), (PHASES[1], PHASES[2], PHASES[0]))[number % 3]
    key = EvseKey(station=f"CP-{number:04}", evse=1)
    grant = Grant(command=number, limit_a=6.0, safe_a=6.0, lease_s=120.0, sent_at=990.0, accepted_at=990.5)
    return EvseState(
        evse=Evse(
            key=key,
            circuit=circuit,
            phases=phases,
            min_a=6.0,
            max_a=32.0 if number % 4 else 16.0,
            fallback_a=6.0,
            rank=number % 3,
            weight=1.0 + number % 2,
        ),
        reach=Reach.OBEYING,
        status=EvseStatus.CHARGING,
        in_session=True,
        holdings=Holdings(baseline_a=None, session=(grant,)),
        waiting_since=float(number),
        told_a=6.0,
        told_at=900.0,
        draw_a=PhaseAmps.on(phases, 6.0),
        drawn_at=995.0,
    )
