"""The guard of a station's configuration."""

import json
from typing import Any

import pytest

from edge.domain.site import Mode
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, Step, call, is_valid, result

MEASURANDS = "Current.Import,Power.Active.Import,Energy.Active.Import.Register"


def connected(version: Version = Version.V16, mode: Mode = Mode.CONTROL) -> Bench:
    """A station that has answered our questions with nothing."""
    bench = Bench(version=version, mode=mode)
    bench.connect()
    return bench


def asked_first(version: Version) -> tuple[Bench, str, dict[str, Any]]:
    """A station that has just been asked its first question."""
    bench = Bench(version=version)
    bench.connect(settled=False)
    identifier, action, payload = bench.wait(1.0).own_call
    assert is_valid(action, payload, version)
    return bench, identifier, payload


def own_writes(bench: Bench, step: Step, version: Version) -> list[dict[str, Any]]:
    """What of our CALLs writes the configuration; all are answered."""
    writes = []
    while step.down:
        identifier, action, payload = step.own_call
        assert is_valid(action, payload, version)
        if action in ("ChangeConfiguration", "SetVariables"):
            writes.append(payload)
        step = bench.station_says(result(identifier, {"status": "Accepted"}))
    return writes


def write(key: str, value: str) -> str:
    """The cloud's ChangeConfiguration."""
    return call("w", "ChangeConfiguration", {"key": key, "value": value})


def test_what_a_1_6_station_lacks_is_written() -> None:
    """A superset: its own measurands and ours, and the shorter interval."""
    bench, identifier, payload = asked_first(Version.V16)
    assert payload["key"][2:] == ["MeterValueSampleInterval", "MeterValuesSampledData"]
    keys = [
        {"key": "MeterValueSampleInterval", "readonly": False, "value": "60"},
        {"key": "MeterValuesSampledData", "readonly": False, "value": "Voltage, Current.Import"},
    ]
    step = bench.station_says(result(identifier, {"configurationKey": keys}))
    assert own_writes(bench, step, Version.V16) == [
        {"key": "MeterValueSampleInterval", "value": "10"},
        {
            "key": "MeterValuesSampledData",
            "value": "Voltage,Current.Import,Power.Active.Import,Energy.Active.Import.Register",
        },
    ]


@pytest.mark.parametrize(
    ("interval", "readonly", "writes"),
    [("5", False, 0), ("10", False, 0), ("0", False, 1), ("x", False, 1), ("60", True, 0)],
)
def test_what_will_do_is_left(interval: str, readonly: bool, writes: int) -> None:
    """Often enough is left alone, never is not; what can't be written isn't."""
    bench, identifier, _ = asked_first(Version.V16)
    keys = [{"key": "MeterValueSampleInterval", "readonly": readonly, "value": interval}]
    step = bench.station_says(result(identifier, {"configurationKey": keys}))
    assert len(own_writes(bench, step, Version.V16)) == writes


def test_the_cloud_reads_back_what_it_wrote() -> None:
    """Its write passes as it is, ours follows, and its reading shows its own value and all else as it came."""
    bench = connected()
    text = write("MeterValueSampleInterval", "300")
    assert bench.cloud_says(text).down == [text]
    step = bench.station_says(result("w", {"status": "Accepted"}))
    assert step.up == [result("w", {"status": "Accepted"})]
    assert own_writes(bench, Step(step.actions), Version.V16) == [{"key": "MeterValueSampleInterval", "value": "10"}]
    bench.cloud_says(call("r", "GetConfiguration"))
    has = [
        {"key": "MeterValueSampleInterval", "readonly": False, "value": "10"},
        {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
    ]
    (up,) = bench.station_says(result("r", {"configurationKey": has, "unknownKey": ["x"]})).up
    kind, identifier, payload = json.loads(up)
    assert (kind, identifier, payload["unknownKey"]) == (3, "r", ["x"])
    assert payload["configurationKey"] == [{**has[0], "value": "300"}, has[1]]


def test_a_reading_without_ours_is_not_touched() -> None:
    """The very text goes up."""
    bench = connected()
    bench.cloud_says(call("r", "GetConfiguration"))
    answer = result("r", {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]})
    assert bench.station_says(answer).up == [answer]


def test_a_write_that_the_station_refuses_changes_nothing() -> None:
    """It keeps what it has."""
    bench = connected()
    bench.cloud_says(write("MeterValueSampleInterval", "300"))
    step = bench.station_says(result("w", {"status": "Rejected"}))
    assert step.down == []


def test_a_write_that_suits_us_is_the_clouds_alone() -> None:
    """Nothing is written behind it, and nothing read otherwise."""
    bench = connected()
    bench.cloud_says(write("MeterValuesSampledData", MEASURANDS))
    assert bench.station_says(result("w", {"status": "Accepted"})).down == []


@pytest.mark.parametrize("key", ["AuthorizationKey", "SecurityProfile", "CentralSystemURL", "authorizationkey"])
def test_a_1_6_write_that_leads_away_is_refused(key: str) -> None:
    """The station doesn't hear of it."""
    step = connected().cloud_says(write(key, "x"))
    assert step.down == []
    assert [json.loads(text) for text in step.up] == [[3, "w", {"status": "Rejected"}]]


def variable(component: str, name: str, value: str | None = None) -> dict[str, Any]:
    """An entry of SetVariables or GetVariables."""
    entry: dict[str, Any] = {"component": {"name": component}, "variable": {"name": name}}
    return entry if value is None else {**entry, "attributeValue": value}


@pytest.mark.parametrize("version", [Version.V201, Version.V21])
def test_a_2_x_station(version: Version) -> None:
    """The same with variables of its device model."""
    bench, identifier, payload = asked_first(version)
    assert payload["getVariableData"][2:] == [
        variable("SampledDataCtrlr", "TxUpdatedInterval"),
        variable("SampledDataCtrlr", "TxUpdatedMeasurands"),
    ]
    has = [{**variable("SampledDataCtrlr", "TxUpdatedInterval", "60"), "attributeStatus": "Accepted"}]
    step = bench.station_says(result(identifier, {"getVariableResult": has}))
    wanted = [{"setVariableData": [variable("SampledDataCtrlr", "TxUpdatedInterval", "10")]}]
    assert own_writes(bench, step, version) == wanted
    bench.cloud_says(
        call("w", "SetVariables", {"setVariableData": [variable("SampledDataCtrlr", "TxUpdatedInterval", "90")]})
    )
    taken = {
        "setVariableResult": [{**variable("SampledDataCtrlr", "TxUpdatedInterval"), "attributeStatus": "Accepted"}]
    }
    step = bench.station_says(result("w", taken))
    assert own_writes(bench, step, version) == wanted
    bench.cloud_says(call("r", "GetVariables"))
    has[0]["attributeValue"] = "10"
    (up,) = bench.station_says(result("r", {"getVariableResult": has})).up
    assert json.loads(up)[2]["getVariableResult"] == [{**has[0], "attributeValue": "90"}]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("SetNetworkProfile", {"configurationSlot": 1, "connectionData": {}}),
        (
            "SetVariables",
            {"setVariableData": [variable("SecurityCtrlr", "BasicAuthPassword", "x"), variable("X", "Y", "1")]},
        ),
        ("SetVariables", {"setVariableData": [variable("OCPPCommCtrlr", "NetworkConfigurationPriority", "2")]}),
    ],
)
def test_a_2_x_write_that_leads_away_is_refused(action: str, payload: dict[str, Any]) -> None:
    """With an answer that is valid."""
    step = connected(Version.V201).cloud_says(call("w", action, payload))
    assert step.down == []
    (up,) = step.up
    assert is_valid(action, json.loads(up)[2], Version.V201, answer=True)


def test_while_observing_everything_passes() -> None:
    """The guard is the control's."""
    bench = connected(mode=Mode.OBSERVE)
    text = write("AuthorizationKey", "x")
    assert bench.cloud_says(text).down == [text]
    assert bench.station_says(result("w", {"status": "Accepted"})).down == []
