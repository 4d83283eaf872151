"""Needs in control: from wall time to a fact in monotonic time, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from edge.control.board import Board
from edge.control.needs import MOST_WH, Needs
from edge.domain.site import EvseKey
from edge.domain.station import DrawSampled, EvseStatus, NeedStated, SessionBegan, SessionEnded, StatusReported
from edge.errors import EvseUnknown, NeedImplausible, NoSession, TimeUntrusted
from edge.units import PhaseAmps, Seconds
from tests.site_builders import evse, key, site

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BOOT: Seconds = 5_000.0  # monotonic at NOON


class Clock:
    """Stands still at NOON."""

    def __init__(self) -> None:
        self.trusted = True
        self.at = BOOT

    def monotonic(self) -> Seconds:
        return self.at

    def wall(self) -> datetime:
        return NOON

    def wall_is_trusted(self) -> bool:
        return self.trusted


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board() -> Board:
    """With a session on its only EVSE."""
    board = Board(site(evse()), started_at=0.0)
    board.take(SessionBegan(key=key(1), at=BOOT - 60.0, transaction_id="7"))
    return board


@pytest.fixture
def needs(board: Board, clock: Clock) -> Needs:
    return Needs(board, clock)


def left(board: Board, now: Seconds) -> tuple[float, float] | None:
    """Energy and time that are left by the board's account."""
    need = board.evses[key(1)].need_left(now)
    return None if need is None else (need.energy_wanted_wh, need.time_left_s)


def test_a_departure_is_so_many_seconds_from_now(needs: Needs, board: Board) -> None:
    """A step of the wall clock can't move it afterwards: it is kept in monotonic time."""
    needs.state(key(1), 12_000.0, NOON + timedelta(hours=5))
    assert left(board, BOOT) == (12_000.0, 18_000.0)
    assert left(board, BOOT + 3_600.0) == (12_000.0, 14_400.0)


def test_what_was_delivered_since_is_taken_off(needs: Needs, board: Board) -> None:
    """By the EVSE's register, from the moment of the statement on."""
    sample = {"key": key(1), "current_a": PhaseAmps.same(16.0)}
    board.take(DrawSampled(**sample, at=BOOT - 1.0, energy_wh=40_000.0))  # type: ignore[arg-type]
    needs.state(key(1), 12_000.0, NOON + timedelta(hours=5))
    board.take(DrawSampled(**sample, at=BOOT + 10.0, energy_wh=45_000.0))  # type: ignore[arg-type]
    assert left(board, BOOT + 10.0) == (7_000.0, 17_990.0)


def test_a_need_stated_anew_replaces_the_one_before(needs: Needs, board: Board) -> None:
    """The newest word counts."""
    needs.state(key(1), 12_000.0, NOON + timedelta(hours=5))
    needs.state(key(1), 3_000.0, NOON + timedelta(hours=1))
    assert left(board, BOOT) == (3_000.0, 3_600.0)


def test_a_car_that_goes_without_a_session_takes_its_need_along(board: Board) -> None:
    """Stated before its transaction, as 2.x cars do; the next car on the EVSE has none of it."""
    board.take(SessionEnded(key=key(1), at=BOOT))
    board.take(NeedStated(key=key(1), at=BOOT, energy_wanted_wh=12_000.0, departs_in_s=3_600.0))
    board.take(StatusReported(key=key(1), at=BOOT, status=EvseStatus.AVAILABLE))
    board.take(SessionBegan(key=key(1), at=BOOT, transaction_id="8"))
    assert left(board, BOOT) is None


def test_a_withdrawn_need_is_forgotten(needs: Needs, board: Board) -> None:
    """And where there is none, withdrawing changes nothing, session or not."""
    needs.state(key(1), 12_000.0, NOON + timedelta(hours=5))
    needs.withdraw(key(1))
    assert left(board, BOOT) is None
    board.take(SessionEnded(key=key(1), at=BOOT))
    needs.withdraw(key(1))
    assert left(board, BOOT) is None


def test_an_evse_that_isn_t_there_is_told(needs: Needs) -> None:
    """Whatever is wanted of it."""
    stranger = EvseKey(station="CP-99", evse=2)
    sentence = "the site has no EVSE 2 of a station 'CP-99'; edge status lists them"
    with pytest.raises(EvseUnknown, match=sentence):
        needs.state(stranger, 1.0, NOON)
    with pytest.raises(EvseUnknown, match=sentence):
        needs.withdraw(stranger)


def test_without_a_session_nothing_is_needed(needs: Needs, board: Board) -> None:
    """A need belongs to the session that runs, so that it can't fall to the next car."""
    board.take(SessionEnded(key=key(1), at=BOOT))
    with pytest.raises(NoSession, match="no session runs at CP-1/1; state the need once the car charges"):
        needs.state(key(1), 12_000.0, NOON + timedelta(hours=5))


def test_without_the_time_a_departure_means_nothing(needs: Needs, board: Board, clock: Clock) -> None:
    """A board without a battery-backed clock wakes up in 1970: better no need than a wrong one."""
    clock.trusted = False
    with pytest.raises(TimeUntrusted, match="the gateway's clock isn't set; state the need again once it is"):
        needs.state(key(1), 12_000.0, NOON + timedelta(hours=5))
    assert left(board, BOOT) is None
    needs.withdraw(key(1))


@pytest.mark.parametrize(
    ("energy_wh", "ahead", "says"),
    [
        (0.0, timedelta(hours=1), "the energy wanted is 0 Wh; give more than 0, up to 2000000 Wh"),
        (MOST_WH + 1, timedelta(hours=1), "the energy wanted is 2000001 Wh"),
        (12_000.0, timedelta(0), r"the departure at 2026-11-21T12:00:00\+00:00 has passed; give the time at which"),
        (12_000.0, timedelta(days=-1), "has passed"),
        (12_000.0, timedelta(days=31, seconds=1), "is more than 31 days ahead"),
    ],
)
def test_what_can_t_be_meant_is_told(needs: Needs, board: Board, energy_wh: float, ahead: timedelta, says: str) -> None:
    """And changes nothing."""
    with pytest.raises(NeedImplausible, match=says):
        needs.state(key(1), energy_wh, NOON + ahead)
    assert left(board, BOOT) is None
