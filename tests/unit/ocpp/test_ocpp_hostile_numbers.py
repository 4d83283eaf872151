"""Numbers and depths that no honest peer sends."""

import pytest

from edge.ocpp import wire
from edge.ocpp.fields import whole_number
from edge.ocpp.wire import CallError


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        ("7", 7),
        (" -1 ", -1),
        ("--1", None),
        ("\u00b2", None),
        ("\u0663", None),
        ("99999999999999999999", None),
        (10**20, None),
        (True, None),
        (1.0, None),
        (None, None),
    ],
)
def test_what_counts_as_a_whole_number(value: object, number: int | None) -> None:
    """Only what can be written back to a station: one such id would otherwise end the control of all."""
    assert whole_number(value) == number


def test_a_deep_description_of_an_error_is_none() -> None:
    """What is no text costs the code or the description, not the connection."""
    frame = wire.parse('[4,"id",' + "[" * 100 + "]" * 100 + ',"d"]')
    assert isinstance(frame, CallError)
    assert (frame.code, frame.description) == ("", "d")
