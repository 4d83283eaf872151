"""How often a station is let in: one that connects anew without end."""

from edge.ocpp.comings import BURST, EVERY_S, PATIENCE_S, Comings
from tests.unit.ocpp.ocpp_bench import START


def test_who_comes_and_goes_without_end_is_let_in_once_a_second() -> None:
    """After a burst, each as soon as the one before has gone."""
    comings = Comings()
    now, times = START, 0
    while now < START + 60:
        wait_s = comings.wait_s("CP-01", now)
        assert wait_s is not None
        now += wait_s + 0.01
        times += 1
    assert BURST + 55 <= times <= BURST + 65
    assert comings.wait_s("CP-02", now) == 0.0


def test_many_at_once_are_sent_away() -> None:
    """One waits, the others aren't counted: the next is let in when that one was."""
    comings = Comings()
    found = [comings.wait_s("CP-01", START) for _ in range(BURST + 10)]
    assert found == [0.0] * BURST + [PATIENCE_S] + [None] * 9
    assert comings.wait_s("CP-01", START + 2 * EVERY_S) == 0.0


def test_a_bad_link_is_no_storm() -> None:
    """A connection that breaks every two seconds, for a day."""
    comings = Comings()
    assert {comings.wait_s("CP-01", START + 2.0 * number) for number in range(43_200)} == {0.0}


def test_it_is_told_once_until_the_storm_is_over() -> None:
    """Each storm, not each coming."""
    comings = Comings()
    for now in (START, START + 3600.0):
        for _ in range(BURST + 1):
            comings.wait_s("CP-01", now)
        assert [comings.is_news("CP-01") for _ in range(3)] == [True, False, False]
