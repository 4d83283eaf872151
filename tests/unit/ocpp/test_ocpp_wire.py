"""The OCPP-J envelope."""

import json

import pytest

from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.versions import Version
from edge.ocpp.wire import MOST_PARTS, Call, CallError, CallResult, CallResultError, ErrorCode, Send


def test_a_call_keeps_its_text() -> None:
    """A CALL is read, and carries the very text it came in."""
    text = '[2, "7",  "Heartbeat",{}]'
    assert wire.parse(text) == Call(id="7", action="Heartbeat", payload={}, text=text)


def test_answers_are_read() -> None:
    """CALLRESULT and CALLERROR are told apart."""
    assert wire.parse('[3,"7",{"a":1}]') == CallResult(id="7", payload={"a": 1}, text='[3,"7",{"a":1}]')
    text = '[4,"7","GenericError","why",{}]'
    assert wire.parse(text) == CallError(id="7", code="GenericError", description="why", text=text)


@pytest.mark.parametrize(
    ("text", "payload"),
    [('[2,"7","X"]', {}), ('[2,"7","X",[1]]', [1]), ('[2,"7","X",null]', None), ('[2,"7","X",{},{"sig":1}]', {})],
)
def test_payloads_are_not_judged(text: str, payload: object) -> None:
    """A missing, odd or extra payload doesn't make a frame unreadable: it is the peer's business."""
    frame = wire.parse(text)
    assert isinstance(frame, Call)
    assert frame.payload == payload


@pytest.mark.parametrize("text", ['[3,"7"]', '[4,"7"]', '[4,"7",5]'])
def test_short_answers_are_read(text: str) -> None:
    """An answer without its payload is still an answer: the line must be freed by it."""
    assert wire.parse(text).id == "7"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "not JSON"),
        ("", "not JSON"),
        ('[2,"7","X",{}', "not JSON"),
        ("[" * 5000 + "]" * 5000, "not JSON"),
        ("\ufeff[]", "not JSON"),
        ('["\ud800"]', "not JSON"),
        (b'[2,"7","X",{}]', "binary"),
        ("{}", "not an array"),
        ("[]", "an array of 0"),
        ("[2]", "an array of 1"),
        ('[2,7,"X",{}]', "message id"),
        ('[2,"7"]', "without an action"),
        ('[2,"7",8,{}]', "without an action"),
        ('[true,"7","X",{}]', "whole number"),
        ('[2.0,"7","X",{}]', "whole number"),
        ('["2","7","X",{}]', "whole number"),
        ('[6,"7","X",{}]', "message type 6"),
        ('[18446744073709551615,"7","X",{}]', "message type"),
    ],
)
def test_whatever_is_no_message_is_a_frame_error(text: str | bytes, reason: str) -> None:
    """Each kind of rubbish is refused with its reason."""
    with pytest.raises(FrameError, match=reason):
        wire.parse(text)


def test_an_empty_message_id_is_one_as_any() -> None:
    """OCPP-J 1.6 §4.1.4, 2.x part 4 §4.1.4: a text of at most 36 characters. Whoever uses none waits for its answer."""
    text = '[2,"","Heartbeat",{}]'
    assert wire.parse(text) == Call(id="", action="Heartbeat", payload={}, text=text)
    assert wire.parse('[3,"",{}]').id == ""
    with pytest.raises(FrameError) as refused:
        wire.parse('[2,"",8,{}]', Version.V201)
    answer = wire.complaint(refused.value, Version.V201)
    assert answer is not None
    assert wire.parse(answer).id == ""


def test_messages_of_2_1() -> None:
    """SEND and CALLRESULTERROR are read where 2.1 is spoken, and are no message types elsewhere."""
    text = '[6,"7","NotifyPeriodicEventStream",{"id":1}]'
    send = Send(id="7", action="NotifyPeriodicEventStream", payload={"id": 1}, text=text)
    assert wire.parse(text, Version.V21) == send
    text = '[5,"7","InternalError","",{}]'
    assert wire.parse(text, Version.V21) == CallResultError(id="7", text=text)
    for version in (Version.V16, Version.V201):
        with pytest.raises(FrameError, match="message type 5"):
            wire.parse(text, version)


def test_an_extension_before_the_action() -> None:
    """A signed message may carry its extension as the third element (2.x part 4 §7.1)."""
    frame = wire.parse('[2,"7",{"e":1},"BootNotification-Signed",{"payload":"e30"}]', Version.V201)
    assert isinstance(frame, Call)
    assert (frame.action, frame.payload) == ("BootNotification-Signed", {"payload": "e30"})


@pytest.mark.parametrize(
    ("text", "in_201", "in_21"),
    [
        ("hello", ["-1", "RpcFrameworkError"], ["-1", "RpcFrameworkError"]),
        ('[9,"7",{}]', ["7", "MessageTypeNotSupported"], None),
        ("[9,7,{}]", ["-1", "MessageTypeNotSupported"], None),
        ('[6,"7"]', ["7", "MessageTypeNotSupported"], None),
        ('[2,"7",8,{}]', ["7", "RpcFrameworkError"], ["7", "RpcFrameworkError"]),
        ('[2,7,"Reset",{}]', ["-1", "RpcFrameworkError"], ["-1", "RpcFrameworkError"]),
        ("[3,7,{}]", None, None),
    ],
)
def test_what_is_said_of_the_unreadable(text: str, in_201: list[str] | None, in_21: list[str] | None) -> None:
    """1.6: nothing. 2.x part 4 §4.2.3: an id that is none is -1. 2.0.1 §4.4: unknown types are told; 2.1 §4.1.3: they
    are not."""
    found = {}
    for version in Version:
        with pytest.raises(FrameError) as unreadable:
            wire.parse(text, version)
        answer = wire.complaint(unreadable.value, version)
        found[version] = json.loads(answer) if answer is not None else None
    assert found[Version.V16] is None
    for version, told in ((Version.V201, in_201), (Version.V21, in_21)):
        answer = found[version]
        assert (answer[1:3] if answer is not None else None) == told


@pytest.mark.parametrize(
    "text",
    [
        '[2,"7","StopTransaction",{"idTag":"ABC\x10\x0e","meterStop":1.50}]',
        '[2,"7","StopTransaction",\n\t{"idTag":"ABC\x10\x0e","meterStop":1.50}]\0',
    ],
)
def test_control_characters_of_a_station_are_escaped(text: str) -> None:
    """Some send what is behind the end of a field. Whoever gets the text can read it, and the rest is to the letter."""
    frame = wire.parse_of_station(text)
    assert isinstance(frame, wire.Call)
    assert frame.payload == {"idTag": "ABC\x10\x0e", "meterStop": 1.5} == json.loads(frame.text)[3]
    assert frame.text == text.rstrip("\0").replace("\x10\x0e", "\\u0010\\u000e")
    with pytest.raises(FrameError):
        wire.parse(text)  # a station may read otherwise what a cloud sends so


@pytest.mark.parametrize("text", ["\0", "hello\0", '[2,"7","X",{}\x01]', '[2,"7\x01', '[\x10"]'])
def test_what_is_no_message_without_them_either_is_none(text: str) -> None:
    """Control characters outside of a string, and rubbish."""
    with pytest.raises(FrameError, match="not JSON"):
        wire.parse_of_station(text)


@pytest.mark.parametrize("identifier", ['a"b', "é", "", "edge-0-1"])
def test_another_id_changes_nothing_else(identifier: str) -> None:
    """Blanks, escapes and order of the rest stay to the letter."""
    rest = ' , "X",{"b":1.0, "a":"\\u00e9[2,\\"id\\"]"} ]'
    text = ' [ 2 ,"o\\"l\\\\d"' + rest
    changed = wire.with_id(text, identifier)
    assert changed.endswith(rest)
    assert json.loads(changed)[1] == identifier


def test_own_frames_read_back() -> None:
    """What we write is what OCPP-J has, and a description is cut at 255 characters."""
    assert wire.parse(wire.call_text("1", "Reset", {"type": "Hard"})).id == "1"
    assert wire.result_text("1", {"status": "Accepted"}) == '[3,"1",{"status":"Accepted"}]'
    frame = wire.parse(wire.error_text("1", ErrorCode.GENERIC, "x" * 300))
    assert isinstance(frame, CallError)
    assert (frame.code, len(frame.description)) == ("GenericError", 255)


def test_a_message_of_too_many_parts_is_none() -> None:
    """Each list and each object takes its time; a StopTransaction as long as one may be is read."""
    many = ",".join(["{}"] * MOST_PARTS)
    with pytest.raises(FrameError, match="more than 200,000 lists and objects"):
        wire.parse(f'[2,"a","Heartbeat",{{"x":[{many}]}}]')
    samples = ",".join(['{"timestamp":"2026-06-01T12:00:00Z","sampledValue":[{"value":"12345"}]}'] * 58_000)
    text = f'[2,"a","StopTransaction",{{"transactionData":[{samples}]}}]'
    assert 4_000_000 < len(text) < 4 * 1024 * 1024
    assert wire.parse(text).text == text
