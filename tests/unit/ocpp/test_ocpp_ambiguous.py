"""CALLs of the cloud that a station's reader may take for others than ours does."""

import base64
import json
from typing import Any

import pytest

from edge.domain.site import Mode
from edge.ocpp.ambiguous import is_ambiguous
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, parse
from tests.unit.ocpp.ocpp_bench import Bench, Step, call, result

PROFILE = '{"chargingProfileId":1}'


def told(text: str, version: Version = Version.V16, mode: Mode = Mode.CONTROL) -> Step:
    """What becomes of this text of the cloud."""
    bench = Bench(version=version, mode=mode)
    bench.connect(settled=mode is Mode.CONTROL)
    return bench.cloud_says(text)


def raw(action: str, payload: str) -> str:
    """A CALL with this very payload."""
    return f'[2,"w","{action}",{payload}]'


def signed(text: str, **more: Any) -> str:
    """A signed SetVariables of this very text."""
    encoded = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return json.dumps([2, "w", "SetVariables-Signed", {"payload": encoded, "protected": "e30", **more}])


@pytest.mark.parametrize(
    ("version", "text"),
    [
        # The first of two, in place of the last: the address of another cloud, a profile beside ours.
        (Version.V16, raw("ChangeConfiguration", '{"key":"CentralSystemURL","key":"LightIntensity","value":"1"}')),
        (
            Version.V16,
            raw("RemoteStartTransaction", f'{{"idTag":"A","chargingProfile":{PROFILE},"chargingProfile":null}}'),
        ),
        (Version.V16, raw("ClearChargingProfile", '{"id":730001,"id":5}')),
        (
            Version.V201,
            raw(
                "SetVariables",
                '{"setVariableData":[{"component":{"name":"SecurityCtrlr","name":"X"},'
                '"variable":{"name":"Identity"},"attributeValue":"Y"}]}',
            ),
        ),
        # Names whose case doesn't matter to it.
        (Version.V16, raw("ChangeConfiguration", '{"KEY":"CentralSystemURL","value":"1"}')),
        (Version.V16, raw("ChangeConfiguration", '{"Key":"CentralSystemURL","key":"LightIntensity","value":"1"}')),
        (Version.V16, raw("RemoteStartTransaction", f'{{"idTag":"A","ChargingProfile":{PROFILE}}}')),
        # An action, likewise.
        (Version.V16, raw("setChargingProfile", "{}")),
        (Version.V201, raw("setvariables-Signed", "{}")),
        # What is signed, and can't be read by us, or in more ways than one.
        (Version.V201, signed('{"setVariableData":[],"x":NaN}')),
        (Version.V201, signed("no JSON")),
        (Version.V201, signed('{"setVariableData":[],"setVariableData":[]}')),
        (Version.V201, signed("{}").replace('"payload": "e30', '"payload": "e3!0')),
        (Version.V201, raw("SetVariables-Signed", "{}")),
    ],
)
def test_it_is_refused(version: Version, text: str) -> None:
    """The station doesn't hear of it, and the cloud is told why."""
    step = told(text, version)
    assert step.down == []
    (up,) = step.up
    assert json.loads(up)[:3] == [4, "w", "SecurityError"]


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (Version.V16, call("w", "ChangeConfiguration", {"key": "Light", "value": "1", "x": [{"A": 1, "b": 2}]})),
        (
            Version.V201,
            call(
                "w",
                "SetVariables",
                {"setVariableData": [], "customData": {"vendorId": "V", "Value": 1, "Key": [{"ID": 2}]}},
            ),
        ),
        (Version.V201, signed(json.dumps({"setVariableData": []}))),
        # Nothing hangs on what is in these.
        (Version.V16, raw("DataTransfer", '{"vendorId":"V","vendorId":"W"}')),
        (Version.V16, raw("MakersOwn", '{"KEY":1}')),
    ],
)
def test_all_else_passes_to_the_letter(version: Version, text: str) -> None:
    """Names of others, what is the vendor's own, and actions by which nothing is judged."""
    assert told(text, version).down == [text]


def test_a_wire_passes_it() -> None:
    """A controller that only observes judges nothing."""
    text = raw("ChangeConfiguration", '{"key":"A","key":"B","value":"1"}')
    assert told(text, mode=Mode.OBSERVE).down == [text]


def test_a_cloud_may_complain_of_the_refusal() -> None:
    """It knows of no other answer (2.1 CALLRESULTERROR): the station isn't told."""
    bench = Bench(version=Version.V21)
    bench.connect()
    bench.cloud_says(raw("setvariables", "{}"))
    assert bench.cloud_says('[5,"w","FormatViolation","",{}]').down == []
    passed = call("x", "DataTransfer", {"vendorId": "V"})
    assert bench.cloud_says(passed).down == [passed]
    assert bench.station_says(result("x", {"status": "Accepted"})).up


def test_what_is_deep_is_walked_through() -> None:
    """As deep as a message may be, without an error of ours."""
    frame = parse(raw("SetVariables", '{"a":' * 190 + '{"key":1,"key":2}' + "}" * 190))
    assert isinstance(frame, Call)
    assert is_ambiguous(frame)
