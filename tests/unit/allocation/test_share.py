"""Sharing, by tables: amperes in, amperes out."""

import pytest

from edge.allocation.share import Claim, Line, Share, share
from edge.units import PHASES, Phase

L1, L2, L3 = PHASES


def claim(
    max_a: float,
    *,
    circuits: tuple[str, ...] = ("main",),
    phases: tuple[Phase, ...] = PHASES,
    min_a: float = 6.0,
    rank: int = 0,
    weight: float = 1.0,
) -> Claim:
    """A claim whose current flows through ``circuits`` on ``phases``."""
    lines = tuple((circuit, phase) for circuit in circuits for phase in phases)
    return Claim(min_a=min_a, max_a=max_a, lines=lines, rank=rank, weight=weight)


def rooms(**amps: float) -> dict[Line, float]:
    """The same room on all phases of each circuit."""
    return {(circuit, phase): room for circuit, room in amps.items() for phase in PHASES}


def amps(shares: list[Share]) -> list[float]:
    return [given.amps for given in shares]


THIRD = 35 / 3


@pytest.mark.parametrize(
    ("room_a", "claims", "expected"),
    [
        pytest.param(32, [claim(32), claim(8)], [24, 8], id="what one leaves the other gets"),
        pytest.param(35, [claim(16)] * 3, [THIRD] * 3, id="three alike share alike"),
        pytest.param(15, [claim(16)] * 3, [7.5, 7.5, 0], id="the third waits for its turn"),
        pytest.param(11, [claim(16)] * 2, [11, 0], id="where two minima don't fit the first keeps all"),
        pytest.param(14, [claim(16)] * 2, [7, 7], id="two that just fit"),
        pytest.param(12, [claim(16)] * 2, [6, 6], id="two minima that fit exactly"),
        pytest.param(5.9, [claim(16)], [0], id="less than the minimum is nothing"),
        pytest.param(6, [claim(6)], [6], id="minimum and maximum are one"),
        pytest.param(-3, [claim(16)], [0], id="room below 0 is no room"),
        pytest.param(100, [claim(16), claim(32)], [16, 32], id="room for all"),
        pytest.param(30, [claim(32, weight=2), claim(32)], [20, 10], id="by weight"),
        pytest.param(18, [claim(32, weight=5), claim(32)], [12, 6], id="nobody's weight takes another's minimum"),
        pytest.param(26, [claim(32, min_a=10), claim(32)], [13, 13], id="a higher minimum is a floor, no surcharge"),
        pytest.param(18, [claim(32, min_a=10), claim(32)], [10, 8], id="a floor that binds"),
        pytest.param(30, [claim(16, rank=0), claim(16, rank=1)], [16, 14], id="the first rank first"),
        pytest.param(
            13, [claim(16, rank=0), claim(16, rank=1)], [7, 6], id="the second rank's minimum before the rest"
        ),
        pytest.param(40, [claim(16, rank=1), claim(32, rank=0)], [8, 32], id="rank goes before order"),
        pytest.param(0, [], [], id="nobody there"),
        pytest.param(20, [claim(0, min_a=0), claim(16)], [0, 16], id="a claim to nothing gets nothing"),
    ],
)
def test_on_one_circuit(room_a: float, claims: list[Claim], expected: list[float]) -> None:
    """The cases from practice, each named for what it pins."""
    assert amps(share(claims, rooms(main=room_a))) == pytest.approx(expected, abs=1e-9)


def test_nothing_is_stranded_below_a_full_sub_circuit() -> None:
    """Main 32 A, below it 16 A: 16 for the car on main, 10 for its equal below, 6 for the one of lower rank."""
    below = ("garage", "main")
    claims = [
        claim(16, min_a=10, rank=0),
        claim(16, circuits=below, rank=0),
        claim(16, circuits=below, rank=1),
    ]
    assert amps(share(claims, rooms(main=32, garage=16))) == pytest.approx([16, 10, 6])


def test_a_full_phase_binds_those_on_it_alone() -> None:
    """L3 has no room: the car on L1 keeps its current."""
    room = {("main", L1): 20.0, ("main", L2): 20.0, ("main", L3): 0.0}
    shares = share([claim(16, phases=(L1,)), claim(16, phases=(L3,)), claim(16)], room)
    assert amps(shares) == [16, 0, 0]
    assert shares[1].bound_by == shares[2].bound_by == ("main", L3)


def test_the_tightest_of_a_three_phase_cars_lines_binds_it() -> None:
    """Rotation puts one-phase cars on different phases; the three-phase car gets what the fullest leaves."""
    shares = share([claim(32), claim(16, phases=(L2,)), claim(10, phases=(L1,))], rooms(main=24))
    assert amps(shares) == pytest.approx([12, 12, 10])
    assert shares[0].bound_by == ("main", L2)


def test_the_minimum_that_fits_goes_to_the_next_in_line() -> None:
    """One whose minimum doesn't fit is passed over, and the smaller one after it is served."""
    assert amps(share([claim(16), claim(16, min_a=10), claim(16)], rooms(main=13))) == pytest.approx([6.5, 0, 6.5])


def test_what_binds_is_named() -> None:
    """At its maximum nothing binds; on a full circuit its line does, the nearest that is full."""
    below = ("garage", "main")
    shares = share([claim(10, circuits=below), claim(32, circuits=below), claim(16)], rooms(main=63, garage=20))
    assert amps(shares) == pytest.approx([10, 10, 16])
    assert [given.bound_by for given in shares] == [None, ("garage", L1), None]


def test_the_shares_of_a_deep_tree() -> None:
    """Six levels: each share is bound by the tightest circuit above it."""
    path = tuple(f"c{level}" for level in range(6))
    claims = [claim(32, circuits=path[level:]) for level in range(6)]
    room = rooms(c0=7, c1=14, c2=24, c3=34, c4=50, c5=80)
    assert amps(share(claims, room)) == pytest.approx([7, 7, 10, 10, 16, 30])


def test_many_equal_claims_lose_nothing_to_rounding() -> None:
    """A thousand claims use up the room to a nano-ampere, and not more."""
    shares = share([claim(32, weight=1 + number % 7 / 10) for number in range(1000)], rooms(main=9000.1))
    assert sum(amps(shares)) == pytest.approx(9000.1, abs=1e-6)
