"""Reports as people read them: in a file as wide as they are, on a terminal as wide as that is."""

from edge.cli.report_text import as_table

ROWS = [
    {"session": 7, "token": "(none)", "class": None, "began": "2026-11-23T15:56:26+01:00", "energy_kwh": "12.049"},
    {"session": 11, "token": "token a1b2", "class": "staff", "began": "2026-11-23T15:57:30+01:00", "energy_kwh": "0.1"},
]


def test_a_file_has_a_line_for_each_row() -> None:
    """Numbers to the right, however wide."""
    head, first, second = as_table(ROWS).splitlines()
    assert head.split() == ["session", "token", "class", "began", "energy", "kwh"]
    assert first == "      7  (none)             2026-11-23T15:56:26+01:00      12.049"
    assert len(second) == len(first)


def test_a_terminal_has_no_line_that_it_would_break() -> None:
    """The table of sessions is 190 columns wide: on 80 each row began somewhere within the second line below it."""
    assert as_table(ROWS, 66) == as_table(ROWS)
    assert as_table(ROWS, 60).splitlines() == [
        "session 7: token (none), began 2026-11-23T15:56:26+01:00,",
        "    energy kwh 12.049",
        "session 11: token a1b2, class staff, began",
        "    2026-11-23T15:57:30+01:00, energy kwh 0.1",
    ]
