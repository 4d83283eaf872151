"""Of which comings of stations that nobody has configured the log tells."""

from edge.ocpp.turned_away import COMINGS_TOLD, MOST_TOLD, TOLD_WITHIN_S, ComingsTold


def test_one_that_dials_in_a_loop_is_told_of_some_times_an_hour() -> None:
    """Each second it dials anew; another one is told of all the same, and it itself again an hour later."""
    told = ComingsTold()
    assert [told.tells("A", float(second)) for second in range(100)] == [True] * COMINGS_TOLD + [False] * 97
    assert told.is_over("A", 100.0)
    assert not told.is_over("B", 100.0)
    assert told.tells("B", 100.0)
    assert told.tells("A", TOLD_WITHIN_S)


def test_of_ever_new_names_a_few_are_told_of() -> None:
    """Who makes up a name each second fills no log either, nor memory."""
    told = ComingsTold()
    assert sum(told.tells(f"S-{number}", float(number)) for number in range(3000)) == MOST_TOLD
    assert told.tells("S-9", TOLD_WITHIN_S + MOST_TOLD)
