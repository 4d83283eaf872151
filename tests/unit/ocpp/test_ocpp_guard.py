"""The guard of a station's configuration."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.domain.site import Mode
from edge.ocpp.guarded import TABLE, Policy
from edge.ocpp.settings import SecurityProfile, StationSecurity
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, Step, call, error, is_valid, result, stamp

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
    assert payload["key"][3:] == ["MeterValueSampleInterval", "MeterValuesSampledData"]
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


@pytest.mark.parametrize("version", list(Version))
def test_a_station_that_tells_fewer_at_once_is_asked_for_each(version: Version) -> None:
    """It refuses the whole question (2.x B06.FR.16, ItemsPerMessageGetVariables; 1.6 GetConfigurationMaxKeys). What it
    then lacks is written; what it refuses alone, too, it isn't asked again."""
    bench, identifier, payload = asked_first(version)
    (name,) = payload
    step, asked, written = bench.station_says(error(identifier, "OccurrenceConstraintViolation")), [], []
    while step.down:
        identifier, action, told = step.own_call
        assert is_valid(action, told, version)
        if action in ("GetVariables", "GetConfiguration"):
            asked += told[name]
            assert len(told[name]) == 1
            answer = error(identifier) if asked[0] == told[name][0] else result(identifier, interval_in(told[name][0]))
        else:
            written += [told] if action in ("SetVariables", "ChangeConfiguration") else []
            answer = result(identifier, {"status": "Accepted"})
        step = bench.station_says(answer)
    assert asked == payload[name]
    assert json.dumps(written).count('"10"') == len(written) == 1


def seldom(version: Version) -> dict[str, Any]:
    """An answer: the station's samples are a minute apart."""
    asked = variable("SampledDataCtrlr", "TxUpdatedInterval") if version.is_v2 else "MeterValueSampleInterval"
    return interval_in(asked)


def later_calls(bench: Bench) -> list[tuple[str, str]]:
    """Ids and actions of our CALLs within the next minute and a half, none of which is answered."""
    texts = [json.loads(text) for _ in range(9) for text in bench.wait(10.0).down]
    return [(identifier, action) for _, identifier, action, _ in texts]


@pytest.mark.parametrize("version", list(Version))
def test_a_late_answer_about_the_configuration_is_as_good(version: Version) -> None:
    """A station that starts may take half a minute: what it then says is written to, as if it had said so at once."""
    bench, identifier, _ = asked_first(version)
    later_calls(bench)
    write = bench.station_says(result(identifier, seldom(version))).own_call
    assert write[1] == ("SetVariables" if version.is_v2 else "ChangeConfiguration")


@pytest.mark.parametrize("version", list(Version))
def test_a_question_that_stays_unanswered_is_asked_once_more(version: Version) -> None:
    """It may have come in the wrong moment. On the next connection it is asked anew."""
    bench, first, _ = asked_first(version)
    question = "GetVariables" if version.is_v2 else "GetConfiguration"
    again = [identifier for identifier, action in later_calls(bench) if action == question]
    assert len(again) == 1
    assert again[0] != first
    step = bench.station_says(result(again[0], seldom(version)))
    assert own_writes(bench, step, version)


def interval_in(asked: Any) -> dict[str, Any]:
    """The answer about one variable or key: nothing, but that the station's samples are a minute apart."""
    if asked == "MeterValueSampleInterval":
        return {"configurationKey": [{"key": asked, "readonly": False, "value": "60"}]}
    if isinstance(asked, str):
        return {"unknownKey": [asked]}
    if asked["variable"]["name"] == "TxUpdatedInterval":
        return {"getVariableResult": [{**asked, "attributeStatus": "Accepted", "attributeValue": "60"}]}
    return {"getVariableResult": [{**asked, "attributeStatus": "UnknownVariable"}]}


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


@pytest.mark.parametrize("key", ["Cst_BackendUrl", "centralsystemuri", "Vendor.Backend.2"])
@pytest.mark.parametrize("value", ["wss://elsewhere", " WS://elsewhere/ocpp"])
def test_no_key_of_1_6_is_given_another_clouds_address(key: str, value: str) -> None:
    """What a station calls it is its maker's own: a WebSocket address has no other use."""
    step = connected().cloud_says(write(key, value))
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
    assert payload["getVariableData"][3:] == [
        variable("SampledDataCtrlr", "TxUpdatedInterval"),
        variable("SampledDataCtrlr", "TxUpdatedMeasurands"),
        variable("SampledDataCtrlr", "Enabled"),
        variable("SmartChargingCtrlr", "Enabled"),
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
            {
                "setVariableData": [
                    variable("SecurityCtrlr", "BasicAuthPassword", "x"),
                    variable("SecurityCtrlr", "Identity", "Y"),
                ]
            },
        ),
        ("SetVariables", {"setVariableData": [variable("OCPPCommCtrlr", "NetworkConfigurationPriority", "2")]}),
        ("SetVariables", {"setVariableData": [variable("NetworkConfiguration", "OcppCsmsUrl", "wss://elsewhere")]}),
        ("SetVariables", {"setVariableData": [variable("Vendor", "Csms", "wss://elsewhere")]}),
        ("SetVariables", {"setVariableData": [{**variable("SecurityCtrlr", "Identity", "Y"), "key": "X"}]}),
    ],
)
def test_a_2_x_write_that_leads_away_is_refused(action: str, payload: dict[str, Any]) -> None:
    """With an answer that is valid."""
    step = connected(Version.V201).cloud_says(call("w", action, payload))
    assert step.down == []
    (up,) = step.up
    assert is_valid(action, json.loads(up)[2], Version.V201, answer=True)


def test_what_may_be_set_passes_beside_what_may_not() -> None:
    """Of one SetVariables the station gets the rest; the cloud gets as many results as it asked for, in its order."""
    bench = connected(Version.V201)
    asked = [
        variable("OCPPCommCtrlr", "HeartbeatInterval", "60"),
        variable("OCPPCommCtrlr", "NetworkConfigurationPriority", "2"),
        {**variable("SmartChargingCtrlr", "Enabled", "false"), "attributeType": "Actual"},
        variable("LocalAuthListCtrlr", "Enabled", "true"),
    ]
    (down,) = bench.cloud_says(call("w", "SetVariables", {"setVariableData": asked})).down
    kind, identifier, action, payload = json.loads(down)
    assert (kind, identifier, action) == (2, "w", "SetVariables")
    assert payload == {"setVariableData": [asked[0], asked[3]]}
    told = [
        {**variable("OCPPCommCtrlr", "HeartbeatInterval"), "attributeStatus": "Accepted"},
        {**variable("LocalAuthListCtrlr", "Enabled"), "attributeStatus": "RebootRequired"},
    ]
    (up,) = bench.station_says(result("w", {"setVariableResult": told})).up
    results = json.loads(up)[2]["setVariableResult"]
    assert is_valid("SetVariables", {"setVariableResult": results}, Version.V201, answer=True)
    assert [each["attributeStatus"] for each in results] == ["Accepted", "Rejected", "Rejected", "RebootRequired"]
    assert [each["variable"] for each in results] == [each["variable"] for each in asked]
    assert "follows no limit" in results[2]["attributeStatusInfo"]["additionalInfo"]


def test_an_error_is_passed_on_whatever_was_kept_back() -> None:
    """The station may not know how to set variables at all; the next CALL of that id is another one."""
    bench = connected(Version.V201)
    asked = [variable("X", "Y", "1"), variable("SecurityCtrlr", "Identity", "2")]
    bench.cloud_says(call("w", "SetVariables", {"setVariableData": asked}))
    assert bench.station_says(error("w")).up == [error("w")]
    bench.cloud_says(call("w", "SetVariables", {"setVariableData": asked[:1]}))
    answer = result("w", {"setVariableResult": [{**variable("X", "Y"), "attributeStatus": "Accepted"}]})
    assert bench.station_says(answer).up == [answer]


def test_signed_writes_pass_whole_or_not_at_all() -> None:
    """Nobody can take a part out of them without breaking the signature."""
    bench = connected(Version.V201)
    asked = [variable("X", "Y", "1"), variable("SecurityCtrlr", "Identity", "2")]
    encoded = base64.urlsafe_b64encode(json.dumps({"setVariableData": asked}).encode()).decode().rstrip("=")
    body = {"payload": encoded, "protected": "e30", "signature": "AA"}
    step = bench.cloud_says(json.dumps([2, "w", "SetVariables-Signed", body]))
    assert step.down == []
    results = json.loads(step.up[0])[2]["setVariableResult"]
    assert [each["attributeStatus"] for each in results] == ["Rejected", "Rejected"]


def test_what_says_what_control_needs_passes() -> None:
    """Smart charging may be switched on by the cloud, though not off; names have no case."""
    bench = connected(Version.V201)
    text = call("w", "SetVariables", {"setVariableData": [variable("smartchargingctrlr", "ENABLED", "True")]})
    assert bench.cloud_says(text).down == [text]
    bench = connected(Version.V201)
    text = call("w", "SetVariables", {"setVariableData": [variable("smartchargingctrlr", "ENABLED", "false")]})
    assert bench.cloud_says(text).down == []


@pytest.mark.parametrize(
    ("component", "name", "read_as"),
    [("SampledDataCtrlr", "Enabled", "false"), ("SmartChargingCtrlr", "Enabled", "true")],
)
def test_what_is_switched_off_is_switched_on(component: str, name: str, read_as: str) -> None:
    """Samples and smart charging. What the cloud may set it reads as it was; what it may not, as it is."""
    bench, identifier, _ = asked_first(Version.V201)
    has = [{**variable(component, name, "false"), "attributeStatus": "Accepted"}]
    step = bench.station_says(result(identifier, {"getVariableResult": has}))
    assert own_writes(bench, step, Version.V201) == [{"setVariableData": [variable(component, name, "true")]}]
    bench.cloud_says(call("r", "GetVariables"))
    (up,) = bench.station_says(result("r", {"getVariableResult": [{**has[0], "attributeValue": "true"}]})).up
    assert json.loads(up)[2]["getVariableResult"][0]["attributeValue"] == read_as


def test_keys_of_1_6_have_no_case() -> None:
    """CiString50: a write and a reading in other letters are of the same key."""
    bench = connected()
    bench.cloud_says(write("meterValueSampleINTERVAL", "300"))
    step = bench.station_says(result("w", {"status": "Accepted"}))
    assert own_writes(bench, step, Version.V16) == [{"key": "MeterValueSampleInterval", "value": "10"}]
    bench.cloud_says(call("r", "GetConfiguration"))
    has = [{"key": "MeterValueSampleInterval", "readonly": False, "value": "10"}]
    (up,) = bench.station_says(result("r", {"configurationKey": has})).up
    assert json.loads(up)[2]["configurationKey"][0]["value"] == "300"


def test_what_can_not_be_written_reads_so() -> None:
    """A key whose writes are refused is told as readonly (1.6); its value as it is."""
    bench = connected()
    bench.cloud_says(call("r", "GetConfiguration"))
    has = [{"key": key, "readonly": False, "value": "1"} for key in ("SecurityProfile", "HeartbeatInterval")]
    (up,) = bench.station_says(result("r", {"configurationKey": has})).up
    told = json.loads(up)[2]["configurationKey"]
    assert told == [{**has[0], "readonly": True}, has[1]]


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (Version.V16, write("AuthorizationKey", "0123456789abcdef0123")),
        (
            Version.V201,
            call("w", "SetVariables", {"setVariableData": [variable("SecurityCtrlr", "BasicAuthPassword", "x" * 16)]}),
        ),
    ],
)
@pytest.mark.parametrize("key_is_checked", [True, False])
def test_a_new_key_passes_where_the_gateway_checks_none(version: Version, text: str, key_is_checked: bool) -> None:
    """A cloud may change the keys of stations that show them to it alone."""
    bench = Bench(version=version, key_is_checked=key_is_checked)
    bench.connect()
    assert bench.cloud_says(text).down == ([] if key_is_checked else [text])


@pytest.mark.parametrize(
    ("security", "checks"),
    [
        (StationSecurity(profile=SecurityProfile.NONE), False),
        (StationSecurity(profile=SecurityProfile.BASIC), True),
        (StationSecurity(profile=SecurityProfile.TLS), True),
        (StationSecurity(profile=SecurityProfile.MUTUAL), False),
        (StationSecurity(profile=SecurityProfile.NONE, cloud_key=b"a key of the gateway"), True),
    ],
)
def test_whose_key_the_gateway_checks(security: StationSecurity, checks: bool) -> None:
    """Profiles 1 and 2, and stations for which it shows the cloud a key of its own."""
    assert security.checks_key is checks


@pytest.mark.parametrize("version", list(Version))
def test_every_row_is_done_as_it_says(version: Version) -> None:
    """A write of each variable of the table: refused, passed on, or passed on and followed by ours."""
    for row in TABLE[version.is_v2]:
        bench = connected(version)
        payload: dict[str, Any]
        answer: dict[str, Any]
        if version is Version.V16:
            action, payload, answer = "ChangeConfiguration", {"key": row.name, "value": "0"}, {"status": "Accepted"}
        else:
            action, payload = "SetVariables", {"setVariableData": [variable(row.component, row.name, "0")]}
            answer = {"setVariableResult": [{**variable(row.component, row.name), "attributeStatus": "Accepted"}]}
        text = call("w", action, payload)
        step = bench.cloud_says(text)
        refused = row.policy in (Policy.REFUSE, Policy.KEY)
        assert step.down == ([] if refused else [text]), row.name
        assert len(step.up) == refused, row.name
        if not refused:
            step = bench.station_says(result("w", answer))
            assert len(own_writes(bench, step, version)) == (row.policy is Policy.TRANSLATE), row.name


def test_the_manual_has_every_row() -> None:
    """Name, policy and reason of each."""
    text = (Path(__file__).parents[3] / "docs" / "ocpp.md").read_text(encoding="utf-8")
    for row in (*TABLE[False], *TABLE[True]):
        name = f"{row.component}.{row.name}" if row.component else row.name
        what = row.policy.value if row.need is None else f"{row.policy.value}: {row.need.value}"
        assert f"| {name} | {what} | {row.why} |" in text


def report(*data: dict[str, Any]) -> str:
    """A station's NotifyReport."""
    payload = {"requestId": 7, "seqNo": 0, "generatedAt": "2026-11-21T12:00:00Z", "reportData": list(data)}
    return call("n", "NotifyReport", payload)


def reported(component: str, name: str, *attributes: dict[str, Any]) -> dict[str, Any]:
    """One variable of it."""
    return {**variable(component, name), "variableAttribute": list(attributes)}


def cloud_writes_an_interval(bench: Bench, version: Version) -> None:
    """The cloud wants a sample every 90 s, which the station takes."""
    wanted = {"setVariableData": [variable("SampledDataCtrlr", "TxUpdatedInterval", "90")]}
    bench.cloud_says(call("w", "SetVariables", wanted))
    taken = {**variable("SampledDataCtrlr", "TxUpdatedInterval"), "attributeStatus": "Accepted"}
    own_writes(bench, bench.station_says(result("w", {"setVariableResult": [taken]})), version)


@pytest.mark.parametrize("version", [Version.V201, Version.V21])
def test_a_report_tells_the_cloud_what_it_wrote(version: Version) -> None:
    """Its actual value in each report; targets, bounds and all else are the station's."""
    bench = connected(version)
    cloud_writes_an_interval(bench, version)
    other = reported("SampledDataCtrlr", "TxEndedInterval", {"value": "60"})
    interval = reported("sampledDataCtrlr", "TxUpdatedInterval", {"value": "10"}, {"type": "Target", "value": "10"})
    (up,) = bench.station_says(report(other, interval)).up
    told = reported("sampledDataCtrlr", "TxUpdatedInterval", {"value": "90"}, {"type": "Target", "value": "10"})
    assert json.loads(up) == json.loads(report(other, told))
    assert is_valid("NotifyReport", json.loads(up)[3], version)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_report_without_what_the_cloud_wrote_is_not_touched(mode: Mode) -> None:
    """To the letter, also one of odd data; and each while the controller only observes."""
    bench = connected(Version.V201, mode)
    spaced = report(reported("SampledDataCtrlr", "TxUpdatedInterval", {"value": "10"})).replace(",", " ,")
    assert bench.station_says(spaced).up == [spaced]
    if mode is Mode.CONTROL:
        cloud_writes_an_interval(bench, Version.V201)
        spaced = spaced.replace("Updated", "Ended")
    odd = spaced.replace('{"requestId', '{"odd": [null, 1], "requestId')
    assert bench.station_says(odd.replace('"n"', '"m"')).up == [odd.replace('"n"', '"m"')]


def night(*more: dict[str, Any], every_s: int = 10, kinds: int = 1) -> str:
    """A StopTransaction with the samples of a night's session."""
    end = datetime(2026, 6, 2, 6, tzinfo=UTC)
    stamps = [stamp(end - timedelta(seconds=ago_s)) for ago_s in range(36_000, -1, -every_s)]
    samples = [
        {"timestamp": at, "sampledValue": [{"value": f"{kind} at {at}", "measurand": MEASURANDS.split(",")[kind]}]}
        for at in stamps
        for kind in range(kinds)
    ]
    payload = {"transactionId": 7, "meterStop": 30_000, "timestamp": stamp(end), "transactionData": [*more, *samples]}
    return call("s", "StopTransaction", payload)


def data_of(text: str) -> list[dict[str, Any]]:
    """The samples in it."""
    found: list[dict[str, Any]] = json.loads(text)[3]["transactionData"]
    return found


def cloud_wants_samples(bench: Bench, every_s: int) -> None:
    """The cloud sets a 1.6 station's interval, and the gateway its own behind that."""
    bench.cloud_says(write("MeterValueSampleInterval", str(every_s)))
    assert own_writes(bench, bench.station_says(result("w", {"status": "Accepted"})), Version.V16)


@pytest.mark.parametrize("kinds", [1, 3])
def test_a_stop_has_as_many_samples_as_the_cloud_wanted(kinds: int) -> None:
    """The gateway wants them six times as often, and a station puts all of a session in there: some clouds would end
    the connection on that."""
    bench = connected()
    cloud_wants_samples(bench, 60)
    (up,) = bench.station_says(night(kinds=kinds)).up
    assert is_valid("StopTransaction", json.loads(up)[3])
    assert data_of(up) == data_of(night(every_s=60, kinds=kinds))[: 600 * kinds] + data_of(night(kinds=kinds))[-kinds:]
    assert {**json.loads(up)[3], "transactionData": []} == {**json.loads(night())[3], "transactionData": []}


def test_a_stop_keeps_what_is_billed_by() -> None:
    """Signed values, those of begin and end, and what can't be understood; with an interval of 0 the first and the last
    of the others, too."""
    signed = {"timestamp": "2026-06-01T20:00:05Z", "sampledValue": [{"value": "x", "format": "SignedData"}]}
    begin = {"timestamp": "2026-06-01T20:00:00Z", "sampledValue": [{"value": "0", "context": "Transaction.Begin"}]}
    odd = {"timestamp": 7, "sampledValue": [{"value": "0"}]}
    bench = connected()
    cloud_wants_samples(bench, 0)
    bare = {"timestamp": "2026-06-01T20:00:05Z", "sampledValue": [{"value": 'OCMF|{"FV":"1.0"}|{"SD":"30"}'}]}
    text = night(begin, signed, begin, signed, odd, odd, bare, bare)
    (up,) = bench.station_says(text).up
    assert data_of(up) == [*data_of(text)[:9], data_of(text)[-1]]


def test_a_stop_of_a_clock_that_was_set_back_keeps_both_times() -> None:
    """An hour is told twice."""
    bench = connected()
    cloud_wants_samples(bench, 60)
    earlier = data_of(night())[:360]
    (up,) = bench.station_says(night(*earlier)).up
    assert len(data_of(up)) == 60 + 600 + 1


def test_a_stop_passes_to_the_letter_otherwise() -> None:
    """A short one; one of a station whose interval is the cloud's own; any while the controller only observes."""
    short = night(every_s=600)
    bench = connected()
    cloud_wants_samples(bench, 3600)
    assert bench.station_says(short).up == [short]
    for mode in Mode:
        bench = connected(mode=mode)
        bench.cloud_says(write("MeterValueSampleInterval", "5"))
        bench.station_says(result("w", {"status": "Accepted"}))
        assert bench.station_says(night()).up == [night()]


def test_while_observing_everything_passes() -> None:
    """The guard is the control's."""
    bench = connected(mode=Mode.OBSERVE)
    text = write("AuthorizationKey", "x")
    assert bench.cloud_says(text).down == [text]
    assert bench.station_says(result("w", {"status": "Accepted"})).down == []


def measurands_written(version: Version, has: str, takes: set[str], most: int = 9) -> list[str]:
    """What of the measurands is written to a station that has these and takes others: so many at most."""
    bench, identifier, _ = asked_first(version)
    place = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedMeasurands"}}
    told = {"getVariableResult": [{**place, "attributeStatus": "Accepted", "attributeValue": has}]}
    keys = {"configurationKey": [{"key": "MeterValuesSampledData", "readonly": False, "value": has}]}
    step, written = bench.station_says(result(identifier, told if version.is_v2 else keys)), []
    while step.down:
        identifier, action, payload = step.own_call
        assert is_valid(action, payload, version)
        entry = (payload.get("setVariableData") or [payload])[0]
        if action not in ("ChangeConfiguration", "SetVariables"):
            step = bench.station_says(error(identifier))
            continue
        written.append(entry.get("value") or entry["attributeValue"])
        names = written[-1].split(",")
        status = "Accepted" if set(names) <= takes and len(names) <= most else "Rejected"
        answer = {"setVariableResult": [{**place, "attributeStatus": status}]}
        step = bench.station_says(result(identifier, answer if version.is_v2 else {"status": status}))
    return written


ENERGY, CURRENT, POWER = "Energy.Active.Import.Register", "Current.Import", "Power.Active.Import"


@pytest.mark.parametrize("version", list(Version))
def test_a_station_that_refuses_measurands_together_is_told_each_alone(version: Version) -> None:
    """EVBox Elvi (lbbrhzn/ocpp issue 221): it has no power, and refused the current with it. What it takes stays."""
    tried = measurands_written(version, f"Voltage,{ENERGY}", {"Voltage", ENERGY, CURRENT})
    mine = f"Voltage,{ENERGY},{CURRENT}"
    assert tried == [f"{mine},{POWER}", mine, f"{mine},{POWER}"]
    tried = measurands_written(version, "Voltage", {"Voltage", POWER, CURRENT, ENERGY}, 2)  # the most needed first
    assert tried[:2] == [f"Voltage,{CURRENT},{POWER},{ENERGY}", f"Voltage,{CURRENT}"]
    assert len(tried) == 4


@pytest.mark.parametrize("version", list(Version))
def test_one_measurand_that_is_refused_is_not_told_again(version: Version) -> None:
    """It isn't there; nor is what is taken at once."""
    assert measurands_written(version, f"{ENERGY},{CURRENT}", {ENERGY, CURRENT}) == [f"{ENERGY},{CURRENT},{POWER}"]
    assert len(measurands_written(version, ENERGY, {ENERGY, CURRENT, POWER})) == 1
