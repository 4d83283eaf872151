"""The constraint that binds each setpoint of the solver, and its sentence."""

import pytest

from edge.allocation.problem import Need, Problem
from edge.domain.limit import LimitSource
from edge.domain.setpoint import BALANCE_SENTENCES, POWER_SENTENCES, SENTENCES, Reason, Setpoint
from edge.domain.site import EvseKey
from edge.units import PHASES
from tests.unit.allocation.solve_sites import L1, L2, Car, circuit, setpoints, site

SMALL = {"garage": ("main", circuit(16))}

REASONS: dict[str, tuple[Problem, Reason, str]] = {
    "its car": (site(circuit(32), {"A": Car(wants_a=16)}), Reason.DEMAND_MET, "16.0 A: all the car can use"),
    "itself": (site(circuit(63), {"A": Car(wants_a=40)}), Reason.MAXIMUM, "32.0 A: the most this EVSE can give"),
    "its car, in whole steps": (
        site(circuit(32), {"A": Car(wants_a=15.5, step_a=1)}),
        Reason.WHOLE_STEPS,
        "15.0 A: all the car can use in whole steps",
    ),
    "its car, closer than a sentence shows": (
        site(circuit(32), {"A": Car(wants_a=15.55, step_a=0.1)}),
        Reason.DEMAND_MET,
        "15.5 A: all the car can use",
    ),
    "itself, in whole steps": (
        site(circuit(63), {"A": Car(wants_a=40, step_a=5)}),
        Reason.MAXIMUM,
        "30.0 A: the most this EVSE can give",
    ),
    "no step between its bounds": (
        site(circuit(63), {"A": Car(min_a=6, max_a=16, wants_a=16, step_a=20)}),
        Reason.NO_WHOLE_STEP,
        "0.0 A: no whole step of its limit lies between the least and the most this EVSE can give",
    ),
    "nothing wanted": (site(circuit(32), {"A": Car(wants_a=0)}), Reason.DEMAND_MET, "0.0 A: all the car can use"),
    "less wanted than can be given": (
        site(circuit(32), {"A": Car(wants_a=5)}),
        Reason.BELOW_MINIMUM,
        "0.0 A: the car can use less than 6 A, the least this EVSE can give",
    ),
    "its nearest circuit": (
        site(circuit(20), {"A": Car(circuit="garage", phases=(L2,))}, below=SMALL),
        Reason.CIRCUIT_FULL,
        "16.0 A: garage L2 is full (16.0 of 16 A)",
    ),
    "a circuit above": (
        site(circuit(20, background=(5, 0, 0)), {"A": Car(circuit="garage")}, below=SMALL),
        Reason.CIRCUIT_FULL,
        "15.0 A: main L1 is full (20.0 of 20 A)",
    ),
    "the circuit that holds it, not a nearer one that is full too": (
        site(
            circuit([63, 12, 63]),
            {
                "A": Car(circuit="garage", phases=PHASES, min_a=0),
                "B": Car(circuit="garage", min_a=0),
                "C": Car(phases=(L2,), min_a=0),
                "D": Car(phases=(L2,), min_a=0),
            },
            below=SMALL,
        ),
        Reason.CIRCUIT_FULL,
        "4.0 A: main L2 is full (12.0 of 12 A)",
    ),
    "a step that doesn't fit": (
        site(circuit(15.5), {"A": Car(step_a=1)}),
        Reason.CIRCUIT_FULL,
        "15.0 A: main L1 is full (15.0 of 15.5 A)",
    ),
    "power": (
        site(circuit(32, watts=6900), {"A": Car(phases=PHASES)}),
        Reason.CIRCUIT_POWER_FULL,
        "10.0 A: main has no power left (6900 of 6900 W)",
    ),
    "balance": (
        site(circuit(32), {"A": Car()}, imbalance_a=20),
        Reason.IMBALANCE,
        "20.0 A: L1 carries 20.0 A more than L2, and 20 A are allowed",
    ),
    "a background that is a hair of export": (
        site(circuit(0, background=(-1e-12, 0, 0)), {"A": Car(min_a=0)}),
        Reason.CIRCUIT_FULL,
        "0.0 A: main L1 is full (0.0 of 0 A)",
    ),
    "its need": (
        site(circuit(30), {"A": Car(need=Need(energy_wanted_wh=4600, time_left_s=3600)), "B": Car()}),
        Reason.READY_IN_TIME,
        "20.0 A: the rate that makes the car ready in time",
    ),
    "no room for its minimum": (
        site(circuit(5), {"A": Car()}),
        Reason.WAITING_FOR_ROOM,
        "0.0 A: waits: main L1 has no 6 A left (0.0 of 5 A)",
    ),
    "no power for its minimum": (
        site(circuit(32, watts=2000), {"A": Car(phases=PHASES)}),
        Reason.WAITING_FOR_ROOM,
        "0.0 A: waits: main has no power left for 6 A (0 of 2000 W)",
    ),
    "no balance for its minimum": (
        site(circuit(32), {"A": Car()}, imbalance_a=4),
        Reason.WAITING_FOR_ROOM,
        "0.0 A: waits: 6 A more on L1 would unbalance it (0.0 A more than L2 now, and 4 A are allowed)",
    ),
    "a background above the rating": (
        site(circuit(63), {"A": Car(circuit="garage")}, below={"garage": ("main", circuit(16, background=(17, 0, 0)))}),
        Reason.OVERLOAD,
        "0.0 A: garage L1 is overloaded by what is not ours (17.0 of 16 A)",
    ),
    "a background above the rating, and nothing wanted": (
        site(circuit(16, background=(17, 0, 0)), {"A": Car(wants_a=0)}),
        Reason.OVERLOAD,
        "0.0 A: main L1 is overloaded by what is not ours (17.0 of 16 A)",
    ),
    "a background above the power": (
        site(circuit(63, watts=2300, background=(11, 0, 0)), {"A": Car(phases=(L2,))}),
        Reason.OVERLOAD,
        "0.0 A: main is overloaded by what is not ours (2530 of 2300 W)",
    ),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_binds(name: str) -> None:
    """EVSE A's reason and sentence."""
    problem, reason, text = REASONS[name]
    setpoint = setpoints(problem)["A"]
    assert (setpoint.reason, setpoint.text) == (reason, text)


def test_the_one_who_waits_names_what_the_others_use() -> None:
    """The sentence shows the circuit as it is when all take what they were given."""
    told = setpoints(site(circuit(15), {"A": Car(charging=True), "B": Car(charging=True), "C": Car()}))
    assert told["C"].text == "0.0 A: waits: main L1 has no 6 A left (15.0 of 15 A)"
    assert (told["C"].circuit, told["C"].phase, told["C"].min_a) == ("main", L1, 6.0)


def test_each_reason_has_its_sentence() -> None:
    """No reason without a sentence; the sentences for power and balance are variants of one."""
    assert set(SENTENCES) == set(Reason)
    assert {*POWER_SENTENCES, *BALANCE_SENTENCES} <= set(SENTENCES)


def test_a_limit_in_watts_is_told_whole() -> None:
    """A demand window's is reckoned: "29153.90217 W" told nobody more."""
    setpoint = Setpoint(
        key=EvseKey(station="A", evse=1),
        limit_a=15.8,
        reason=Reason.LIMITED,
        circuit="main",
        used_w=29116.2,
        rating_w=29153.90217,
        source=LimitSource.DEMAND_WINDOW,
    )
    assert setpoint.text == "15.8 A: the demand window allows main 29154 W (29116 W now)"
