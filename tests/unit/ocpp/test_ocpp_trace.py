"""The trace of a station's frames."""

import json
from datetime import timedelta

import pytest

from edge.ocpp.trace import LONGEST, MOST_CHARACTERS, MOST_FRAMES, Trace, Way, redacted
from tests.unit.ocpp.ocpp_bench import NOON, START, call


def test_frames_are_shown_in_their_order() -> None:
    """With their time, way and whole length."""
    trace = Trace()
    trace.add(Way.FROM_STATION, call("1", "Heartbeat"), START)
    trace.add(Way.TO_STATION, b"\x00", START + 0.005)
    first, second = trace.shown(START + 60, NOON + timedelta(seconds=60))
    assert first == {
        "time": "2026-06-01T12:00:00.000Z",
        "way": "station → gateway",
        "text": call("1", "Heartbeat"),
        "length": len(call("1", "Heartbeat")),
    }
    assert (second["time"][-5:], second["text"]) == (".005Z", repr(b"\x00"))


def test_what_went_on_at_once_is_two_frames() -> None:
    """One that came and one that went, and still no more of them than others."""
    trace = Trace()
    for number in range(MOST_FRAMES):
        trace.add(Way.FROM_CLOUD, str(number), START, Way.TO_STATION)
    shown = trace.shown(START, NOON)
    assert len(shown) == MOST_FRAMES
    assert [(frame["way"], frame["text"]) for frame in shown[-2:]] == [
        ("cloud → gateway", "199"),
        ("gateway → station", "199"),
    ]


def test_what_is_no_text_is_shown_as_text() -> None:
    """A wire passes text that isn't UTF-8, and binary messages: what is shown of them can be written as JSON."""
    trace = Trace()
    trace.add(Way.TO_CLOUD, b"caf\xe9".decode(errors="surrogateescape"), START)
    trace.add(Way.TO_CLOUD, b"\x00\xff", START)
    assert [frame["text"].encode() for frame in trace.shown(START, NOON)] == [rb"caf\udce9", rb"b'\x00\xff'"]


@pytest.mark.parametrize(("length", "kept"), [(10, MOST_FRAMES), (100_000, MOST_CHARACTERS // LONGEST)])
def test_a_trace_is_bounded(length: int, kept: int) -> None:
    """In frames and in characters; the oldest go, and a long frame is cut."""
    trace = Trace()
    for number in range(1000):
        trace.add(Way.TO_CLOUD, f"{number:04}".ljust(length, "x"), START)
    shown = trace.shown(START, NOON)
    assert len(shown) == kept
    assert shown[-1]["text"].startswith("0999")
    assert shown[-1]["length"] == length


@pytest.mark.parametrize(
    ("payload", "secret"),
    [
        ({"idTag": "DEADBEEF", "connectorId": 1}, "DEADBEEF"),
        ({"idTagInfo": {"parentIdTag": "CAFE"}}, "CAFE"),
        ({"idToken": {"idToken": 'AB"12', "type": "ISO14443"}}, "AB"),
        ({"groupIdToken": {"idToken": "FAMILY", "type": "Central"}}, "FAMILY"),
        ({"key": "AuthorizationKey", "value": "00112233"}, "00112233"),
        ({"setVariableData": [{"attributeValue": "s3cret", "variable": {"name": "BasicAuthPassword"}}]}, "s3cret"),
        ({"location": "ftp://installer:s3cret@192.0.2.9/up", "retries": 1}, "s3cret"),
        ({"location": "ftp://installer:p@ss@192.0.2.9/up"}, "p@ss"),
        ({"vendorId": "v", "data": json.dumps({"idTag": "DEADBEEF"})}, "DEADBEEF"),
        ({"idToken": {"idToken": "a", "additionalInfo": [{"additionalIdToken": "OTHER", "type": "x"}]}}, "OTHER"),
        ({"connectionData": {"basicAuthPassword": "s3cret", "apn": {"apnPassword": "other"}}}, "s3cret"),
    ],
)
def test_tokens_and_keys_are_hidden(payload: object, secret: str) -> None:
    """However the frame is spaced; what remains is still JSON, and says what it was about."""
    for text in (json.dumps([2, "1", "X", payload]), json.dumps([2, "1", "X", payload], indent=2)):
        shown = redacted(text)
        assert secret not in shown
        assert json.loads(shown)[3].keys() == payload.keys()  # type: ignore[attr-defined]
        cut = text[: text.index(secret) + len(secret) - 1]
        assert secret[:-1] not in redacted(cut).partition("***")[2]


def test_what_is_no_secret_stays() -> None:
    """Meter values, and keys of the configuration that open nothing."""
    for payload in ({"key": "HeartbeatInterval", "value": "60"}, {"meterValue": [{"value": "1"}]}):
        text = json.dumps([2, "1", "ChangeConfiguration", payload])
        assert redacted(text) == text
