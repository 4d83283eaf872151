"""How fast a station is read."""

from edge.ocpp.pace import BURST, PAUSE_S, PER_S, Pace
from edge.ocpp.wire import LONG
from tests.unit.ocpp.ocpp_bench import START


def test_a_flood_is_slowed_down() -> None:
    """After a burst it gets through as much as fits the rate, however it goes on."""
    pace = Pace()
    now, read = START, 0
    while now < START + 60:
        read += 1
        pause_s = pace.frame(now)
        assert pause_s in (0.0, PAUSE_S)
        now += pause_s
    assert BURST + 50 * PER_S < read < BURST + 70 * PER_S


def test_who_waits_for_answers_is_not() -> None:
    """A backlog of months, each CALL sent as soon as the one before is answered."""
    pace = Pace()
    for _ in range(20_000):
        assert pace.frame(START) == 0.0
        pace.sent()


def test_a_day_without_floods_is_no_flood() -> None:
    """Frames that nothing answers, once a second."""
    pace = Pace()
    assert [second for second in range(20_000) if pace.frame(START + second) > 0] == []


def test_a_flood_of_long_frames_is_slowed_down_sooner() -> None:
    """What takes longer to read counts for more: what is just not long as 17 others."""
    pace = Pace()
    now, read = START, 0
    while now < START + 60:
        read += 1
        now += pace.frame(now, LONG)
    assert (BURST + 50 * PER_S) / 17 < read < (BURST + 70 * PER_S) / 17


def test_the_longest_frames_are_rare() -> None:
    """A few sessions of a day that a station has kept are read at once, then one each half minute, for ever."""
    pace, longest = Pace(), 4 * 1024 * 1024
    now, read = START, 0
    while now < START + 3200:
        read += 1
        now += pace.frame(now, longest)
    assert 100 < read <= 4 + 100


def test_a_long_frame_now_and_then_waits_for_nothing() -> None:
    """A station of two posts whose sessions of a day end one behind the other."""
    pace = Pace()
    for day in range(100):
        for number in range(2):
            assert pace.frame(START + day * 86_400 + number, 4 * 1024 * 1024) == 0.0
            pace.sent()
