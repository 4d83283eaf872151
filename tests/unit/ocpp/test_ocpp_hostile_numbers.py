"""Numbers and depths that no honest peer sends."""

import pytest

from edge.ocpp import wire
from edge.ocpp.fields import whole_number
from edge.ocpp.profiles.fields import text as profile_text
from edge.ocpp.profiles.refusal import RequestMalformed
from edge.ocpp.wire import CallError
from edge.offline.message import whole


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
        (1.0, 1),
        (-0.0, 0),
        (1.5, None),
        (1e300, None),
        (1e15, None),
        (float("inf"), None),
        (None, None),
    ],
)
def test_what_counts_as_a_whole_number(value: object, number: int | None) -> None:
    """Only what can be written back to a station: one such id would otherwise end the control of all. A number is whole
    by its value: some languages write 1.0."""
    assert whole_number(value) == number
    assert whole(value) == number


def test_the_number_of_a_transaction_in_a_profile() -> None:
    """As in a message: whole by its value."""
    assert profile_text({"transactionId": 7.0}, "transactionId") == "7"
    with pytest.raises(RequestMalformed, match="not a text"):
        profile_text({"transactionId": 7.5}, "transactionId")


def test_a_deep_description_of_an_error_is_none() -> None:
    """What is no text costs the code or the description, not the connection."""
    frame = wire.parse('[4,"id",' + "[" * 100 + "]" * 100 + ',"d"]')
    assert isinstance(frame, CallError)
    assert (frame.code, frame.description) == ("", "d")
