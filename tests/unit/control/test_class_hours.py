"""What the calendar says of a class, at the board and in the control loop: ranks, and the three ways to close."""

from dataclasses import replace

import pytest

from edge.control import report
from edge.control.board import Board
from edge.domain.opening import AtClose, ClassHour
from edge.domain.setpoint import Reason
from edge.domain.site import Priority
from edge.domain.station import DrawSampled, SessionBegan, SessionEnded, SessionJudged
from edge.units import Amps, PhaseAmps
from tests.site_builders import evse, key, site
from tests.unit.control.loop_rig import Rig, in_virtual_time

GUESTS, STAFF = "guests", "staff"
CLOSED_AT = 100.0


def board() -> Board:
    """An EVSE of guests, one of staff."""
    return Board(
        site(replace(evse(1), class_id=GUESTS, rank=5, weight=2.0), replace(evse(2), class_id=STAFF, rank=1)),
        started_at=0.0,
    )


def hours_a(held: Board, now: float) -> list[Amps | None]:
    return [state.hours_a for state in held.snapshot(now).evses]


def test_a_rank_of_the_hour_is_for_its_class_alone() -> None:
    """The rest of the class's priority stays; when the hour is over, its own rank is back."""
    held = board()
    held.take(ClassHour(class_id=GUESTS, at=1.0, rank=0))
    assert held.snapshot(1.0).fleet.rank.tolist() == [0, 1]
    assert held.snapshot(1.0).fleet.weight.tolist() == [2.0, 1.0]
    held.take(ClassHour(class_id=GUESTS, at=2.0))
    assert held.snapshot(2.0).fleet.rank.tolist() == [5, 1]


def test_a_token_brings_the_hours_of_its_class_along() -> None:
    """A member of staff at the guests' station has the staff's hours and rank."""
    held = board()
    held.take(ClassHour(class_id=GUESTS, at=1.0, rank=0, closed=AtClose.REFUSE))
    held.take(ClassHour(class_id=STAFF, at=1.0, rank=3))
    badge = Priority(rank=1, class_id=STAFF)
    held.take(SessionBegan(key=key(1), at=5.0, transaction_id="7"))
    held.take(SessionJudged(station=key(1).station, transaction_id="7", at=5.0, priority=badge))
    assert hours_a(held, 6.0) == [None, None]
    assert held.snapshot(6.0).fleet.rank.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("at_close", "leaves_a"), [(AtClose.REFUSE, 0.0), (AtClose.REDUCE, 6.0), (AtClose.FINISH, None)]
)
def test_who_charges_when_the_hours_are_over(at_close: AtClose, leaves_a: Amps | None) -> None:
    """Nothing, its minimum, or all; who begins afterwards gets nothing before they begin again, in each way."""
    held = board()
    held.take(SessionBegan(key=key(1), at=CLOSED_AT - 1, transaction_id="7"))
    held.take(ClassHour(class_id=GUESTS, at=CLOSED_AT, closed=at_close))
    assert hours_a(held, CLOSED_AT) == [leaves_a, None]
    held.take(ClassHour(class_id=GUESTS, at=CLOSED_AT + 50, rank=0, closed=at_close))  # still closed: another rank
    assert hours_a(held, CLOSED_AT + 50) == [leaves_a, None]
    held.take(SessionEnded(key=key(1), at=CLOSED_AT + 60))
    assert hours_a(held, CLOSED_AT + 60) == [None, None]
    held.take(SessionBegan(key=key(1), at=CLOSED_AT + 61, transaction_id="8"))
    assert hours_a(held, CLOSED_AT + 61) == [0.0, None]
    held.take(ClassHour(class_id=GUESTS, at=CLOSED_AT + 99))
    assert hours_a(held, CLOSED_AT + 99) == [None, None]


def test_who_was_found_running_began_in_time() -> None:
    """A restart of the gateway in closed hours stops nobody who was let finish."""
    held = board()
    held.take(ClassHour(class_id=GUESTS, at=1.0, closed=AtClose.FINISH))
    held.take(SessionBegan(key=key(1), at=5.0, transaction_id="7", observed_start=False))
    assert hours_a(held, 6.0) == [None, None]


def test_a_class_that_is_not_there_is_nobody_s() -> None:
    """EVSEs without a class are always open."""
    held = Board(site(evse(1)), started_at=0.0)
    held.take(ClassHour(class_id=GUESTS, at=1.0, rank=7, closed=AtClose.REFUSE))
    held.take(SessionBegan(key=key(1), at=5.0, transaction_id="7"))
    assert hours_a(held, 6.0) == [None]


@in_virtual_time
async def test_the_loop_carries_it_out() -> None:
    """A car that charges goes to 0 A when its class closes, to its minimum where that is the way, and comes back; the
    status says why, and its rank at the time."""
    rig = Rig()
    rig.car_arrives()
    badge = Priority(rank=5, class_id=GUESTS)
    rig.board.take(SessionJudged(station=key(1).station, transaction_id="7", at=0.0, priority=badge))
    seen: list[tuple[float | None, str, int]] = []
    acts = {
        40: ClassHour(class_id=GUESTS, at=40.0, closed=AtClose.REDUCE),
        60: ClassHour(class_id=GUESTS, at=60.0, closed=AtClose.REFUSE, rank=1),
        80: ClassHour(class_id=GUESTS, at=80.0),
    }

    def live(number: int) -> None:
        limit_a = rig.published[-1][1].setpoint(0).limit_a or 0.0
        rig.meter_shows_a = limit_a
        rig.board.take(DrawSampled(key=key(1), at=rig.clock.monotonic(), current_a=PhaseAmps.same(limit_a)))
        told = report.status(rig.board, *rig.published[-1], rig.vitals.pulse)["stations"][0]["evses"][0]
        seen.append((told["limit_a"], told["reason"], told["rank"]))
        if number in acts:
            rig.board.take(acts[number])

    rig.on_publish = live
    await rig.run_for(200)
    assert seen[38][0] is not None
    assert seen[38][0] > 10
    assert seen[50] == (6.0, Reason.CLOSING, 5)
    assert seen[70] == (0.0, Reason.CLOSED, 1)
    assert seen[190][0] == seen[38][0]
