"""DC stations: limited in W, which the grid feels on three phases; 690 W are 1 A on each at 230 V."""

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.site import Supply
from edge.units import PHASES
from tests.unit.allocation.closed_loop import ClosedLoop
from tests.unit.allocation.practice import (
    L1,
    Car,
    Case,
    check_in_the_loop,
    check_on_paper,
    check_unharmed,
    main,
)


def _dc(**fields: float) -> Car:
    """50 kW and a little: 73 A per phase."""
    return Car(**({"wants_a": 73, "min_a": 6} | fields), phases=PHASES, supply=Supply.DC)  # type: ignore[arg-type]


CASES = {
    "alone, the fuse binds": Case(fuses=main(63), cars={"DC": _dc()}, expected={"DC": 63}),
    "beside a car on three phases": Case(
        fuses=main(63),
        cars={"DC": _dc(), "AC": Car(wants_a=16, phases=PHASES)},
        expected={"DC": 47, "AC": 16},
    ),
    "beside a car on one phase: L1 binds both, L2 and L3 can't be used by the DC station alone": Case(
        fuses=main(40),
        cars={"DC": _dc(), "AC": Car(phases=(L1,))},
        expected={"DC": 20, "AC": 20},
    ),
    "20 kW for the site": Case(
        fuses=main(63, watts=20_000),
        cars={"DC": _dc()},
        expected={"DC": 20_000 / 690},
    ),
    "in steps of 1 A": Case(
        fuses=main(63, watts=20_000),
        cars={"DC": _dc(step_a=1)},
        expected={"DC": 28},
    ),
    "20 A of imbalance allowed: a DC station makes none": Case(
        fuses=main(63),
        cars={"DC": _dc(), "AC": Car()},
        expected={"DC": 43, "AC": 20},
        imbalance_a=20,
    ),
    "a minimum of 10 kW that doesn't fit": Case(
        fuses=main(20),
        cars={"AC": Car(wants_a=16, phases=PHASES, charging=True), "DC": _dc(min_a=14.5)},
        expected={"AC": 16, "DC": 0},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_on_paper(name: str) -> None:
    """The answer of the solver."""
    check_on_paper(CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_in_the_loop(name: str) -> None:
    """What the cars are limited to when all has settled."""
    check_in_the_loop(CASES[name])


def _watts(loop: ClosedLoop, name: str) -> list[float | None]:
    return [
        command.limit_w
        for _, command in loop.written
        if command.key.station == name and command.purpose is Purpose.SESSION
    ]


def test_it_is_told_whole_watts_and_an_ac_station_none() -> None:
    """47 A on three phases at 230 V."""
    loop = check_in_the_loop(CASES["beside a car on three phases"])
    assert _watts(loop, "DC")[-1] == 47 * 690
    assert set(_watts(loop, "AC")) == {None}


def test_it_starts_at_its_minimum_and_is_cut_in_watts() -> None:
    """6 A are 4,140 W; a building that takes 20 A more leaves 43 A: 29,670 W."""
    loop = check_in_the_loop(CASES["alone, the fuse binds"])
    started = next(limit_w for limit_w in _watts(loop, "DC") if limit_w)
    loop.load("main", 20, 20, 20)
    loop.run(30)
    assert (started, _watts(loop, "DC")[-1]) == (6 * 690, 43 * 690)
    check_unharmed(loop)
