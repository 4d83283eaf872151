"""How long the exact solver takes, by the number of EVSEs and by what is asked of it."""

import time

from edge.allocation.problem import Branch, Capacity, Claim, Need, Outlet, Problem, Wiring
from edge.allocation.solve import solve
from edge.units import PHASES, Amps, Phase, PhaseAmps
from tests.benchmarks.figure import Figure, milliseconds

SIZES = ((20, 4), (200, 20), (1000, 100))  # EVSEs, circuits
ROUNDS = 200
VOLTS = 230.0
PHASE_SETS: tuple[tuple[Phase, ...], ...] = (
    PHASES,
    (PHASES[0],),
    (PHASES[1],),
    (PHASES[2],),
    (PHASES[1], PHASES[2], PHASES[0]),
)


def figures() -> list[Figure]:
    """Median and p99 of ``solve`` on a wiring that is laid out already, limits read, reasons not asked for."""
    rows = []
    for evses, circuits in SIZES:
        for plenty, step_a in ((0.55, 0.1), (0.25, 0.1), (0.55, 0.0)):
            crowd = crowded(evses, circuits, plenty=plenty, step_a=step_a)
            solve(crowd)
            durations = []
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                solve(crowd).limits_a  # noqa: B018
                durations.append(time.perf_counter() - begun)
            steps = f"steps of {step_a:g} A" if step_a else "continuous"
            rows += milliseconds(f"solve, {evses} EVSEs, {circuits} circuits, {plenty:.0%}, {steps}", durations)
    return rows


def crowded(evses: int, circuits: int, *, plenty: float, step_a: Amps, imbalance_a: Amps | None = None) -> Problem:
    """A main circuit and sub-circuits below it, that carry ``plenty`` of what is wanted, a little different each; some
    have a power limit. At a half all get their minima and something binds everywhere; at a quarter many wait."""
    subs = [f"sub-{number}" for number in range(circuits - 1)]
    wanted_a = 20.0 * evses  # per phase, about: 32 A on two phases of three
    per_sub_a = plenty * wanted_a / len(subs)
    return Problem(
        wiring=Wiring(
            branches=(Branch(id="main", parent=None), *(Branch(id=name, parent="main") for name in subs)),
            outlets=tuple(
                Outlet(
                    id=f"CP-{n:04}", circuit=subs[n % len(subs)], phases=PHASE_SETS[n // len(subs) % len(PHASE_SETS)]
                )
                for n in range(evses)
            ),
        ),
        capacities=(
            Capacity(
                limit_a=(plenty * wanted_a,) * 3, background_a=PhaseAmps(*(evses * part for part in (2.0, 1.0, 0.0)))
            ),
            *(
                Capacity(
                    limit_a=(per_sub_a + number % 17,) * 3,
                    limit_w=None if number % 3 else VOLTS * 2.5 * per_sub_a,
                )
                for number in range(len(subs))
            ),
        ),
        claims=tuple(
            Claim(
                min_a=6.0,
                max_a=32.0,
                demand_a=32.0 if n % 4 else 13.0 + n % 7,
                step_a=step_a,
                rank=n % 3,
                weight=1.0 + n % 2,
                charging=n % 5 > 0,
                waiting_since_s=float(n),
                need=Need(energy_wanted_wh=1000.0 * (n % 40), time_left_s=3600.0 * (1 + n % 9))
                if n % 10 == 0
                else None,
            )
            for n in range(evses)
        ),
        nominal_voltage_v=VOLTS,
        imbalance_limit_a=imbalance_a,
    )
