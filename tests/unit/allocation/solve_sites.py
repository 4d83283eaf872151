"""Small sites for the solver's tests: circuits by name, EVSEs by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.allocation.problem import Branch, Capacity, Claim, Need, Outlet, Problem, Wiring
from edge.allocation.solution import Solution
from edge.allocation.solve import solve
from edge.domain.setpoint import Setpoint
from edge.domain.site import EvseKey
from edge.units import PHASES, Amps, Phase, PhaseAmps, Watts

L1, L2, L3 = PHASES


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """An EVSE on ``circuit`` with a car that wants ``wants_a``."""

    wants_a: Amps = 32.0
    circuit: str = "main"
    phases: tuple[Phase, ...] = (L1,)
    min_a: Amps = 6.0
    max_a: Amps = 32.0
    step_a: Amps = 0.0
    rank: int = 0
    weight: float = 1.0
    charging: bool = False
    since_s: float | None = None
    need: Need | None = None


def circuit(
    limit: Amps | Sequence[Amps | None] | None = None,
    *,
    watts: Watts | None = None,
    background: Sequence[Amps] = (0.0, 0.0, 0.0),
) -> Capacity:
    """A circuit with one limit for all phases, or three."""
    limits = list(limit) if isinstance(limit, Sequence) else [limit] * 3
    return Capacity(limit_a=(limits[0], limits[1], limits[2]), limit_w=watts, background_a=PhaseAmps(*background))


def site(
    main: Capacity,
    cars: Mapping[str, Car],
    *,
    below: Mapping[str, tuple[str, Capacity]] | None = None,
    imbalance_a: Amps | None = None,
) -> Problem:
    """A problem; ``below`` names the other circuits with their parents."""
    others = below or {}
    return Problem(
        wiring=Wiring(
            branches=(
                Branch(id="main", parent=None),
                *(Branch(id=name, parent=parent) for name, (parent, _) in others.items()),
            ),
            outlets=tuple(Outlet(id=name, circuit=car.circuit, phases=car.phases) for name, car in cars.items()),
        ),
        capacities=(main, *(capacity for _, capacity in others.values())),
        claims=tuple(
            Claim(
                min_a=car.min_a,
                max_a=car.max_a,
                demand_a=car.wants_a,
                step_a=car.step_a,
                rank=car.rank,
                weight=car.weight,
                charging=car.charging,
                waiting_since_s=car.since_s,
                need=car.need,
            )
            for car in cars.values()
        ),
        imbalance_limit_a=imbalance_a,
    )


def limits(problem: Problem) -> dict[str, Amps]:
    """What each EVSE may draw, to a milliampere."""
    return {
        outlet.id: round(amps, 3) for outlet, amps in zip(problem.wiring.outlets, solve(problem).limits_a, strict=True)
    }


def setpoints(problem: Problem) -> dict[str, Setpoint]:
    """What each EVSE is told."""
    solution: Solution = solve(problem)
    return {
        outlet.id: solution.setpoint(number, EvseKey(station=outlet.id, evse=1))
        for number, outlet in enumerate(problem.wiring.outlets)
    }
