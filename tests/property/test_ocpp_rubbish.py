"""Nothing that a peer sends can make the relay raise."""

import contextlib
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.domain.site import Mode, Station
from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.own_station.station import OwnStation
from edge.ocpp.profiles.desk import ProfileDesk
from edge.ocpp.routing import FROM_CLOUD, FROM_STATION
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import NOON, START, Bench

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KEYS = st.sampled_from(
    [
        "attributeValue",
        "chargingProfile",
        "chargingSchedule",
        "chargingState",
        "component",
        "configurationKey",
        "connectorId",
        "connectorStatus",
        "eventData",
        "eventType",
        "evse",
        "evseId",
        "getVariableData",
        "getVariableResult",
        "id",
        "idTagInfo",
        "key",
        "meterValue",
        "measurand",
        "name",
        "phase",
        "requestedMessage",
        "sampledValue",
        "setVariableData",
        "setVariableResult",
        "status",
        "timestamp",
        "transactionId",
        "transactionInfo",
        "unit",
        "value",
        "variable",
    ]
)
VALUES = SCALARS | st.sampled_from(["L1", "1", " 2.5", "Current.Import", "Power.Active.Import", "kW", "Available"])
JSON = st.recursive(
    VALUES | st.sampled_from(["2026-06-01T12:00:00Z", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(KEYS, children, max_size=6),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=8)


@given(st.text() | st.binary() | JSON.map(json.dumps) | st.lists(JSON, max_size=5).map(json.dumps))
@example("[" * 100_000)
@example('[2,"1","X",' + "9" * 5000 + "]")
def test_parsing_knows_one_error(text: str | bytes) -> None:
    """Any text is a frame or a FrameError."""
    with contextlib.suppress(FrameError):
        assert wire.parse(text).text == text


ASKED = st.sampled_from([(version, action) for version in Version for action in sorted(FROM_STATION[version])])
COMMANDED = st.sampled_from([(version, action) for version in Version for action in sorted(FROM_CLOUD[version])])


@given(ASKED, OBJECTS | JSON, OBJECTS | JSON)
@settings(max_examples=600)
def test_any_payload_passes(asked: tuple[Version, str], request: Any, answer: Any) -> None:
    """Whatever a station's CALL and its answer carry, both are forwarded as they are, in every edition."""
    version, action = asked
    bench = Bench(version=version)
    bench.connect()
    text = json.dumps([2, "id", action, request])
    assert bench.station_says(text).up == [text]
    text = json.dumps([3, "id", answer])
    assert bench.cloud_says(text).down == [text]


@given(COMMANDED, OBJECTS | JSON, OBJECTS | JSON, st.sampled_from(Mode))
@settings(max_examples=400)
def test_the_clouds_calls_get_one_answer(commanded: tuple[Version, str], request: Any, answer: Any, mode: Mode) -> None:
    """Passed on and answered by the station, or answered by us: never both, never neither, in every edition. As it is,
    but for a clear of all, of which the station hears what can't hit a limit of ours."""
    version, action = commanded
    bench = Bench(mode=mode, version=version)
    bench.connect()
    text = json.dumps([2, "id", action, request])
    step = bench.cloud_says(text)
    assert len(step.down) + len(step.up) == 1
    if step.down:
        assert step.down == [text] or action == "ClearChargingProfile"
        text = json.dumps([3, "id", answer])
        assert bench.station_says(text).up == [text]


@given(OBJECTS | JSON)
def test_any_answer_to_our_question_is_borne(answer: Any) -> None:
    """It teaches something or nothing, and the next question follows."""
    bench = Bench()
    bench.connect(settled=False)
    identifier, _, _ = bench.wait(1.0).own_call
    step = bench.station_says(json.dumps([3, identifier, answer]))
    assert step.own_call[1] == "TriggerMessage"
    assert step.up == []


@given(COMMANDED, OBJECTS | JSON)
@settings(max_examples=400)
@example((Version.V16, "GetConfiguration"), {"key": 7})
def test_the_gateway_as_a_station_answers_all(commanded: tuple[Version, str], request: Any) -> None:
    """Each CALL of its own cloud has one answer, whatever it carries."""
    version, action = commanded
    own = OwnStation(
        desk=ProfileDesk(Station(id="GW", evses=()), 230.0, whole_a=63.0),
        version=version,
        circuit="main",
        reading=lambda: None,
        nonce="0123456789ab",
    )
    own.connected(START, NOON)
    texts = own.receive(json.dumps([2, "c", action, request]), START, NOON).texts
    assert [json.loads(text)[0] in (3, 4) for text in texts if json.loads(text)[1] == "c"] == [True]
