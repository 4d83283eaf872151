"""The relay where 2.0.1 or 2.1 is spoken: messages that 1.6 hasn't got, and ids that are used twice."""

import json

import pytest

from edge.domain.site import Mode
from edge.domain.station import SessionBegan, SessionEnded
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, call, evse, limit, result
from tests.unit.ocpp.slow_disk import SlowDisk

SEND = '[6, "p", "NotifyPeriodicEventStream", {"id": 1, "pending": 0, "basetime": "x", "data": []}]'


def connected(version: Version = Version.V21, mode: Mode = Mode.CONTROL) -> Bench:
    """A relayed station of one EVSE."""
    bench = Bench(version=version, mode=mode)
    bench.connect()
    return bench


@pytest.mark.parametrize("mode", Mode)
def test_send_passes_and_waits_for_nobody(mode: Mode) -> None:
    """While a CALL is outstanding in either direction, SEND goes through (2.1 part 4 §4.1.1)."""
    bench = connected(mode=mode)
    bench.cloud_says(call("c", "Reset", {"type": "Immediate"}))
    bench.station_says(call("s", "Heartbeat"))
    assert bench.station_says(SEND).up == [SEND]
    assert bench.cloud_says(SEND).down == [SEND]


def test_send_without_a_cloud_is_gone() -> None:
    """Nothing waits for it, so nothing keeps it."""
    bench = Bench(version=Version.V21)
    bench.connect(cloud=False)
    assert bench.station_says(SEND).up == []
    assert bench.find_cloud().up == []


def test_a_complaint_of_an_answer_passes() -> None:
    """CALLRESULTERROR goes to who gave the answer, unless it was the gateway."""
    bench = connected()
    text = '[5, "s", "FormatViolation", "no", {}]'
    assert bench.station_says(text).up == [text]
    text = '[5, "c", "FormatViolation", "no", {}]'
    assert bench.cloud_says(text).down == [text]
    bench.cloud_says(call("own", "GetCompositeSchedule"))
    step = bench.cloud_says('[5, "own", "FormatViolation", "no", {}]')
    assert (step.down, step.notes) == ([], ["the cloud can't use an answer of the gateway"])


def test_a_stations_complaint_bears_the_id_under_which_the_cloud_answered() -> None:
    """Its CALL may have gone up under one of ours: the cloud knows no other."""
    bench = Bench(version=Version.V21, stand_in=SlowDisk())
    bench.connect()
    (up,) = bench.station_says('[5, "s",  "FormatViolation", "no", {}]').up
    assert up == '[5, "up-s",  "FormatViolation", "no", {}]'


def test_a_complaint_of_an_answer_bears_the_id_that_the_answer_bore() -> None:
    """A CALL under an unanswered id goes down under one of ours: so does what the cloud says of its answer, until the
    id is the cloud's own again."""
    bench = connected()
    complaint = '[5, "c",  "FormatViolation", "no", {}]'
    bench.cloud_says(call("c", "Reset", {"type": "Immediate"}))
    bench.wait(30.0)
    (down,) = bench.cloud_says(call("c", "ClearCache")).down
    alias = json.loads(down)[1]
    bench.station_says(result(alias, {"status": "Accepted"}))
    assert bench.cloud_says(complaint).down == [complaint.replace('"c"', f'"{alias}"')]
    bench.station_says(result("c", {"status": "Scheduled"}))
    bench.cloud_says(call("c", "ClearCache"))
    bench.station_says(result("c", {"status": "Accepted"}))
    assert bench.cloud_says(complaint).down == [complaint]


@pytest.mark.parametrize(("version", "answered"), [(Version.V16, False), (Version.V201, True), (Version.V21, False)])
def test_an_unknown_message_type(version: Version, answered: bool) -> None:
    """2.0.1 wants to be told, 2.1 and 1.6 don't; nothing of it is passed on."""
    bench = connected(version)
    step = bench.station_says('[9,"x",{}]')
    assert step.up == []
    assert [json.loads(text)[:3] for text in step.down] == ([[4, "x", "MessageTypeNotSupported"]] if answered else [])
    step = bench.cloud_says('[9,"x",{}]')
    assert step.down == []
    assert len(step.up) == answered


def test_observing_passes_what_it_cannot_read() -> None:
    """A pure relay complains of nothing."""
    bench = connected(Version.V201, Mode.OBSERVE)
    assert bench.station_says('[9,"x",{}]').up == ['[9,"x",{}]']
    assert bench.cloud_says("hello").down == ["hello"]


def test_a_repeat_of_the_cloud_is_done_once() -> None:
    """The same message again while it waits or is being done: one answer serves both."""
    bench = connected(Version.V201)
    text = call("c", "Reset", {"type": "Immediate"})
    assert bench.cloud_says(text).down == [text]
    assert bench.cloud_says(text).notes == ["the cloud repeats a call that is being done"]
    assert bench.cloud_says(text).down == []
    answer = result("c", {"status": "Accepted"})
    step = bench.station_says(answer)
    assert (step.up, step.down) == ([answer], [])
    assert bench.cloud_says(text).down == [text]


def test_another_call_under_an_unanswered_id() -> None:
    """It goes down under an id of ours, and the late answer to the first doesn't go up: by the station nor by the cloud
    it can be taken for its own."""
    bench = connected(Version.V201)
    bench.cloud_says(call("c", "Reset", {"type": "Immediate"}))
    bench.wait(30.0)
    (down,) = bench.cloud_says(call("c", "ClearCache")).down
    _, alias, action, _ = json.loads(down)
    assert (alias != "c", action) == (True, "ClearCache")
    late = result("c", {"status": "Scheduled"})
    assert bench.station_says(late).up == []
    assert bench.station_says(result(alias, {"status": "Accepted"})).up == [result("c", {"status": "Accepted"})]


def test_a_limit_overtakes_in_every_edition() -> None:
    """Cloud CALLs wait behind it."""
    bench = connected(Version.V21)
    bench.cloud_says(call("c1", "ClearCache"))
    bench.cloud_says(call("c2", "ClearCache"))
    bench.write(limit())
    step = bench.station_says(result("c1", {"status": "Accepted"}))
    assert step.own_call[1] == "SetChargingProfile"


def test_a_station_that_comes_back_with_another_edition() -> None:
    """What ran before is still known: its end is told in the words of the new edition (FoxESS, lbbrhzn issue 2008)."""
    bench = Bench(evse(1))
    bench.connect()
    meter = {"connectorId": 1, "transactionId": 7, "meterValue": []}
    assert [type(fact) for fact in bench.station_says(call("m", "MeterValues", meter)).facts] == [SessionBegan]
    bench.lose_station()
    bench.version = Version.V201
    bench.connect()
    info = {"eventType": "Started", "transactionInfo": {"transactionId": "t"}, "evse": {"id": 1}}
    facts = bench.station_says(call("e", "TransactionEvent", info)).facts
    assert [type(fact) for fact in facts] == [SessionEnded, SessionBegan]


@pytest.mark.parametrize(("place", "began"), [(2, True), (7, False), (None, False)])
def test_a_transaction_from_before_our_start_runs_where_it_was_told_to(place: int | None, began: bool) -> None:
    """Only its first event names the EVSE, and not every station repeats one when asked: its car would stay at the idle
    limit of 0 A until its end. A place that the station hasn't got is none."""
    kept = {} if place is None else {"before": place}
    bench = Bench(evse(1), evse(2), version=Version.V201, stand_in=SlowDisk(**kept))
    bench.connect()
    info = {"transactionId": "before", "chargingState": "Charging"}
    event = {"eventType": "Updated", "timestamp": "2026-06-01T12:00:00Z", "triggerReason": "MeterValuePeriodic"}
    step = bench.station_says(call("s", "TransactionEvent", {**event, "seqNo": 5, "transactionInfo": info}))
    assert [fact.key.evse for fact in step.facts if isinstance(fact, SessionBegan)] == ([2] if began else [])
