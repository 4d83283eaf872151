"""What the doctor makes of identities that are nearly alike."""

from typing import get_type_hints

import pytest

from edge.cli.doctor import doctor, without_slips


@pytest.mark.parametrize("typed", ["CP-1", "cp_001", "CP 01", "CP-O1"])
def test_what_is_mistyped_most_is_recognised(typed: str) -> None:
    """Case, blanks and strokes, a zero too many or too few, an O for it."""
    assert without_slips(typed) == without_slips("CP-01")


@pytest.mark.parametrize("other", ["CP-10", "CP-100", "CP-02", "CP-A1"])
def test_another_number_is_another_station(other: str) -> None:
    """Zeros count within a number."""
    assert without_slips(other) != without_slips("CP-01")


def test_whoever_may_not_read_the_state_is_answered_all_the_same() -> None:
    """Without sudo it was refused for its folder, before anything was looked at."""
    (option,) = get_type_hints(doctor, include_extras=True)["state"].__metadata__
    assert option.readable is False
