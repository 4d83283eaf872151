"""What a session's token says its car needs, on the board."""

import pytest

from edge.control.board import Board
from edge.domain.station import DrawSampled, NeedStated, SessionBegan, SessionEnded, SessionJudged
from edge.units import PhaseAmps
from tests.site_builders import evse, key, site

NOW = 1000.0
HOUR = 3600.0


@pytest.fixture
def board() -> Board:
    return Board(site(evse()), started_at=0.0)


def judge(board: Board, transaction: str = "7", *, at: float = NOW, energy_wh: float = 180_000.0) -> None:
    """Its card says: so much in 8 hours."""
    board.take(
        SessionJudged(
            station="CP-1", transaction_id=transaction, at=at, energy_wanted_wh=energy_wh, departs_in_s=8 * HOUR
        )
    )


def begin(
    board: Board,
    transaction: str = "7",
    *,
    at: float = NOW,
    register_wh: float | None = 50_000.0,
    observed: bool = True,
) -> None:
    board.take(
        SessionBegan(key=key(1), at=at, transaction_id=transaction, register_wh=register_wh, observed_start=observed)
    )


def sample(board: Board, energy_wh: float, at: float = NOW) -> None:
    board.take(DrawSampled(key=key(1), at=at, current_a=PhaseAmps.same(16.0), energy_wh=energy_wh))


def state(board: Board, energy_wh: float, departs_in_s: float | None, at: float = NOW) -> None:
    board.take(NeedStated(key=key(1), at=at, energy_wanted_wh=energy_wh, departs_in_s=departs_in_s))


def left(board: Board, now: float = NOW) -> tuple[float, float] | None:
    """What the decision is told."""
    need = board.snapshot(now).evses[0].need
    return None if need is None else (need.energy_wanted_wh, need.time_left_s)


@pytest.mark.parametrize("judged_first", [True, False])
def test_it_counts_from_the_session_s_begin(board: Board, *, judged_first: bool) -> None:
    """Whether the judgement comes before or after: what the register shows since the begin is delivered."""
    sample(board, 49_000.0, NOW - 60.0)
    if judged_first:
        judge(board)
        assert left(board) is None
        begin(board, at=NOW + 5.0)
    else:
        begin(board, at=NOW - 30.0)
        sample(board, 50_500.0, NOW - 10.0)
        judge(board)
    assert left(board, NOW + 5.0) == (180_000.0 - (0.0 if judged_first else 500.0), 8 * HOUR - 5.0)
    sample(board, 60_000.0, NOW + HOUR)
    assert left(board, NOW + HOUR) == (170_000.0, 7 * HOUR)


def test_a_begin_without_a_register_counts_from_the_first_sample(board: Board) -> None:
    """As the session's energy does; and in a register that begins again, or tells 0 for a moment, nothing is lost of
    what it has counted, nor counted twice.
    """
    sample(board, 49_000.0, NOW - 60.0)
    judge(board)
    begin(board, register_wh=None)
    sample(board, 50_000.0)
    sample(board, 51_000.0)
    assert left(board) == (179_000.0, 8 * HOUR)
    sample(board, 200.0)
    sample(board, 700.0)
    assert left(board) == (178_500.0, 8 * HOUR)
    sample(board, 0.0)
    sample(board, 700.0)
    assert left(board) == (178_500.0, 8 * HOUR)


@pytest.mark.parametrize("when", ["before its begin", "before its judgement", "after"])
def test_what_is_stated_replaces_it(board: Board, when: str) -> None:
    """By a person, or by the car itself: a car of 2.x may say so before its transaction begins."""
    if when == "before its begin":
        state(board, 9_000.0, 600.0)
    begin(board)
    if when == "before its judgement":
        state(board, 9_000.0, 600.0)
    judge(board)
    if when == "after":
        state(board, 9_000.0, 600.0)
    assert left(board) == (9_000.0, 600.0)
    judge(board)
    assert left(board) == (9_000.0, 600.0)


@pytest.mark.parametrize("judged_first", [True, False])
def test_what_is_withdrawn_is_withdrawn_for_that_session(board: Board, *, judged_first: bool) -> None:
    """However often it is judged anew; the next session has its need again."""
    begin(board)
    if judged_first:
        judge(board)
    state(board, 0.0, None)
    judge(board)
    assert left(board) is None
    board.take(SessionEnded(key=key(1), at=NOW))
    state(board, 0.0, None)  # nothing runs that it could be about
    judge(board, "8")
    begin(board, "8")
    assert left(board) == (180_000.0, 8 * HOUR)


def test_a_session_that_is_judged_anew_counts_on(board: Board) -> None:
    """The list of cards was changed: neither energy nor time begin again."""
    judge(board)
    begin(board)
    sample(board, 60_000.0)
    judge(board, at=NOW + HOUR, energy_wh=90_000.0)
    begin(board)  # told again
    assert left(board, NOW + HOUR) == (170_000.0, 7 * HOUR)


def test_a_card_that_gets_a_need_while_its_session_runs(board: Board) -> None:
    """It holds for that session, from its begin on."""
    board.take(SessionJudged(station="CP-1", transaction_id="7", at=NOW))
    begin(board)
    sample(board, 60_000.0)
    assert left(board) is None
    judge(board, at=NOW + HOUR)
    assert left(board, NOW + HOUR) == (170_000.0, 8 * HOUR)


def test_another_session_has_its_own(board: Board) -> None:
    """A judgement is of one transaction, and its need is gone with it, were its end told or missed."""
    judge(board, "6")
    begin(board)
    assert left(board) is None
    judge(board)
    assert left(board) is not None
    begin(board, "8")
    assert left(board) is None
    judge(board, "8", energy_wh=20_000.0)
    assert left(board) == (20_000.0, 8 * HOUR)


def test_a_station_that_uses_an_id_again(board: Board) -> None:
    """It has lost count with its power: the next car's need isn't the last one's."""
    judge(board)
    begin(board)
    board.take(SessionEnded(key=key(1), at=NOW + 60.0))
    begin(board, at=NOW + HOUR)
    assert left(board, NOW + HOUR) is None
    judge(board, at=NOW + HOUR, energy_wh=20_000.0)
    assert left(board, NOW + HOUR) == (20_000.0, 8 * HOUR)


def test_a_session_that_ran_before_we_heard_of_it_has_none(board: Board) -> None:
    """After a restart: nobody knows whether it was replaced or withdrawn. What was kept of it is restated."""
    judge(board)
    begin(board, observed=False)
    judge(board)
    assert left(board) is None
    state(board, 9_000.0, 600.0)
    judge(board)
    assert left(board) == (9_000.0, 600.0)
