"""Cases from practice, worked out by hand: a site, its cars, and the amperes that each must have.

Each case is asked twice. On paper: the solver's answer to the problem (that of ``edge allocate``). In a closed loop:
what the cars are limited to when everything has settled, and on the way there no rating is exceeded and no car is told
anything between 0 and its minimum.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from edge.allocation.problem import Branch, Capacity, Claim, Need, Outlet, Problem, Wiring
from edge.allocation.solve import solve
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, Supply
from edge.units import NO_CURRENT, PHASES, Amps, Phase, PhaseAmps, Seconds, Watts
from tests.unit.allocation.closed_loop import ClosedLoop
from tests.unit.allocation.plugs import VOLTS, Plug

L1, L2, L3 = PHASES
PAPER_A = 1e-6  # what the solver may miss
STEP_A = 0.1  # what is told of a continuous current
NEXT_CAR_S = 60.0  # by then those that charge already have settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """An EVSE and its car. ``max_a`` is the EVSE's; it can just give what the car wants unless a case says otherwise.

    ``uses``: the grid phases on which the car charges, all of the EVSE's unless a case says otherwise.
    Those that are ``charging`` have come a minute before the others; ``since_s`` orders them among themselves.
    """

    wants_a: Amps = 32.0
    circuit: str = "main"
    phases: tuple[Phase, ...] = (L1,)
    uses: tuple[Phase, ...] | None = None
    min_a: Amps = 6.0
    max_a: Amps | None = None
    step_a: Amps = 0.0
    rank: int = 0
    weight: float = 1.0
    charging: bool = False
    since_s: Seconds = 0.0
    need: Need | None = None
    safe_a: Amps = 6.0
    guaranteed: bool = False
    never_zero: bool = False
    switches: bool = False
    ignores_phases: bool = False
    tells_power: bool = False
    supply: Supply = Supply.AC


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuse:
    """A circuit; ``background`` is what flows through it besides the cars. A circuit with one has a meter."""

    amps: Amps
    margin_a: Amps = 0.0
    parent: str | None = "main"
    watts: Watts | None = None
    background: PhaseAmps | None = None
    reserve_a: Amps | None = None


def main(
    amps: Amps,
    background: tuple[Amps, Amps, Amps] | Amps = 0.0,
    *,
    margin_a: Amps = 0.0,
    watts: Watts | None = None,
    reserve_a: Amps | None = None,
) -> dict[str, Fuse]:
    """The grid connection, metered."""
    flows = background if isinstance(background, tuple) else (background,) * 3
    return {
        "main": Fuse(
            amps=amps,
            margin_a=margin_a,
            parent=None,
            watts=watts,
            background=PhaseAmps(*flows),
            reserve_a=reserve_a,
        )
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``expected`` are the amperes. ``settled`` are those of the closed loop where it can't know what the paper says:
    the row says why."""

    fuses: Mapping[str, Fuse]
    cars: Mapping[str, Car]
    expected: Mapping[str, Amps]
    settled: Mapping[str, Amps] = field(default_factory=dict)
    imbalance_a: Amps | None = None

    @property
    def problem(self) -> Problem:
        """As ``edge allocate`` takes it."""
        return Problem(
            wiring=Wiring(
                branches=tuple(Branch(id=name, parent=fuse.parent) for name, fuse in self.fuses.items()),
                outlets=tuple(
                    Outlet(id=name, circuit=car.circuit, phases=car.uses or car.phases)
                    for name, car in self.cars.items()
                ),
            ),
            capacities=tuple(
                Capacity(
                    limit_a=(fuse.amps - fuse.margin_a,) * 3,
                    limit_w=fuse.watts,
                    background_a=fuse.background or NO_CURRENT,
                )
                for fuse in self.fuses.values()
            ),
            claims=tuple(
                Claim(
                    min_a=car.min_a,
                    max_a=car.wants_a if car.max_a is None else car.max_a,
                    demand_a=car.wants_a,
                    step_a=car.step_a,
                    rank=car.rank,
                    weight=car.weight,
                    charging=car.charging,
                    waiting_since_s=car.since_s,
                    need=car.need,
                )
                for car in self.cars.values()
            ),
            nominal_voltage_v=VOLTS,
            imbalance_limit_a=self.imbalance_a,
        )

    def loop(self, settings: ControlSettings | None = None) -> ClosedLoop:
        """The site with its cars on their way."""
        some_charge = any(car.charging for car in self.cars.values())
        circuits = [
            Circuit(
                id=name,
                parent=fuse.parent,
                fuse_a=fuse.amps,
                margin_a=fuse.margin_a,
                limit_w=fuse.watts,
                meter=None if fuse.background is None else f"meter-{name}",
                background_reserve_a=fuse.reserve_a,
            )
            for name, fuse in self.fuses.items()
        ]
        plugs = [
            Plug(
                evse=_evse(name, car),
                wants_a=car.wants_a,
                uses=car.uses or car.phases,
                ignores_phases=car.ignores_phases,
                tells_power=car.tells_power,
                arrives_s=car.since_s + (NEXT_CAR_S if some_charge and not car.charging else 0.0),
            )
            for name, car in self.cars.items()
        ]
        background = {name: fuse.background for name, fuse in self.fuses.items() if fuse.background is not None}
        return ClosedLoop(plugs, circuits, background=background, settings=settings, imbalance_a=self.imbalance_a)


def _evse(name: str, car: Car) -> Evse:
    return Evse(
        key=EvseKey(station=name, evse=1),
        circuit=car.circuit,
        phases=car.phases,
        min_a=car.min_a,
        max_a=car.wants_a if car.max_a is None else car.max_a,
        fallback_a=car.safe_a,
        rank=car.rank,
        weight=car.weight,
        guaranteed=car.guaranteed,
        step_a=car.step_a or STEP_A,
        supply=car.supply,
        switches_phases=car.switches,
        never_zero=car.never_zero,
    )


def check_on_paper(case: Case) -> None:
    """The solver's answer is the table's."""
    told = dict(zip(case.cars, solve(case.problem).limits_a, strict=True))
    assert told == pytest.approx(dict(case.expected), abs=PAPER_A)


def check_in_the_loop(case: Case, settings: ControlSettings | None = None) -> ClosedLoop:
    """What has settled is the table's within a step, and nothing was broken on the way."""
    loop = case.loop(settings)
    for name, car in case.cars.items():
        if car.need is not None:
            loop.run(max(plug.arrives_s for plug in loop.plugs.values()) + 1.0 - loop.now)
            loop.need(name, car.need.energy_wanted_wh, car.need.time_left_s)
    loop.settle()
    check_unharmed(loop)
    expected = {**case.expected, **case.settled}
    for name, amps in expected.items():
        step_a = max(case.cars[name].step_a, STEP_A)
        assert loop.told[name] == pytest.approx(amps, abs=step_a + PAPER_A), (name, loop.told, loop.reason(name))
    return loop


def check_unharmed(loop: ClosedLoop) -> None:
    """No rating was exceeded, and no car was told anything between 0 and its minimum."""
    assert loop.overloads == []
    assert loop.between == []
