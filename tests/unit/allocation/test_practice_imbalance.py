"""Imbalance: at the grid connection two phases may differ by 20 A here; in amperes."""

from dataclasses import replace

import pytest

from edge.allocation.background import OVERLOAD_AT_ONCE_A, OVERLOAD_HOLD_S
from edge.allocation.cadence import delay_s
from edge.allocation.decide import Memory, decide
from edge.allocation.state import Reach
from edge.domain.setpoint import Reason
from edge.domain.site import ControlSettings
from edge.domain.station import CloudLimit
from edge.units import PHASES, Amps, Phase, PhaseAmps
from tests.site_builders import NOW, charging, circuit, evse, remembered, snapshot
from tests.unit.allocation.closed_loop import GRACE_S, TOLERANCE_A
from tests.unit.allocation.practice import (
    L1,
    L2,
    L3,
    Car,
    Case,
    Fuse,
    check_in_the_loop,
    check_on_paper,
    main,
)

CASES = {
    "one phase alone": Case(
        fuses=main(63),
        cars={"A": Car(), "B": Car()},
        expected={"A": 10, "B": 10},
        imbalance_a=20,
    ),
    "three phases don't unbalance": Case(
        fuses=main(63),
        cars={"A": Car(phases=PHASES), "B": Car(), "C": Car()},
        expected={"A": 32, "B": 10, "C": 10},
        imbalance_a=20,
    ),
    "two phases against the third": Case(
        fuses=main(63),
        cars={"A": Car(phases=(L1, L2))},
        expected={"A": 20},
        imbalance_a=20,
    ),
    "the other phases make room: 12 A on L3 and 20 more on L1": Case(
        fuses=main(63),
        cars={"A": Car(), "B": Car(), "C": Car(phases=(L2,)), "D": Car(phases=(L3,), wants_a=12)},
        expected={"A": 16, "B": 16, "C": 32, "D": 12},
        imbalance_a=20,
    ),
    "the building on the other phases makes room": Case(
        fuses=main(63, (0, 4, 9)),
        cars={"A": Car(), "B": Car()},
        expected={"A": 12, "B": 12},
        imbalance_a=20,
    ),
    "the building beyond the limit: nobody makes it worse": Case(
        fuses=main(63, (30, 0, 0)),
        cars={"A": Car(), "B": Car(phases=PHASES)},
        expected={"A": 0, "B": 32},
        imbalance_a=20,
    ),
    "the fuse before the balance": Case(
        fuses=main(16),
        cars={"A": Car(), "B": Car(phases=(L2,))},
        expected={"A": 16, "B": 16},
        imbalance_a=20,
    ),
    "a sub-circuit's cars count at the grid connection": Case(
        fuses=main(63) | {"garage": Fuse(amps=63)},
        cars={"A": Car(circuit="garage"), "B": Car()},
        expected={"A": 10, "B": 10},
        imbalance_a=20,
    ),
    "rank by rank": Case(
        fuses=main(63),
        cars={"A": Car(rank=1), "B": Car(rank=0)},
        expected={"A": 6, "B": 14},
        imbalance_a=20,
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


def test_the_sentence_names_both_phases() -> None:
    """Whoever is held by balance is told so."""
    loop = check_in_the_loop(CASES["one phase alone"])
    point = loop.decision.setpoints[0]
    assert (point.reason, point.circuit, point.phase) == (Reason.IMBALANCE, "main", L1)
    assert point.other_phase in (L2, L3)


# Cars of 32 A on L1 (A and B) and those that could balance them; L1 may carry 20 A more than the least other phase.
UNSURE: dict[str, tuple[dict[str, Car], dict[str, Amps]]] = {
    "a car that takes less than it is told balances with what it takes": (
        {"C": Car(phases=(L2,), wants_a=8, max_a=32), "D": Car(phases=(L3,), wants_a=12)},
        {"A": 14, "B": 14, "C": 10, "D": 12},
    ),
    "cars that come later balance when they draw": (
        {"C": Car(phases=(L2,), since_s=60), "D": Car(phases=(L3,), since_s=65)},
        {"A": 26, "B": 26, "C": 32, "D": 32},
    ),
    "on two phases of three": (
        {"C": Car(phases=PHASES, uses=(L2, L3), wants_a=10)},
        {"A": 15, "B": 15, "C": 10},
    ),
}


@pytest.mark.parametrize("name", UNSURE)
def test_only_what_is_drawn_balances(name: str) -> None:
    """The limit isn't passed on the way, by what others may draw and don't."""
    others, expected = UNSURE[name]
    loop = Case(fuses=main(63), cars={"A": Car(), "B": Car()} | others, expected={}, imbalance_a=20).loop().settle()
    assert loop.told == pytest.approx(expected, abs=0.1)
    assert loop.overloads == []
    point = loop.decision.setpoints[0]
    if point.reason is Reason.IMBALANCE:  # what balances is what is drawn, and so it is told
        assert point.used_a == pytest.approx(20.0, abs=0.2)


def test_who_waits_for_a_turn_by_the_balance_is_told_so() -> None:
    """Two cars of 6.5 A on L1 are all that it bears."""
    loop = Case(fuses=main(63), cars={"A": Car(), "B": Car(), "C": Car()}, expected={}, imbalance_a=13).loop().settle()
    (waits,) = (point for point in loop.decision.setpoints if point.reason is Reason.WAITING_FOR_TURN)
    why = "one car more on L1 would unbalance it (13.0 A more than L2 now, and 13 A are allowed)"
    assert waits.text == f"0.0 A: waits for its turn: {why}"


def test_cars_that_sleep_balance_nothing() -> None:
    """They are there and have their minimum, and take nothing."""
    cars = {"A": Car(), "B": Car(), "C": Car(phases=(L2,)), "D": Car(phases=(L3,))}
    loop = Case(fuses=main(63), cars=cars, expected={}, imbalance_a=20).loop()
    loop.plugs["C"].asleep = loop.plugs["D"].asleep = True
    loop.settle()
    assert (loop.told["A"], loop.told["B"]) == (10, 10)
    assert loop.overloads == []


def test_when_a_car_leaves_those_that_it_balanced_are_cut_at_once() -> None:
    """L1 had 32 A against its 32 A and 12 A on L3; without it 20 A, as soon as cars can obey."""
    loop = CASES["the other phases make room: 12 A on L3 and 20 more on L1"].loop().settle()
    loop.leave("C")
    loop.excuse()
    loop.run(30)
    assert loop.told == {"A": 10, "B": 10, "C": 0, "D": 12}
    assert loop.overloads == []


@pytest.mark.parametrize(("uses", "settled_a"), [((L1,), 20), ((L1, L2), 20), (PHASES, 32)])
def test_a_car_at_a_post_of_three_phases_never_unbalances_them(uses: tuple[Phase, ...], settled_a: Amps) -> None:
    """It stays at its minimum until a sample shows the phases that it uses, and counts on those at once."""
    loop = Case(fuses=main(63), cars={"A": Car(phases=PHASES, uses=uses)}, expected={}, imbalance_a=20).loop().settle()
    assert loop.told["A"] == settled_a
    assert loop.overloads == []


def test_what_a_car_was_seen_to_use_is_forgotten_with_its_session() -> None:
    """The next one at the post counts anew: it uses three phases."""
    loop = Case(fuses=main(63), cars={"A": Car(phases=PHASES, uses=(L1,))}, expected={}, imbalance_a=20).loop().settle()
    loop.leave("A")
    loop.run(60.0)
    loop.plugs["A"].uses, loop.plugs["A"].arrives_s = PHASES, loop.now
    loop.settle()
    assert loop.told["A"] == 32
    assert loop.overloads == []


def test_a_car_of_which_no_sample_comes_rises_after_a_minute() -> None:
    """Its station tells none; else it would stay at its minimum for good."""
    new = [charging(evse(n), told_a=6, told_at=NOW - held_s, drawn_at=None) for n, held_s in ((1, 59.0), (2, 61.0))]
    first, second = decide(snapshot(circuit(80), *new, imbalance_limit_a=20.0), Memory()).setpoints
    assert (first.limit_a, first.reason) == (6.0, Reason.STARTING)
    assert second.limit_a == 32.0


@pytest.mark.parametrize("gone", ["car", "building"])
def test_what_balances_no_longer_is_seen_by_the_meter(gone: str) -> None:
    """L2 falls by 20 A or more, and no station tells its car's draw within the next minute."""
    other = Car(phases=(L2,)) if gone == "car" else Car(phases=(L3,), wants_a=12)
    cars = {"A": Car(), "C": other, "D": Car(phases=(L3,))}
    loop = Case(fuses=main(80, (0, 20, 0)), cars=cars, expected={}, imbalance_a=16).loop().settle()
    assert loop.told["A"] == 32
    for plug in loop.plugs.values():
        plug.samples_s = 3600.0
    loop.plugs["C"].asleep = gone == "car"
    loop.load("main", 0, 0, 0)
    loop.run(GRACE_S)
    for _ in range(50):
        flows = loop.run(1.0).measured_a("main")
        assert max(flows) - min(flows) <= 16 + OVERLOAD_AT_ONCE_A + TOLERANCE_A
    assert loop.told["A"] >= 16, "and no more is taken than that"


def test_a_rise_on_one_phase_is_cut_for_though_a_car_on_all_may_draw_as_much() -> None:
    """B is allowed 12 A more on each phase, and takes none of them: what it may draw hides 9 A of the building on L1,
    but no difference between phases. That lasted until B wasn't expected to follow any more, 40 s and longer."""
    cars = {"A": Car(phases=PHASES, uses=(L1,)), "B": Car(phases=PHASES, wants_a=8, max_a=32)}
    loop = Case(fuses=main(63, 4), cars=cars, expected={}, imbalance_a=16).loop()
    loop.take(CloudLimit(key=loop.plugs["B"].evse.key, at=0.0, limit_a=9.0))
    loop.run(120)
    assert loop.told == {"A": 16, "B": 9}
    loop.take(CloudLimit(key=loop.plugs["B"].evse.key, at=loop.now, limit_a=None))
    loop.run(5)
    assert loop.told["B"] > 20
    loop.load("main", 13, 4, 4)
    loop.run(delay_s((), ControlSettings(), is_news=False) + OVERLOAD_HOLD_S + GRACE_S)
    for _ in range(40):
        flows = loop.run(1.0).measured_a("main")
        assert flows.l1 - flows.l2 <= 16 + TOLERANCE_A
    assert loop.told["A"] >= 6, "and no more is taken than that"


def test_a_car_on_all_phases_that_stops_unbalances_nobody() -> None:
    """No station tells its car's draw within the next minute; the meter shows as much less on each phase."""
    cars = {"A": Car(), "B": Car(phases=PHASES)}
    loop = Case(fuses=main(80), cars=cars, expected={}, imbalance_a=16).loop().settle()
    for plug in loop.plugs.values():
        plug.samples_s = 3600.0
    loop.plugs["B"].asleep = True
    before = len(loop.written)
    loop.run(50.0)
    assert {command.limit_a for _, command in loop.written[before:] if command.key.station == "A"} <= {16}


def test_a_car_out_of_reach_counts_on_the_phases_that_it_uses() -> None:
    """It was told 14 A, and draws them on L1; its station's safe current on the other phases balances nothing."""
    away = replace(charging(evse(2), told_a=14), reach=Reach.OFFLINE, draw_a=PhaseAmps(14.0, 0.0, 0.0))
    here = charging(evse(1, phases=(L1,)), told_a=12)
    site = snapshot(circuit(80), here, away, imbalance_limit_a=20.0)
    first, _ = decide(site, remembered(site, used=[1, 1])).setpoints
    assert first.text == "6.0 A: L1 carries 20.0 A more than L2, and 20 A are allowed"


def test_what_a_site_below_unbalances_counts() -> None:
    """It is limited on all its phases alike, and takes 10 A more on L1 than on the others."""
    below = charging(replace(evse(2), whole_site=True), told_a=16)
    below = replace(below, draw_a=PhaseAmps(14.0, 4.0, 4.0))
    first, _ = decide(
        snapshot(circuit(80), charging(evse(1, phases=(L1,)), told_a=12), below, imbalance_limit_a=20.0), Memory()
    ).setpoints
    assert first.text == "10.0 A: L1 carries 20.0 A more than L2, and 20 A are allowed"
