"""Signed CALLs of a cloud (OCPP 2.x part 4 §7): they are answered so, and what is in that counts as in a plain one."""

import base64
import json
from typing import Any

import pytest

from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, result
from tests.unit.ocpp.slow_disk import SlowDisk


def wrapped(payload: dict[str, Any]) -> dict[str, Any]:
    """A JWS of this payload."""
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return {"payload": encoded, "protected": "e30", "signature": "AA"}


def signed(identifier: str, action: str, payload: dict[str, Any]) -> str:
    """The cloud's signed CALL."""
    return json.dumps([2, identifier, f"{action}-Signed", wrapped(payload)])


class Listener(SlowDisk):
    """Is told of the station's answers, and has something else to say each time."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, Any, Any, str | None]] = []
        self.says: dict[str, Any] | None = None

    def list_answered(  # type: ignore[override]
        self, action: str, payload: Any, *, answer: Any = None, error: str | None = None
    ) -> dict[str, Any] | None:
        self.heard.append((action, payload, answer, error))
        return self.says


@pytest.mark.parametrize("is_answer_signed", [True, False])
@pytest.mark.parametrize("action", ["ClearCache", "SendLocalList", "ReserveNow", "RequestStartTransaction"])
def test_what_a_station_answers_to_a_signed_call_is_learned(action: str, is_answer_signed: bool) -> None:
    """Else a card that the cloud has taken off the list charges on while that is away."""
    listener = Listener()
    bench = Bench(version=Version.V21, stand_in=listener)
    bench.connect()
    request, answer = {"versionNumber": 7, "updateType": "Full"}, {"status": "Accepted"}
    text = signed("c", action, request)
    assert bench.cloud_says(text).down == [text]
    told = result("c", wrapped(answer) if is_answer_signed else answer)
    assert bench.station_says(told).up == [told]
    assert listener.heard == [(action, request, answer, None)]


def test_a_signed_answer_passes_whatever_the_gateway_would_say() -> None:
    """Nobody else can sign it."""
    listener = Listener()
    listener.says = {"versionNumber": 0}
    bench = Bench(version=Version.V21, stand_in=listener)
    bench.connect()
    bench.cloud_says(signed("c", "GetLocalListVersion", {}))
    told = result("c", wrapped({"versionNumber": 12}))
    assert bench.station_says(told).up == [told]
    assert listener.heard == [("GetLocalListVersion", {}, {"versionNumber": 12}, None)]


@pytest.mark.parametrize("is_answer_signed", [True, False])
def test_what_a_signed_write_takes_from_control_is_written_again(is_answer_signed: bool) -> None:
    """Samples each quarter-hour: no overload would be seen."""
    bench = Bench(version=Version.V201)
    bench.connect()
    place = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
    bench.cloud_says(signed("w", "SetVariables", {"setVariableData": [{**place, "attributeValue": "900"}]}))
    answer = {"setVariableResult": [{**place, "attributeStatus": "Accepted"}]}
    told = result("w", wrapped(answer) if is_answer_signed else answer)
    step = bench.station_says(told)
    assert step.up == [told]
    _, action, payload = step.own_call
    assert action == "SetVariables"
    assert payload["setVariableData"][0]["attributeValue"] == "10"


def test_a_signed_answer_with_the_gateways_value_isnt_touched() -> None:
    """What the cloud wrote isn't put in its place there: the signature covers it."""
    bench = Bench(version=Version.V201)
    bench.connect()
    place = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
    bench.cloud_says(signed("w", "SetVariables", {"setVariableData": [{**place, "attributeValue": "900"}]}))
    step = bench.station_says(result("w", {"setVariableResult": [{**place, "attributeStatus": "Accepted"}]}))
    bench.station_says(result(step.own_call[0]))
    bench.cloud_says(signed("g", "GetVariables", {"getVariableData": [place]}))
    got = {**place, "attributeStatus": "Accepted", "attributeValue": "10"}
    told = result("g", wrapped({"getVariableResult": [got]}))
    assert bench.station_says(told).up == [told]


@pytest.mark.parametrize("answer", [{"payload": "e30"}, {"payload": 1}, {"payload": "?"}, {"payload": "W10"}, {}])
def test_an_answer_that_cant_be_read_passes(answer: dict[str, Any]) -> None:
    """And says nothing."""
    bench = Bench(version=Version.V201, stand_in=Listener())
    bench.connect()
    bench.cloud_says(signed("c", "ClearCache", {}))
    told = result("c", answer)
    assert bench.station_says(told).up == [told]
