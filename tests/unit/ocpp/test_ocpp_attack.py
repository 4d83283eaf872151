"""Peers that mean harm, frame by frame: the relay answers for nothing that it doesn't know, and goes on."""

import json

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.site import Mode
from edge.domain.station import SessionBegan
from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.arbiter import CLOUD_TIMEOUT_S
from edge.ocpp.versions import Version
from edge.ocpp.wire import MOST_DEEP
from edge.offline import charges
from edge.offline.edition import Edition
from edge.offline.message import Request
from tests.unit.ocpp.ocpp_bench import Bench, call, limit, result

DEPTH = 100_000
DEEP = "[" * DEPTH + "]" * DEPTH
NESTED = "[" * 400 + "]" * 400  # can be read, but not all of it be written again
LONG = 100_000 * "x"
PROFILE = (
    '{"chargingProfileId":1,"id":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative",'
    '"chargingSchedule":{"id":1,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":10}]}}'
)
IDENTITY = '{"component":{"name":"SecurityCtrlr"},"variable":{"name":"Identity"},"attributeValue":"x"}'
WEAPONS = {
    "nothing but brackets": DEEP,
    "a deep payload": f'[2,"a","Heartbeat",{DEEP}]',
    "a deep profile": f'[2,"a","SetChargingProfile",{DEEP}]',
    "a nested start": f'[2,"a","RemoteStartTransaction",{{"idTag":"x","x":{NESTED},"chargingProfile":{PROFILE}}}]',
    "one in 2.x": f'[2,"a","RequestStartTransaction",{{"remoteStartId":1,"x":{NESTED},"chargingProfile":{PROFILE}}}]',
    "nested variables": f'[2,"a","SetVariables",{{"setVariableData":[{IDENTITY},{{"component":{NESTED}}}]}}]',
    "a nested list": f'[2,"a","SendLocalList",{{"listVersion":1,"x":{NESTED}}}]',
    "a nested transaction": f'[2,"a","StartTransaction",{{"connectorId":1,"idTag":"x","x":{NESTED}}}]',
    "a huge id": f'[2,"{LONG}","Reset",{{}}]',
    "a huge action": f'[2,"a","{LONG}",{{}}]',
    "a huge number": '[2,"a","SetChargingProfile",{"evseId":' + 400 * "9" + "}]",
    "half a character": '[2,"\\ud800","Reset",{}]',
    "null for a payload": '[2,"a","SetChargingProfile",null]',
    "a list for an object": '[2,"a","TransactionEvent",{"transactionInfo":[],"evse":7,"meterValue":{"a":5}}]',
    "numbers beyond all": '[2,"a","MeterValues",{"evseId":1,"connectorId":1,"meterValue":[{"timestamp":5,'
    '"sampledValue":[{"value":"NaN"},{"value":1e308,"unitOfMeasure":{"multiplier":400}}]}]}]',
    "the end of time": '[2,"a","NotifyEVChargingNeeds",{"evseId":1,"chargingNeeds":{"acChargingParameters":'
    '{"energyAmount":1e300},"departureTime":"9999-12-31T23:59:59Z"}}]',
    "variables of nothing": '[2,"a","SetVariables",{"setVariableData":[1,null,{"component":5}]}]',
    "an answer of nothing": '[3,"a"]',
    "an error of nothing": '[4,"a"]',
}


def connected(version: Version) -> Bench:
    """A relayed station, past our questions."""
    bench = Bench(version=version)
    bench.connect()
    return bench


def works(bench: Bench) -> None:
    """What the station asks is answered, and a limit reaches it next: at once, or when what is outstanding is over."""
    ask = call("alive", "Heartbeat")
    assert ask in bench.station_says(ask).up
    answer = result("alive", {"currentTime": "2026-06-01T12:00:00Z"})
    assert answer in bench.cloud_says(answer).down
    down = [*bench.write(limit(77)).down, *bench.wait(CLOUD_TIMEOUT_S).down]
    assert "SetChargingProfile" in [json.loads(text)[2] for text in down]


@pytest.mark.parametrize("version", list(Version))
def test_what_is_as_deep_as_can_be_is_a_frame(version: Version) -> None:
    """Far deeper than any message of OCPP; a level more isn't, and where nothing is controlled both pass."""
    text = f'[2,"a","Heartbeat",{"[" * (MOST_DEEP - 1)}{"]" * (MOST_DEEP - 1)}]'
    deeper = text.replace("[]", "[[]]")
    assert wire.parse(text, version).text == text
    with pytest.raises(FrameError, match="nested"):
        wire.parse(deeper, version)
    bench = Bench(version=version, mode=Mode.OBSERVE)
    bench.connect()
    assert bench.station_says(deeper).up == [deeper]


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("weapon", WEAPONS)
def test_a_frame_that_means_harm(version: Version, weapon: str) -> None:
    """From the station and from the cloud."""
    for side in ("station_says", "cloud_says"):
        bench = connected(version)
        getattr(bench, side)(WEAPONS[weapon])
        bench.wait(0.5)
        works(bench)


@pytest.mark.parametrize("version", list(Version))
def test_an_id_of_the_cloud_that_is_used_twice(version: Version) -> None:
    """Two CALLs of one id, the second before the first was answered: one after the other, each with its own answer."""
    bench = connected(version)
    first, second = call("d", "Reset", {"type": "x"}), call("d", "ClearCache")
    assert bench.cloud_says(first).down == [first]
    assert bench.cloud_says(second).down == []
    step = bench.station_says(result("d", {"status": "first"}))
    assert (step.up, step.down) == ([result("d", {"status": "first"})], [second])
    assert bench.station_says(result("d", {"status": "second"})).up == [result("d", {"status": "second"})]
    assert bench.station_says(result("d", {"status": "third"})).up == []
    works(bench)


@pytest.mark.parametrize("version", list(Version))
def test_a_cloud_that_answers_nothing_or_twice(version: Version) -> None:
    """The station's CALLs go up all the same; a second answer harms nobody."""
    bench = connected(version)
    asked = [call(str(number), "Heartbeat") for number in range(100)]
    assert [text for each in asked for text in bench.station_says(each).up] == asked
    for _ in range(2):
        bench.cloud_says(result("7"))
    bench.wait(31.0)
    works(bench)


@pytest.mark.parametrize("version", list(Version))
def test_a_station_that_comes_back_in_the_midst_of_calls(version: Version) -> None:
    """The limit on the line counts as silent, the one that waits as not sent; a late answer to either is nobody's."""
    bench = connected(version)
    identifier, _, _ = bench.write(limit(1)).own_call
    bench.cloud_says(call("c", "Reset", {"type": "x"}))
    bench.write(limit(2, purpose=Purpose.SESSION, transaction_id="7"))
    assert bench.lose_station().outcomes == [(1, "silent"), (2, "not sent")]
    bench.connect()
    for late in (identifier, "c"):
        step = bench.station_says(result(late, {"status": "Accepted"}))
        assert (step.up, step.down, step.outcomes) == ([], [], [])
    works(bench)


LONG_ONES = {
    "StopTransaction": True,
    "TransactionEvent": True,
    "DataTransfer": False,
    "StatusNotification": False,
    "BootNotification": False,
}


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("action", LONG_ONES)
@pytest.mark.parametrize("is_disguised", [False, True])
def test_only_what_brings_the_samples_of_a_session_is_long(
    action: str, version: Version, *, is_disguised: bool
) -> None:
    """Anything else of that length would be remembered of a station, for each connector or id, until no memory is left.
    A wire passes it."""
    payload = {"connectorId": 1, "timestamp": "x", "data": "x" * wire.LONG}
    text = call("long", action, payload | {"StopTransaction": 0} if is_disguised else payload)
    for mode in Mode:
        bench = Bench(version=version, mode=mode)
        bench.connect()
        passes = mode is Mode.OBSERVE or LONG_ONES[action]
        assert bench.station_says(text).up == ([text] if passes else [])
        assert bench.station_says(call("next", "Heartbeat")).up != []


@pytest.mark.parametrize("version", list(Version))
def test_a_message_id_is_no_novel(version: Version) -> None:
    """It is kept until the message is answered, and longer."""
    for side in ("station_says", "cloud_says"):
        bench = connected(version)
        step = getattr(bench, side)(call("x" * 2_000, "DataTransfer", {"vendorId": "V"}))
        assert not [text for text in (*step.up, *step.down) if "DataTransfer" in text]
        works(bench)


def test_a_transaction_id_is_no_novel() -> None:
    """It is remembered with thousands of others; OCPP 2.x has 36 characters for it."""
    bench = connected(Version.V201)
    payload = {
        "eventType": "Started",
        "timestamp": "2026-06-01T12:00:00Z",
        "triggerReason": "CablePluggedIn",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "x" * 256, "chargingState": "Charging"},
        "evse": {"id": 1},
    }
    text = call("e", "TransactionEvent", payload)
    step = bench.station_says(text)
    assert step.up == [text]
    assert [fact for fact in step.facts if isinstance(fact, SessionBegan)] == []
    request = Request(id="e", action="TransactionEvent", payload=payload, text=text)
    assert charges.read(Edition.V201, request).key is None
