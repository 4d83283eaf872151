"""A station that takes one limit for session and idle EVSE alike: it binds the next session's car, too; in amperes.

Between two messages the session may end and another car begin by the same limit, on each phase that is wired. So the
shares of all have to fit with it there, too.
"""

from dataclasses import replace

import pytest

from edge.domain.station import LimitsTaken
from edge.units import PHASES
from tests.unit.allocation.closed_loop import ClosedLoop
from tests.unit.allocation.practice import L1, L2, L3, Car, Case, check_unharmed, main


def three(**cars: Car) -> ClosedLoop:
    """Cars on three-phase EVSEs below 28 A, A of them at a station that is told one limit for both."""
    loop = Case(fuses=main(28), cars=cars, expected={}).loop()
    loop.plugs["A"].one_limit = True
    loop.board.take(LimitsTaken(station="A", at=0.0, one_limit=True))
    return loop


def test_whoever_comes_gets_its_share_beside_one_limit_for_both() -> None:
    """A's car uses L1 and C's L3, B's all three: L3 has room for B only if A isn't counted on L1 alone."""
    a, c = (Car(phases=PHASES, uses=(phase,), charging=True) for phase in (L1, L3))
    loop = three(A=a, B=Car(phases=PHASES), C=c).settle()
    check_unharmed(loop)
    assert loop.told == pytest.approx(dict.fromkeys("ABC", 28 / 3), abs=0.1)


def test_the_next_car_may_use_the_phases_that_the_last_did_not() -> None:
    """A's car uses L1, B's L2; another that uses all three takes the place of A's before anybody is told."""
    cars = {name: Car(phases=PHASES, uses=(phase,)) for name, phase in (("A", L1), ("B", L2))}
    loop = three(**cars).settle()
    assert loop.told == pytest.approx({"A": 14, "B": 14}, abs=0.1)
    loop.plugs["A"].uses = PHASES
    loop.run(30)
    check_unharmed(loop)


def test_the_power_of_a_car_is_that_of_the_phases_it_uses() -> None:
    """A needs 20 A on its one phase for the hour that is left, not a third of it."""
    cars = {name: Car(phases=PHASES, uses=(phase,)) for name, phase in (("A", L1), ("B", L2))}
    loop = three(**cars).settle()
    loop.need("A", energy_wh=20 * 230.0, departs_in_s=3600.0)
    loop.run(120)
    assert loop.told == pytest.approx({"A": 20, "B": 8}, abs=0.5)
    check_unharmed(loop)


def test_what_a_paused_car_may_hold_from_before_is_its_own() -> None:
    """The 6 A that a TxProfile of before our start may leave to A until its session ends are nobody else's. So A has
    them when its car wakes, though the others could use all."""
    loop = three(A=Car(charging=True), B=Car(charging=True), C=Car(charging=True)).settle()
    record = loop.board.evses[loop.plugs["A"].evse.key]
    record.holdings = replace(record.holdings, baseline_a=6.0, governed_at=loop.now, remains=True)
    loop.plugs["A"].asleep = True
    loop.settle()
    assert loop.told == pytest.approx({"A": 6, "B": 11, "C": 11}, abs=0.1)
    check_unharmed(loop)
